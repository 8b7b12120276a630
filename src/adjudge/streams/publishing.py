"""Writes entries into their streams, many in one write, bounded in number and in time."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from adjudge.streams import keyed_scripts, marks, scripts
from adjudge.streams.connections.script import Argument, Command
from adjudge.streams.connections.wire import Wire
from adjudge.streams.keys import Keys
from adjudge.streams.messages import Duplicate, Entry, Full
from adjudge.streams.shedding import Shedding
from adjudge.streams.signals import Unavailable

Published = str | Full | Duplicate | Unavailable
"""Id of the entry in its lane, or of one that waits a token with a slash; else why there is none."""


async def publish(wire: Wire, entries: Sequence[Entry], wakes: str) -> list[Published]:
    """One answer for each entry, in order; a broker that is away is an answer too.

    The bound of a lane is checked where it is written, so that many producers together keep it; entries are
    deleted when they are finished, so the length is what is unread plus what is in work, and what waits in backlogs
    is added. Nothing is trimmed. Workers listen at `wakes` for what is soon due.
    """
    groups = _by_target(entries)
    commands = [_command(_Target(*target), [entries[i] for i in places], wakes) for target, places in groups.items()]
    try:
        answers = await wire.call(*commands)
    except Unavailable as error:
        return [error] * len(entries)
    published = {
        place: one
        for places, answer in zip(groups.values(), answers, strict=True)
        for place, one in zip(places, _spread(answer, len(places)), strict=True)
    }
    return [published[place] for place in range(len(entries))]


class _Target(NamedTuple):
    """What one call of a script can be asked to write."""

    name: str
    lane: str
    max_length: int
    shedding: Shedding | None
    plain: bool


_Fields = tuple[str, str, int, Shedding | None, bool]


def _by_target(entries: Sequence[Entry]) -> dict[_Fields, list[int]]:
    groups: dict[_Fields, list[int]] = {}
    for place, entry in enumerate(entries):  # for each of very many, so no object but a bare tuple
        target = (entry.name, entry.lane, entry.max_length, entry.shedding, entry.is_plain)
        groups.setdefault(target, []).append(place)
    return groups


def _command(target: _Target, entries: Sequence[Entry], wakes: str) -> Command:
    keys = Keys(target.name)
    bound = target.shedding.bound(target.lane) if target.shedding else -1
    measured = [key for lane in _measured(target) for key in (keys.lane(lane), keys.waiting(lane))]
    room = (target.max_length, bound)
    if target.plain:
        return scripts.PUBLISH.command(measured, [*room, *(entry.body for entry in entries)])
    marked = (argument for entry in entries for argument in _marked(entry))
    return keyed_scripts.PUBLISH_MARKED.command(measured, [*room, keys.prefix, wakes, target.lane, *marked])


def _measured(target: _Target) -> Iterable[str]:
    """The lanes whose lengths matter, its own first."""
    others = target.shedding.lanes if target.shedding else ()
    return (target.lane, *(lane for lane in others if lane != target.lane))


def _marked(entry: Entry) -> tuple[Argument, ...]:
    delay_ms, dedup_ms = max(0, round(entry.delay_seconds * 1000)), max(1, round(entry.dedup_seconds * 1000))
    return (entry.body, marks.encoded(entry), entry.key, delay_ms, entry.dedup_id, dedup_ms)


def _spread(answer: object, count: int) -> list[Published]:
    if not isinstance(answer, list):  # the whole script was refused: out of memory, not a stream
        return [Unavailable(str(answer))] * count
    return [_published(one) for one in answer]


def _published(one: bytes | int | list[bytes | int]) -> Published:
    match one:
        case bytes():
            return one.decode()
        case int():
            return Full(one)
        case [bytes(first)]:
            return Duplicate(first.decode())
        case [int(total)]:
            return Full(total, shed=True)
        case _:
            raise TypeError(f"no answer of a script that publishes: {one!r}")
