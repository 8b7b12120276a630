const percent = (share, digits = 1) => share == null ? "–" : (100 * share).toFixed(digits) + "%";
const make = (name, attributes = {}, text) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
};
const draw = (name, attributes, text) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
};
const colour = place => `var(--c${place % 8})`;

/** Round steps that cover a range. */
function ticks(low, high, most = 5) {
  const rough = (high - low || 1) / most, size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(one => one * size).find(one => one >= rough);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-6; at += step) found.push(+at.toPrecision(10));
  return found;
}

/** Of points near each other one says the numbers of all: none lies over another. */
function grouped(numbers) {
  const found = [];
  for (const one of numbers.toSorted((a, b) => a.x - b.x)) {
    const near = found.find(({ x, y, said }) => Math.abs(y - one.y) < 13 && one.x < x + 7 * (said.length + 1));
    if (near) near.said += `, ${one.said}`; else found.push({ ...one });
  }
  return found;
}

/** Draw lines and points; x and y are told how to be written. */
function chart(parent, { series, x, y, lines = [] }) {
  const style = getComputedStyle(parent), inner = parent.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const width = Math.max(inner, 260), height = 310, left = 56, bottom = 40, top = 10, right = 14;
  const all = series.flatMap(one => one.points).filter(([, b]) => Number.isFinite(b));
  if (!all.length) { parent.append(make("p", {}, "Nothing to draw.")); return; }
  const range = (values, given = []) => {
    const low = given[0] ?? Math.min(...values), high = given[1] ?? Math.max(...values);
    return high > low ? [low, high] : [low - (Math.abs(low) || 1) * .05, high + (Math.abs(high) || 1) * .05];
  };
  const [x0, x1] = range(all.map(one => one[0]), x.range), [y0, y1] = range(all.map(one => one[1]), y.range);
  const px = value => left + (value - x0) / (x1 - x0) * (width - left - right);
  const py = value => height - bottom - (value - y0) / (y1 - y0) * (height - bottom - top);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${y.title} against ${x.title}` });
  for (const at of ticks(y0, y1)) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width - right, y1: py(at), y2: py(at) }));
    svg.append(draw("text", { x: left - 6, y: py(at) + 4, "text-anchor": "end" }, y.write(at)));
  }
  for (const at of ticks(x0, x1, width > 700 ? 10 : 5)) svg.append(draw("text", { x: px(at), y: height - bottom + 16, "text-anchor": "middle" }, x.write(at)));
  svg.append(draw("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, x.title));
  for (const { from, to, title } of lines) {
    svg.append(draw("line", { x1: px(from[0]), y1: py(from[1]), x2: px(to[0]), y2: py(to[1]), stroke: "var(--faint)", "stroke-dasharray": "4 4" }));
    const late = px(from[0]) > .85 * width;
    if (title) svg.append(draw("text", { x: px(from[0]) + (late ? -4 : 4), y: py(from[1]) - 5, "text-anchor": late ? "end" : "start" }, title));
  }
  const legend = make("div", { class: "legend" }), numbers = [];
  for (const one of series) {
    const shown = one.points.filter(([, b]) => Number.isFinite(b) && b >= y0 - 1e-12 && b <= y1 + 1e-12);
    const style = `stroke:${one.colour};opacity:${one.faint ? .4 : 1}${one.dashed ? ";stroke-dasharray:6 3" : ""}`;
    if (!one.dots) svg.append(draw("polyline", { class: "series", style, points: shown.map(([a, b]) => `${px(a)},${py(b)}`).join(" ") }));
    for (const [a, b, share = .1] of one.dots || one.marks ? shown : []) {
      const dot = draw("circle", { cx: px(a), cy: py(b), r: one.dots ? 5 : 1.5 + 4 * Math.sqrt(share), style: `fill:${one.colour};opacity:${one.faint ? .4 : 1}` });
      dot.append(draw("title", {}, `${one.name}: ${x.write(a)}, ${y.write(b)}`));
      svg.append(dot);
      if (one.number) numbers.push({ x: px(a), y: py(b), said: one.number });
    }
    if (one.name && !one.faint) {
      const entry = make("span", {}, one.number ? `${one.number} ${one.name}` : one.name);
      if (!one.number) entry.prepend(make("i", { style: one.dashed ? `border:2px dashed ${one.colour}` : `background:${one.colour}` }));
      legend.append(entry);
    }
  }
  for (const { x, y, said } of grouped(numbers)) {
    const late = x > .9 * width;
    svg.append(draw("text", { x: x + (late ? -8 : 8), y: y - 7, "text-anchor": late ? "end" : "start", style: "fill:var(--ink);stroke:var(--card);stroke-width:3;paint-order:stroke" }, said));
  }
  parent.append(svg);
  if (series.length > 1 || series[0].name) parent.append(legend);
}
