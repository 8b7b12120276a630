"""The keys of an in-memory server: values of any type, some with an end."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from adjudge.streams.testing.lua import Refused
from adjudge.streams.testing.stream import Stream

_T = TypeVar("_T")

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
_NAMES: dict[type, bytes] = {bytes: b"string", dict: b"hash", list: b"list", set: b"set", Stream: b"stream"}


class Ranked(dict[bytes, float]):
    """A sorted set: scores by member."""

    def in_order(self) -> list[tuple[bytes, float]]:
        """By score, then by member."""
        return sorted(self.items(), key=lambda pair: (pair[1], pair[0]))


class Keyspace:
    """Values by key. `now_ms` is the server's clock, by which keys expire."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms
        self._values: dict[bytes, Any] = {}
        self._ends: dict[bytes, int] = {}

    def get(self, key: bytes, kind: type[_T]) -> _T | None:
        """The value; None: there is none. Raises Refused where it is of another kind."""
        value = self._living(key)
        if value is not None and type(value) is not kind:
            raise Refused(WRONG_TYPE)
        found: _T | None = value
        return found

    def made(self, key: bytes, kind: Callable[[], _T]) -> _T:
        """The value, made where there is none."""
        value = self.get(key, cast("type[_T]", kind))
        if value is None:
            value = self._values[key] = kind()
        return value

    def put(self, key: bytes, value: object, ends_ms: int | None = None) -> None:
        """Assign; without an end unless it is given."""
        self._values[key] = value
        self._ends.pop(key, None)
        if ends_ms is not None:
            self._ends[key] = ends_ms

    def drop_if_empty(self, key: bytes) -> None:
        """Collections other than streams go with their last element."""
        value = self._values.get(key)
        if not value and not isinstance(value, Stream | bytes):
            self.delete(key)

    def delete(self, key: bytes) -> bool:
        """Whether there was one."""
        self._living(key)
        self._ends.pop(key, None)
        return self._values.pop(key, None) is not None

    def has(self, key: bytes) -> bool:
        """Whether there is one."""
        return self._living(key) is not None

    def ends_ms(self, key: bytes) -> int | None:
        """When it expires; None: never."""
        return self._ends.get(key)

    def set_end(self, key: bytes, ends_ms: int | None) -> bool:
        """Let it expire; whether there is one."""
        if not self.has(key):
            return False
        self._ends.pop(key, None)
        if ends_ms is not None:
            self._ends[key] = ends_ms
        return True

    def kind(self, key: bytes) -> bytes:
        """What TYPE answers."""
        value = self._living(key)
        return b"none" if value is None else _NAMES.get(type(value), b"zset")

    def living(self) -> Iterator[bytes]:
        """All living keys."""
        return (key for key in sorted(self._values) if self._living(key) is not None)

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self._ends.clear()

    def _living(self, key: bytes) -> Any:
        ends = self._ends.get(key) if self._ends else None
        if ends is not None and ends <= self.now_ms():
            del self._values[key], self._ends[key]
        return self._values.get(key)
