"""YAML as a tree in which every value knows its line.

Read are mappings, lists and plain scalars by the YAML 1.2 core schema, so that `yes`, `no`, `on` and
`NO` are words. Whatever would change or hide a value is a fault: duplicate keys, aliases, tags.
A number that starts with a zero (an article number) stays text.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import yaml

from adjudge.config.documents.faults import Faults
from adjudge.config.documents.pausing import Pause, no_pause
from adjudge.core.answers import Json
from adjudge.core.plans import Origin

DEEPEST: Final = 64
PLACES: Final = ("group ", "location ")
"""With which the layers of groups and locations begin; their names follow."""

Scalar: TypeAlias = bool | int | float | str | None

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE: Final = re.compile(r"[-+]?(0|[1-9]\d{0,17})")
_NUMBER: Final = re.compile(r"[-+]?(\.\d{1,30}|(0|[1-9]\d{0,17})(?=[.eE])(\.\d{0,30})?)([eE][-+]?\d{1,2})?")


@dataclass(frozen=True, slots=True)
class Node:
    """A value, where it stands and which layer it came from."""

    value: "dict[str, Node] | list[Node] | Scalar"
    origin: Origin
    """Line of a scalar; of a mapping or list: the line of its name."""
    layer: str
    text: str = ""
    """A scalar as it is written."""

    @property
    def entries(self) -> "dict[str, Node]":
        """The entries of a mapping; none of anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> "list[Node]":
        """The items of a list; none of anything else."""
        return self.value if isinstance(self.value, list) else []

    def plain(self) -> Json:
        """Return the value without places, as JSON."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def holding(self, value: "dict[str, Node] | list[Node]") -> "Node":
        """Return the same place with another value."""
        return Node(value, self.origin, self.layer, self.text)

    def in_layer(self, layer: str) -> "Node":
        """Return the same tree as part of another layer."""
        return self._in(lambda _: layer)

    def in_schedule(self, name: str) -> "Node":
        """Return the same tree as part of a schedule, each value in that of the layer that says it."""
        return self._in(lambda of: f"schedule {name} of {of}" if of.startswith(PLACES) else f"schedule {name}")

    def _in(self, layer: Callable[[str], str]) -> "Node":
        value = self.value
        if isinstance(value, dict):
            value = {key: child._in(layer) for key, child in value.items()}
        elif isinstance(value, list):
            value = [child._in(layer) for child in value]
        return Node(value, self.origin, layer(self.layer), self.text)


def parse(file: str, text: str, layer: str, faults: Faults, pause: Pause = no_pause) -> Node | None:
    """Return the document's tree; None where it is empty or cannot be read, which is a fault."""
    try:
        return _Tree(file, layer, faults, pause).document(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        there = "".join(text.split("\n")[mark.line : mark.line + 1])[mark.column :] if mark else ""
        what = "a tab, where only blanks may stand" if there.startswith("\t") else error.problem
        faults.add(Origin(file, mark.line + 1 if mark else 0), "", f"not YAML: {what}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        faults.add(Origin(file, line), "", f"not YAML: {error.reason}")
    except _Unreadable as error:
        faults.add(Origin(file, error.line), "", str(error))
    return None


def scalar(text: str) -> Scalar:
    """Return what an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text


class _Unreadable(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class _Tree:
    """Builds the nodes of one document out of the parser's events."""

    file: str
    layer: str
    faults: Faults
    pause: Pause

    def document(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _Unreadable("a second document begins: one document a file", _line(event))
                root = self._node(next(events), events, 0, None)
        return None if root is None or root.value is None else root

    def _node(self, event: Any, events: Iterator[Any], depth: int, named_at: int | None) -> Node:
        line = _line(event)
        if depth > DEEPEST:
            raise _Unreadable(f"nested deeper than {DEEPEST} levels", line)
        if isinstance(event, yaml.AliasEvent):
            raise _Unreadable(f"`*{event.anchor}`: aliases are not read; write the value out, or use a group", line)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if event.tag is not None:
            raise _Unreadable(f"`{event.tag}`: tags are not read", line)
        origin = Origin(self.file, line if named_at is None else named_at)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(self._list(events, depth), origin, self.layer)
        return Node(self._mapping(events, depth), origin, self.layer)

    def _scalar(self, event: Any) -> Node:
        if event.tag is not None:
            raise _Unreadable(f"`{event.tag}`: tags are not read", _line(event))
        value = scalar(event.value) if event.implicit[0] else event.value
        return Node(value, Origin(self.file, _line(event)), self.layer, event.value)

    def _list(self, events: Iterator[Any], depth: int) -> list[Node]:
        items = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._node(event, events, depth + 1, None))
        return items

    def _mapping(self, events: Iterator[Any], depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _Unreadable("a key must be a word", _line(event))
            self.pause()
            line = _line(event)
            child = self._node(next(events), events, depth + 1, line)
            if event.value in entries:
                message = f"written twice; first at {entries[event.value].origin}"
                self.faults.add(Origin(self.file, line), event.value, message)
            entries.setdefault(event.value, child)
        return entries


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1
