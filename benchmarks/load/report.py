"""What a benchmark found: rows beside their baseline, and the aims they are held against."""

import json
import statistics
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    name: str
    metric: str
    value: float
    unit: str
    ratio: float | None = None
    """To the baseline of the same run."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is aimed for: a bound on the value or the ratio of one row."""

    name: str
    row: str
    of: Literal["value", "ratio"]
    comparison: Literal[">=", "<="]
    bound: float
    unit: str


@dataclass(frozen=True, slots=True)
class Aim:
    """A target and how it was met."""

    name: str
    aim: str
    value: float | None
    met: bool


def judged(target: Target, rows: Mapping[str, Row]) -> Aim:
    """Hold a target against the rows. A row that is missing is an aim that is missed."""
    row = rows.get(target.row)
    value = None if row is None else row.value if target.of == "value" else row.ratio
    aim = f"{target.comparison} {target.bound:g} {target.unit}".strip()
    if value is None:
        return Aim(target.name, aim, None, False)
    met = value >= target.bound if target.comparison == ">=" else value <= target.bound
    return Aim(target.name, aim, value, met)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def parser(description: str | None) -> ArgumentParser:
    """Return a parser with what all benchmarks take."""
    arguments = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    arguments.add_argument("--json", type=Path, help="write the figures here too")
    return arguments


def publish(rows: Sequence[Row], targets: Sequence[Target], options: Namespace) -> None:
    """Print the table and, with --json, write the figures."""
    aims = [judged(target, {row.name: row for row in rows}) for target in targets]
    print(table(rows, aims))
    if options.json:
        document = {"rows": [asdict(row) for row in rows], "aims": [asdict(aim) for aim in aims]}
        options.json.write_text(json.dumps(document, indent=2) + "\n")


def table(rows: Sequence[Row], aims: Sequence[Aim]) -> str:
    """Return rows and aims as text."""
    lines = [f"{'':46}{'':26}{'value':>12} {'':8}{'ratio':>7}"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(f"{row.name:46}{row.metric:26}{_figure(row.value):>12} {row.unit:8}{ratio:>7}")
    lines.append("")
    for aim in aims:
        value = "missing" if aim.value is None else _figure(aim.value)
        lines.append(f"{'met   ' if aim.met else 'MISSED'} {aim.name:45}{aim.aim:>16}: {value}")
    return "\n".join(lines)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
