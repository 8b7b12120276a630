"""JSON Schemas of configuration: how evidence and structured answers are held to them, in bounded time."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsonschema_rs

MOST_UNFOLDED: Final = 5_000
_PATTERNS: Final = jsonschema_rs.FancyRegexOptions(backtrack_limit=2_000, size_limit=2**20)
"""Patterns run in linear time, except those with look-around: these give up at a limit, and the text does not fit."""
_DEEPEST: Final = 500


def validator(schema: Mapping[str, Any]) -> Any:
    """Return a validator that reads nothing outside of the schema. Raises jsonschema_rs.ValidationError."""
    return jsonschema_rs.validator_for(dict(schema), offline=True, validate_formats=False, pattern_options=_PATTERNS)


def unfolded(schema: Any) -> int:
    """Return how many schemas one is with its references written out; what refers back to itself counts once.

    A kilobyte of references to references can be a billion: all would be looked at, for each question.
    Beyond MOST_UNFOLDED the number is not exact.
    """
    return _Sizes(schema).of(schema, 0)


class _Sizes:
    """The sizes of what references lead to, each found once."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._known: dict[str, int] = {}
        self._named = {name: node for node in _all_of(root) for name in _names(node)}

    def of(self, node: Any, depth: int) -> int:
        if depth > _DEEPEST:
            return MOST_UNFOLDED + 1
        if isinstance(node, list):
            return min(MOST_UNFOLDED + 1, sum(self.of(item, depth + 1) for item in node))
        if not isinstance(node, dict):
            return 0
        size = 1
        for name, value in node.items():
            if name in ("$ref", "$dynamicRef") and isinstance(value, str):
                size += self._behind(value, depth + 1)
            elif name not in ("$defs", "definitions"):  # looked at where they are referred to
                size += self.of(value, depth + 1)
        return min(MOST_UNFOLDED + 1, size)

    def _behind(self, reference: str, depth: int) -> int:
        if reference not in self._known:
            self._known[reference] = 1  # for those on the way back here
            self._known[reference] = self.of(self._target(reference), depth)
        return self._known[reference]

    def _target(self, reference: str) -> Any:
        if reference in self._named:
            return self._named[reference]
        node = self._root
        for step in reference.partition("#")[2].split("/")[1:]:
            node = _child(node, step.replace("~1", "/").replace("~0", "~"))
        return node


def _child(node: Any, step: str) -> Any:
    """Return what a step of a pointer leads to; None: nothing."""
    if isinstance(node, dict):
        return node.get(step)
    is_there = isinstance(node, list) and step.isdecimal() and int(step[:9]) < len(node)
    return node[int(step)] if is_there else None


def _all_of(node: Any) -> Iterator[dict[str, Any]]:
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def _names(node: dict[str, Any]) -> Iterator[str]:
    """Yield what references may call a schema by, beside its place."""
    for keyword, mark in (("$anchor", "#"), ("$dynamicAnchor", "#"), ("$id", "")):
        if isinstance(node.get(keyword), str):
            yield f"{mark}{node[keyword]}"
