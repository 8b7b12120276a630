"""Alerting rules tried on made-up series, as `promtool test rules` does, without Prometheus.

Evaluates what our rules use of PromQL, by its documented semantics; anything else is an error, not a guess.
The parser is GreptimeDB's, by way of promql-parser.
"""

import itertools
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import promql_parser
from promql_parser import AggModifierType, MatchOp, VectorMatchCardinality

LOOKBACK_SECONDS = 300.0
Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Value = float | Vector
NAME = "__name__"

ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else math.nan if not left else math.copysign(math.inf, left),
}
COMPARING: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
AGGREGATING: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": math.fsum,
    "max": max,
    "min": min,
    "count": len,
    "avg": lambda values: math.fsum(values) / len(values),
}
MATCHING: Mapping[str, Callable[[str, str], bool]] = {
    str(MatchOp.Equal): operator.eq,
    str(MatchOp.NotEqual): operator.ne,
    str(MatchOp.Re): lambda value, wanted: re.fullmatch(wanted, value) is not None,
    str(MatchOp.NotRe): lambda value, wanted: re.fullmatch(wanted, value) is None,
}


class NotSupported(Exception):
    """The rule uses what is not evaluated here."""


@dataclass(frozen=True)
class Series:
    """Samples (seconds, value), oldest first."""

    labels: Labels
    samples: Sequence[tuple[float, float]]


@dataclass
class Evaluation:
    """One expression at one moment."""

    series: Sequence[Series]
    now: float

    def value(self, node: Any) -> Value:
        kind = type(node).__name__
        method = getattr(self, f"_{kind}", None)
        if method is None:
            raise NotSupported(kind)
        found: Value = method(node)
        return found

    def _NumberLiteral(self, node: Any) -> float:  # noqa: N802  named by the parser's classes
        return float(node.val)

    def _ParenExpr(self, node: Any) -> Value:  # noqa: N802
        return self.value(node.expr)

    def _VectorSelector(self, node: Any) -> Vector:  # noqa: N802
        if node.offset or node.at:
            raise NotSupported("offset")
        found: Vector = {}
        for series in selected(self.series, node):
            recent = [value for at, value in series.samples if self.now - LOOKBACK_SECONDS < at <= self.now]
            if recent:
                found[series.labels] = recent[-1]
        return found

    def _AggregateExpr(self, node: Any) -> Vector:  # noqa: N802
        groups: dict[Labels, list[float]] = {}
        for labels, value in self._vector(node.expr).items():
            groups.setdefault(_grouped(labels, node.modifier), []).append(value)
        aggregate = AGGREGATING[str(node.op)]
        return {labels: aggregate(values) for labels, values in groups.items()}

    def _BinaryExpr(self, node: Any) -> Value:  # noqa: N802
        op, left, right = str(node.op), self.value(node.lhs), self.value(node.rhs)
        if op in {"and", "or", "unless"}:
            assert isinstance(left, dict)
            assert isinstance(right, dict)
            return _set(op, left, right, node.modifier)
        if isinstance(left, dict) and isinstance(right, dict):
            return _matched(op, left, right, node.modifier)
        if isinstance(left, dict):
            assert isinstance(right, float)
            return _each(op, {labels: (value, right, value) for labels, value in left.items()})
        if isinstance(right, dict):
            return _each(op, {labels: (left, value, value) for labels, value in right.items()})
        return ARITHMETIC[op](left, right)

    def _Call(self, node: Any) -> Value:  # noqa: N802
        match node.func.name, node.args:
            case "time", []:
                return self.now
            case "abs", [argument]:
                return {_unnamed(labels): abs(value) for labels, value in self._vector(argument).items()}
            case "absent", [argument]:
                return {} if self._vector(argument) else {_told(argument): 1.0}
            case ("rate" | "increase") as name, [matrix]:
                return self._increase(matrix, per_second=name == "rate")
            case "histogram_quantile", [share, buckets]:
                wanted = self.value(share)
                assert isinstance(wanted, float)
                return _quantile(wanted, self._vector(buckets))
            case name, _:
                raise NotSupported(name)
        raise AssertionError

    def _vector(self, node: Any) -> Vector:
        found = self.value(node)
        assert isinstance(found, dict), "a vector is needed"
        return found

    def _increase(self, matrix: Any, *, per_second: bool) -> Vector:
        span = matrix.range.total_seconds()
        found: Vector = {}
        for series in selected(self.series, matrix.vector_selector):
            samples = [(at, value) for at, value in series.samples if self.now - span <= at <= self.now]
            if len(samples) > 1:
                grown = extrapolated(samples, self.now - span, self.now)
                found[_unnamed(series.labels)] = grown / span if per_second else grown
        return found


def extrapolated(samples: Sequence[tuple[float, float]], start: float, end: float) -> float:
    """How much a counter grew over the span, as Prometheus has it: a reset starts at 0, the ends are drawn on."""
    (first_at, first), (last_at, last) = samples[0], samples[-1]
    resets = math.fsum(before for (_, before), (_, after) in itertools.pairwise(samples) if after < before)
    grown, sampled = last - first + resets, last_at - first_at
    between = sampled / (len(samples) - 1)
    to_start, to_end = first_at - start, end - last_at
    if grown > 0 and first >= 0:
        to_start = min(to_start, sampled * first / grown)  # it was never below 0
    limit = between * 1.1
    length = sampled + sum(gap if gap < limit else between / 2 for gap in (to_start, to_end))
    return grown * length / sampled


def selected(series: Iterable[Series], selector: Any) -> list[Series]:
    """The series that a selector means."""
    wanted = [(each.name, MATCHING[str(each.op)], each.value) for each in selector.matchers.matchers]
    found = [each for each in series if dict(each.labels)[NAME] == selector.name]
    return [each for each in found if all(fits(dict(each.labels).get(name, ""), value) for name, fits, value in wanted)]


def _told(selector: Any) -> Labels:
    """The labels that `absent` can tell of what is not there."""
    matchers = selector.matchers.matchers
    return frozenset((each.name, each.value) for each in matchers if str(each.op) == str(MatchOp.Equal))


def _set(op: str, left: Vector, right: Vector, modifier: Any) -> Vector:
    theirs = {_matching(labels, modifier) for labels in right}
    if op == "or":
        ours = {_matching(labels, modifier) for labels in left}
        return left | {labels: value for labels, value in right.items() if _matching(labels, modifier) not in ours}
    keeps = op == "and"
    return {labels: value for labels, value in left.items() if (_matching(labels, modifier) in theirs) == keeps}


def _matched(op: str, left: Vector, right: Vector, modifier: Any) -> Vector:
    if modifier is not None and str(modifier.card) != str(VectorMatchCardinality.OneToOne):
        raise NotSupported("group_left")
    by_match = {_matching(labels, modifier): value for labels, value in right.items()}
    assert len(by_match) == len(right), "many match one"
    pairs = {
        labels: (value, by_match[match], value)
        for labels, value in left.items()
        if (match := _matching(labels, modifier)) in by_match
    }
    return _each(op, pairs)


def _each(op: str, operands: Mapping[Labels, tuple[float, float, float]]) -> Vector:
    """Apply an operator; a comparison keeps the third value of those that hold."""
    if (holds := COMPARING.get(op)) is not None:
        return {labels: kept for labels, (left, right, kept) in operands.items() if holds(left, right)}
    return {_unnamed(labels): ARITHMETIC[op](left, right) for labels, (left, right, _) in operands.items()}


def _matching(labels: Labels, modifier: Any) -> Labels:
    matching = modifier.matching if modifier is not None else None
    if matching is None:
        return _unnamed(labels)
    if not str(matching).startswith("on"):
        raise NotSupported("ignoring")
    return frozenset(pair for pair in labels if pair[0] in matching.labels)


def _grouped(labels: Labels, modifier: Any) -> Labels:
    if modifier is None:
        return frozenset()
    if str(modifier.type) != str(AggModifierType.By):
        raise NotSupported("without")
    return frozenset(pair for pair in labels if pair[0] in modifier.labels)


def _unnamed(labels: Labels) -> Labels:
    return frozenset(pair for pair in labels if pair[0] != NAME)


def _quantile(share: float, buckets: Vector) -> Vector:
    """Interpolate within the bucket in which the quantile lies; beyond the last bound there is only that."""
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, count in buckets.items():
        bound = float(dict(labels)["le"])
        groups.setdefault(frozenset(pair for pair in labels if pair[0] not in {"le", NAME}), []).append((bound, count))
    return {labels: _within(share, sorted(group)) for labels, group in groups.items()}


def _within(share: float, buckets: Sequence[tuple[float, float]]) -> float:
    wanted = share * buckets[-1][1]
    if not buckets[-1][1]:
        return math.nan
    low, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            return low if math.isinf(bound) else low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return low


@dataclass
class Alerting:
    """One rule, evaluated again and again."""

    name: str
    expression: str
    hold_seconds: float
    labels: Mapping[str, str]
    pending: dict[Labels, float] = field(default_factory=dict)
    """Since when each has held."""

    def firing(self, series: Sequence[Series], now: float) -> list[dict[str, str]]:
        """Evaluate once; return the labels of the alerts that fire."""
        found = Evaluation(series, now).value(promql_parser.parse(self.expression))
        assert isinstance(found, dict)
        active = {_unnamed(labels) for labels in found}
        self.pending = {labels: self.pending.get(labels, now) for labels in active}
        return [
            dict(labels) | dict(self.labels)
            for labels, since in self.pending.items()
            if now - since >= self.hold_seconds
        ]


def alerting(rule: Mapping[str, Any]) -> Alerting:
    """A rule as its file has it."""
    held = promql_parser.parse_duration(rule["for"]) if "for" in rule else timedelta()
    return Alerting(rule["alert"], rule["expr"], held.total_seconds(), rule.get("labels", {}))


def written(series: Mapping[str, str], interval_seconds: float) -> Series:
    """A series as a test file has it: `0+10x5` counts up, `_x5` is nothing, `stale` is taken as nothing."""
    selector = promql_parser.parse(series["series"])
    labels = {each.name: each.value for each in selector.matchers.matchers} | {NAME: selector.name}
    values = [value for word in series["values"].split() for value in _values(word)]
    samples = [(n * interval_seconds, value) for n, value in enumerate(values) if value is not None]
    return Series(frozenset(labels.items()), samples)


def _values(word: str) -> list[float | None]:
    if (counted := re.fullmatch(r"(-?[\d.]+)([+-][\d.]+)x(\d+)", word)) is not None:
        start, step, times = float(counted[1]), float(counted[2]), int(counted[3])
        return [start + step * n for n in range(times + 1)]
    if (absent := re.fullmatch(r"_x(\d+)", word)) is not None:
        return [None] * int(absent[1])
    return [None] if word in {"_", "stale"} else [float(word)]
