"""Lua's values in Python: nil is None, a string is bytes, a number is int or float, a table is a `Table`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class LuaError(Exception):
    """What a script raised, or did that Lua forbids."""


class Many(tuple[Any, ...]):
    """The values of a function that returned several, or none."""

    __slots__ = ()


class Table:
    """Lua's only container."""

    __slots__ = ("entries",)

    def __init__(self, entries: dict[Any, Any] | None = None) -> None:
        self.entries = entries if entries is not None else {}

    @classmethod
    def of(cls, values: Sequence[Any]) -> "Table":
        """An array; what is nil leaves a hole."""
        return cls({place: value for place, value in enumerate(values, start=1) if value is not None})

    @classmethod
    def named(cls, values: Mapping[str, Any]) -> "Table":
        """A record."""
        return cls({name.encode(): value for name, value in values.items()})

    def __len__(self) -> int:
        """A border: the element after it is nil."""
        count = len(self.entries)
        if count in self.entries and 1 in self.entries:
            return count
        border = 0
        while border + 1 in self.entries:
            border += 1
        return border

    def __iter__(self) -> Iterator[Any]:
        """The elements before the first hole."""
        place = 1
        while place in self.entries:
            yield self.entries[place]
            place += 1

    def put(self, key: Any, value: Any) -> None:
        """Assign; nil removes."""
        if value is None:
            self.entries.pop(key, None)
        elif key is None:
            raise LuaError("table index is nil")
        else:
            self.entries[key] = value


def one(value: Any) -> Any:
    """What an expression takes of a call."""
    if type(value) is Many:
        return value[0] if value else None
    return value


def spread(value: Any) -> tuple[Any, ...]:
    """What the end of a list takes of a call."""
    return value if type(value) is Many else (value,)


def index(value: Any, key: Any) -> Any:
    """`value[key]`."""
    if type(value) is Table:
        return value.entries.get(key)
    raise LuaError(f"attempt to index a {type_name(value)} value with {key!r}")


def equal(left: Any, right: Any) -> bool:
    """`left == right`: unlike Python's, true is not 1."""
    return left is right or (left == right and type(left) is not bool and type(right) is not bool)


def number(value: Any) -> float | int:
    """An operand of arithmetic; strings of digits count as numbers."""
    if type(value) is int or type(value) is float:
        return value
    found = to_number(value)
    if found is None:
        raise LuaError(f"attempt to perform arithmetic on a {type_name(value)} value")
    return found


def to_number(value: Any, base: int = 10) -> float | int | None:
    """`tonumber`."""
    if type(value) is int or type(value) is float:
        return value
    if type(value) is not bytes:
        return None
    try:
        return int(value, base)
    except ValueError:
        pass
    try:
        return float(value) if base == 10 and b"_" not in value else None
    except ValueError:
        return None


def text(value: Any) -> bytes:
    """`tostring`."""
    if isinstance(value, bytes):
        return value
    if type(value) is int:
        return b"%d" % value if abs(value) < 10**14 else b"%.14g" % value
    if type(value) is float:
        return b"%.14g" % value
    return {None: b"nil", True: b"true", False: b"false"}.get(value) or repr(value).encode()


def joined(left: Any, right: Any) -> bytes:
    """`left .. right`."""
    for value in (left, right):
        if not isinstance(value, bytes | int | float) or type(value) is bool:
            raise LuaError(f"attempt to concatenate a {type_name(value)} value")
    return text(left) + text(right)


def type_name(value: Any) -> str:
    """`type`."""
    if value is None:
        return "nil"
    if isinstance(value, bytes):
        return "string"
    names = {bool: "boolean", int: "number", float: "number", Table: "table"}
    return names.get(type(value), "function")
