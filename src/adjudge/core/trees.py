"""What an expression says, as a tree: its names, constants and calls.

Read from the form in which CEL itself hands checked expressions on (`cel.expr.CheckedExpr`, protocol buffers), and of
that only what lint looks at. Loops (`exists`, `all`, `map`) are `Other`: their names are their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: bool | float | str


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, or a field of one, however it is written: `attributes.size`."""

    path: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator, named as CEL does: `_==_`, `_&&_`, `@in`."""

    function: str
    arguments: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Items:
    """A list that is written out."""

    items: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Other:
    """Whatever else there is."""


Tree: TypeAlias = Literal | Name | Call | Items | Other
_Field: TypeAlias = tuple[int, int | bytes]

_DEEPEST: Final = 200


def tree_of(checked: bytes) -> Tree:
    """Read a serialised expression: a `CheckedExpr` in an `Any`."""
    return _tree(_part(_part(checked, 2), 4), 0)


def every(tree: Tree) -> Iterator[Tree]:
    """Yield a tree and all that is in it."""
    yield tree
    if isinstance(tree, Call | Items):
        for part in tree.arguments if isinstance(tree, Call) else tree.items:
            yield from every(part)


def _tree(expr: bytes, depth: int) -> Tree:
    """Read an `Expr`: an id, and one of its forms by number."""
    form, said = next((each for each in _fields(expr) if each[0] != 2), (0, b""))
    if depth > _DEEPEST or not isinstance(said, bytes):
        return Other()
    match form:
        case 3:
            return _literal(said)
        case 4:
            return Name(_part(said, 1).decode())
        case 5:
            return _select(said, depth)
        case 6:
            return _call(said, depth)
        case 7:
            return Items(_trees(said, 1, depth))
        case _:
            return Other()


def _literal(constant: bytes) -> Tree:
    for kind, value in _fields(constant):
        match kind, value:
            case 2, int():
                return Literal(bool(value))
            case 3, int():
                return Literal(value - (1 << 64) if value >> 63 else value)
            case 4, int():
                return Literal(value)
            case 5, bytes():
                return Literal(float(unpack("<d", value)[0]))
            case 6, bytes():
                return Literal(value.decode())
    return Other()


def _select(select: bytes, depth: int) -> Tree:
    fields = dict(_fields(select))
    of = _tree(_part(select, 1), depth + 1)
    is_test = bool(fields.get(3))  # `has(…)`
    return Name(f"{of.path}.{_part(select, 2).decode()}") if isinstance(of, Name) and not is_test else Other()


def _call(call: bytes, depth: int) -> Tree:
    function, arguments = _part(call, 2).decode(), _trees(call, 3, depth)
    match function, arguments:
        case "_[_]", (Name(path), Literal(str(key))):
            return Name(f"{path}.{key}")
        case _:
            return Call(function, (*_trees(call, 1, depth), *arguments))


def _trees(message: bytes, number: int, depth: int) -> tuple[Tree, ...]:
    return tuple(_tree(each, depth + 1) for n, each in _fields(message) if n == number and isinstance(each, bytes))


def _part(message: bytes, number: int) -> bytes:
    """Return what a message has under a number; nothing where it has nothing."""
    return next((each for n, each in _fields(message) if n == number and isinstance(each, bytes)), b"")


def _fields(message: bytes) -> Iterator[_Field]:
    """Yield the fields of a message of protocol buffers."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
        else:
            size, at = (8, at) if wire == 1 else (4, at) if wire == 5 else _varint(message, at)
            yield number, message[at : at + size]
            at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
