"""A stream and its consumer groups, as Redis keeps them (redis.io/docs/latest/develop/data-types/streams)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from adjudge.streams.testing.lua import Refused

Id = tuple[int, int]
LOWEST: Id = (0, 0)
HIGHEST: Id = (2**64 - 1, 2**64 - 1)
_ENDS = {b"-": LOWEST, b"+": HIGHEST}


@dataclass(slots=True)
class Pending:
    """One entry in the hands of a consumer."""

    consumer: bytes
    delivered_ms: int
    deliveries: int


@dataclass(slots=True)
class Group:
    """A consumer group."""

    last: Id
    pending: dict[Id, Pending] = field(default_factory=dict)
    consumers: dict[bytes, int] = field(default_factory=dict)
    """When each was last seen, Unix milliseconds."""

    def held(self, lowest: Id, highest: Id, consumer: bytes | None) -> list[tuple[Id, Pending]]:
        """What is pending in a range of ids, in order."""
        return [
            (entry_id, self.pending[entry_id])
            for entry_id in sorted(self.pending)
            if lowest <= entry_id <= highest and consumer in {None, self.pending[entry_id].consumer}
        ]


@dataclass(slots=True)
class Stream:
    """Entries in the order of their ids, and the groups that read them."""

    entries: dict[Id, list[bytes]] = field(default_factory=dict)
    order: list[Id] = field(default_factory=list)
    last: Id = LOWEST
    added: int = 0
    groups: dict[bytes, Group] = field(default_factory=dict)

    def add(self, wanted: bytes, now_ms: int, fields: list[bytes]) -> bytes:
        """Append; `*` takes the time, or what follows the last id where the clock went back."""
        entry_id = self._following(now_ms) if wanted == b"*" else read_id(wanted)
        if entry_id <= self.last:
            raise Refused("ERR The ID specified in XADD is equal or smaller than the target stream top item")
        self.entries[entry_id] = fields
        self.order.append(entry_id)
        self.last, self.added = entry_id, self.added + 1
        return shown(entry_id)

    def delete(self, ids: Sequence[Id]) -> int:
        """Delete entries; what is pending of them stays pending."""
        found = [entry_id for entry_id in ids if self.entries.pop(entry_id, None) is not None]
        for entry_id in found:
            del self.order[bisect_left(self.order, entry_id)]
        return len(found)

    def between(self, lowest: Id, highest: Id) -> list[Id]:
        """Ids of a range, in order."""
        return self.order[bisect_left(self.order, lowest) : bisect_right(self.order, highest)]

    def after(self, entry_id: Id) -> Iterator[Id]:
        """Ids that follow."""
        return iter(self.order[bisect_right(self.order, entry_id) :])

    def _following(self, now_ms: int) -> Id:
        return (now_ms, 0) if now_ms > self.last[0] else (self.last[0], self.last[1] + 1)


def shown(entry_id: Id) -> bytes:
    """The id as clients see it."""
    return b"%d-%d" % entry_id


def read_id(text: bytes, sequence: int = 0) -> Id:
    """An id; `sequence` where it has none. Raises Refused."""
    milliseconds, dash, rest = text.partition(b"-")
    try:
        return int(milliseconds), int(rest) if dash else sequence
    except ValueError:
        raise Refused("ERR Invalid stream ID specified as stream command argument") from None


def lower(text: bytes) -> Id:
    """Where a range begins."""
    if text in _ENDS:
        return _ENDS[text]
    if text.startswith(b"("):
        milliseconds, sequence = read_id(text[1:])
        return milliseconds, sequence + 1
    return read_id(text)


def upper(text: bytes) -> Id:
    """Where a range ends."""
    if text in _ENDS:
        return _ENDS[text]
    if text.startswith(b"("):
        milliseconds, sequence = read_id(text[1:])
        return (milliseconds, sequence - 1) if sequence else (milliseconds - 1, HIGHEST[1])
    return read_id(text, HIGHEST[1])
