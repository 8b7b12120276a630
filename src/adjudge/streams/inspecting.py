"""Who holds what: the consumers of a name and the entries in their hands, for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adjudge.streams.connections.script import Command
from adjudge.streams.connections.wire import Wire, accepted, named, unless_missing
from adjudge.streams.keys import Keys


@dataclass(frozen=True, slots=True)
class ConsumerState:
    """A consumer of one lane."""

    consumer: str
    lane: str
    pending: int
    idle_seconds: float
    """Since it last asked for anything."""


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """An entry in the hands of a consumer."""

    id: str
    lane: str
    consumer: str
    idle_seconds: float
    """Since its lease was last renewed."""
    starts: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Counts of a name's lanes together, from whose differences rates come."""

    added: int
    """Entries ever added, retries and replays included."""
    length: int
    """Entries that are not finished."""
    retrying: int
    """Messages that were tried, or delayed, and are not finished."""


class Inspector:
    """Every method raises `Unavailable`; a lane without a group has nobody and nothing."""

    def __init__(self, wire: Wire, group: str) -> None:
        self._wire, self._group = wire, group

    async def consumers(self, name: str, lanes: Sequence[str]) -> list[ConsumerState]:
        """All consumers, lane by lane."""
        commands: list[Command] = [("XINFO", "CONSUMERS", Keys(name).lane(lane), self._group) for lane in lanes]
        answers = await self._wire.call(*commands) if commands else []
        return [
            _state(lane, flat) for lane, answer in zip(lanes, answers, strict=True) for flat in unless_missing(answer)
        ]

    async def pending(
        self, name: str, lanes: Sequence[str], *, consumer: str | None = None, limit: int = 100
    ) -> list[PendingEntry]:
        """At most `limit` entries of each lane, oldest first; of one consumer, or of all."""
        whose = () if consumer is None else (consumer,)
        commands: list[Command] = [
            ("XPENDING", Keys(name).lane(lane), self._group, "-", "+", limit, *whose) for lane in lanes
        ]
        answers = await self._wire.call(*commands) if commands else []
        return [
            PendingEntry(entry_id.decode(), lane, holder.decode(), idle_ms / 1000, starts)
            for lane, answer in zip(lanes, answers, strict=True)
            for entry_id, holder, idle_ms, starts in unless_missing(answer)
        ]

    async def flow(self, name: str, lanes: Sequence[str]) -> Flow:
        """How much came in so far, and how much of it is left."""
        keys = Keys(name)
        commands: list[Command] = [("XINFO", "STREAM", keys.lane(lane)) for lane in lanes]
        retrying, *answers = await self._wire.call(("ZCARD", keys.retrying), *commands)
        infos = [named(answer) for answer in map(unless_missing, answers) if answer]
        added, length = (sum(info.get(field, 0) for info in infos) for field in (b"entries-added", b"length"))
        return Flow(added, length, accepted(retrying))


def _state(lane: str, flat: Sequence[Any]) -> ConsumerState:
    found = named(flat)
    return ConsumerState(found[b"name"].decode(), lane, found[b"pending"], found[b"idle"] / 1000)
