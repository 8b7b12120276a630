"""What we expose, against what a PromQL expression asks for."""

from collections.abc import Iterator, Mapping
from typing import Any

import prometheus_client
import promql_parser

from adjudge.telemetry import names

KINDS = (prometheus_client.Counter, prometheus_client.Gauge, prometheus_client.Histogram)
OF_EVERY_SCRAPE = {"instance", "job"}
"""Labels that Prometheus adds."""


def exposed() -> Mapping[str, set[str]]:
    """Every time series of ours with its labels."""
    found: dict[str, set[str]] = {}
    for metric in (value for value in vars(names).values() if isinstance(value, KINDS)):
        [described] = metric.describe()
        labels = set(metric._labelnames) | OF_EVERY_SCRAPE
        if isinstance(metric, prometheus_client.Histogram):
            found |= {f"{described.name}_{part}": labels for part in ("count", "sum")}
            found[f"{described.name}_bucket"] = labels | {"le"}
        else:
            found[described.name + ("_total" if isinstance(metric, prometheus_client.Counter) else "")] = labels
    return found


def unknown_to_us(expression: str) -> set[str]:
    """What an expression names and nobody exposes: a metric, or a label that none of its metrics has."""
    series, tree = exposed(), promql_parser.parse(expression)
    selectors = list(_of(tree, "VectorSelector"))
    unknown = {each.name for each in selectors if each.name not in series}
    for each in selectors:
        labels = {matcher.name for matcher in each.matchers.matchers}
        unknown |= {f"{each.name}{{{label}}}" for label in labels - series.get(each.name, labels)}
    for aggregate in _of(tree, "AggregateExpr"):
        known = _labels_below(aggregate.expr, series)
        by = set(aggregate.modifier.labels) if aggregate.modifier is not None else set()
        unknown |= {f"by ({label})" for label in by - known}
    return unknown


def _labels_below(node: Any, series: Mapping[str, set[str]]) -> set[str]:
    """Labels that every metric below has: a sum by any other would be empty for some."""
    found = [series.get(each.name, set()) for each in _of(node, "VectorSelector")]
    return set.intersection(*found) if found else set()


def _of(node: Any, kind: str) -> Iterator[Any]:
    """All nodes of a kind, this one among them."""
    if type(node).__name__ == kind:
        yield node
    for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
        if (inner := getattr(node, part, None)) is not None:
            yield from _of(inner, kind)
    for argument in getattr(node, "args", ()):
        yield from _of(argument, kind)


def labels_of(node: Any) -> set[str]:
    """The labels that a result may have: those summed by, and those that `absent` tells."""
    if type(node).__name__ == "AggregateExpr":
        return set(node.modifier.labels) if node.modifier is not None else set()
    if type(node).__name__ == "BinaryExpr":
        return labels_of(node.lhs) | labels_of(node.rhs)
    inner = [*getattr(node, "args", ()), *([node.expr] if hasattr(node, "expr") else [])]
    return {label for each in inner for label in labels_of(each)}
