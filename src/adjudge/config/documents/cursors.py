"""Reading a tree field by field: each value by a reader, each fault at its line, no field unread.

A reader takes a node and returns a value or raises Misread. Reading goes on after a fault with the
default, so that one look finds every fault; a configuration with a fault is refused whole.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from adjudge.config.documents.faults import Faults, nearest
from adjudge.config.documents.nodes import Node

T = TypeVar("T")
D = TypeVar("D")


class Misread(Exception):
    """The value is not what is wanted here."""

    def __init__(self, message: str, nearest: str | None = None, node: Node | None = None) -> None:
        super().__init__(message)
        self.nearest = nearest
        self.node = node
        """The part of the value that is at fault; None: all of it."""


class Slip(Misread):
    """The value is hardly what is meant, but it can be run: see `Cursor.slip`."""

    def __init__(self, message: str, value: Any) -> None:
        super().__init__(message)
        self.value = value
        """What it was read as."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the tree."""

    node: Node
    path: str
    faults: Faults

    def fault(self, message: str, nearest: str | None = None) -> None:
        self.faults.add(self.node.origin, self.path, message, nearest, layer=self.node.layer)

    def slip(self, message: str, nearest: str | None = None) -> None:
        """Note what documents are refused for before they are published, and not afterwards: it can be run."""
        if self.faults.is_new:
            self.fault(message, nearest)

    def read(self, reader: Callable[[Node], T], default: D) -> T | D:
        """Return what the reader makes of it; after a fault the default."""
        try:
            return reader(self.node)
        except Slip as slip:
            self.slip(str(slip))
            return cast("T", slip.value)
        except Misread as misread:
            at = misread.node or self.node
            self.faults.add(at.origin, self.path, str(misread), misread.nearest, layer=at.layer)
            return default

    def entries(self) -> "dict[str, Cursor]":
        """Return the entries of a mapping whose keys are names."""
        return dict(self.each())

    def each(self) -> "Iterator[tuple[str, Cursor]]":
        """Yield them one by one."""
        if not isinstance(self.node.value, dict):
            self.fault(f"a mapping is wanted here, not {described(self.node)}")
        for key, child in self.node.entries.items():
            yield key, self._child(key, child)

    def entry(self, key: str) -> "Cursor | None":
        """Return one entry of a mapping; None where it is not given, or this is no mapping."""
        child = self.node.entries.get(key)
        return None if child is None else self._child(key, child)

    def items(self) -> "list[Cursor]":
        """Return the items of a list; a single value counts as a list of one."""
        if not isinstance(self.node.value, list):
            return [self]
        return [Cursor(item, f"{self.path}[{i}]", self.faults) for i, item in enumerate(self.node.value)]

    def has(self, key: str) -> bool:
        """Return whether the field is given, with a fault or without."""
        return key in self.node.entries

    def misspells(self, key: str) -> bool:
        """Return whether a field of these that has a fault was probably meant to be this one."""
        close = (each for each in self.node.entries if each != key and nearest(each, [key]))
        return any(self.faults.has_below(f"{self.path}.{each}") for each in close)

    def descend(self, path: Iterable[str | int]) -> "Cursor":
        """Return the place at a path of keys and indexes, as far as it exists."""
        here = self
        for part in path:
            if isinstance(part, str):
                here = here.entry(part) or here
            elif isinstance(part, int) and part < len(here.node.items):
                here = here.items()[part]
        return here

    @contextmanager
    def fields(self) -> "Iterator[Fields]":
        """Give the fields of a mapping; what was not read by the end is a fault."""
        fields = Fields(self, self.entries())
        yield fields
        fields.close()

    def _child(self, key: str, child: Node) -> "Cursor":
        return Cursor(child, f"{self.path}.{key}" if self.path else key, self.faults)


@dataclass(slots=True)
class Fields:
    """The fields of a mapping, taken one by one."""

    at: Cursor
    _entries: dict[str, Cursor]
    _known: dict[str, None] = field(default_factory=dict)
    _lacking: dict[str, str] = field(default_factory=dict)
    """Fields that are missing, with what is said of that."""

    def get(self, key: str) -> Cursor | None:
        """Return the field; None where it is not given."""
        self._known[key] = None
        return self._entries.get(key)

    def read(self, key: str, reader: Callable[[Node], T], default: D) -> T | D:
        found = self.get(key)
        return default if found is None else found.read(reader, default)

    def need(self, key: str, example: str) -> Cursor | None:
        """Return the field; that it is missing is a fault."""
        found = self.get(key)
        if found is None and isinstance(self.at.node.value, dict):
            self.lack(key, f"`{key}` is missing, such as `{example}`")
        return found

    def lack(self, key: str, message: str) -> None:
        """Note that a field is missing, unless another turns out to be it, misspelt."""
        self._lacking[key] = message

    def misspelt(self, key: str) -> bool:
        """Return whether a field that nobody has asked for yet was probably meant to be this one."""
        return key in self._unread().values()

    def slips(self) -> dict[str, Cursor]:
        """Return the fields that were probably misspelt, by what was meant; they stay faults."""
        return {meant: self._entries[key] for key, meant in self._unread().items() if meant is not None}

    def given(self, *keys: str) -> tuple[str, ...]:
        """Return those of the keys that are given."""
        return tuple(key for key in keys if self.get(key) is not None)

    def ignore_rest(self) -> None:
        """Read all that is left: what it means cannot be told after a fault found before."""
        self._known.update(dict.fromkeys(self._entries))

    def close(self) -> None:
        unread = self._unread()
        known = ", ".join(f"`{name}`" for name in self._known)
        for key, meant in unread.items():
            self._entries[key].fault(f"nothing reads `{key}` here; known are {known}", meant)
        for key, message in self._lacking.items():
            if key not in unread.values():
                self.at.fault(message)

    def _unread(self) -> dict[str, str | None]:
        """Return the fields that nobody has asked for, each with what was probably meant."""
        unread = [(key, found.node.layer) for key, found in self._entries.items() if key not in self._known]
        return {key: nearest(key, self._free(layer)) for key, layer in unread}

    def _free(self, layer: str) -> list[str]:
        """Return the fields that this layer does not give: what those below it say, it may have meant to change."""
        given = {key for key, found in self._entries.items() if found.node.layer == layer}
        return [name for name in self._known if name not in given]


def described(node: Node) -> str:
    """Name a value in a fault."""
    if isinstance(node.value, dict):
        return "a mapping"
    if isinstance(node.value, list):
        return "a list"
    return "nothing" if node.value is None else f"`{node.text[:80]}`"


def one_of(node: Node, valid: Iterable[str], what: str) -> str:
    """Return a word out of a closed choice. Raises Misread with the nearest."""
    names = list(valid)
    if isinstance(node.value, str) and node.value in names:
        return node.value
    raise Misread(f"{described(node)} is not {what}", nearest(node.text, names))


def declared(names: Mapping[str, object] | Iterable[str], what: str) -> Callable[[Node], str]:
    """Make a reader for a name that must be declared elsewhere."""

    def reader(node: Node) -> str:
        if isinstance(node.value, str) and node.value in names:
            return node.value
        if isinstance(node.value, dict | list) or node.value is None:
            raise Misread(f"the name of a {what} is wanted here, not {described(node)}")
        raise Misread(f"no {what} {described(node)}", nearest(node.text, names))

    return reader
