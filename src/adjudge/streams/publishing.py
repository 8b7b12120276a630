"""Entries into streams, in one write, bounded in number and in time."""

from collections.abc import Sequence

from adjudge.streams import scripts
from adjudge.streams.keys import Keys
from adjudge.streams.messages import Entry, Full
from adjudge.streams.signals import Unavailable
from adjudge.streams.wire import Wire

Published = str | Full | Unavailable
"""Id of the entry in its lane, or why there is none."""


async def publish(wire: Wire, entries: Sequence[Entry]) -> list[Published]:
    """One answer for each entry, in order; a broker that is away is an answer too.

    The bound of a lane is checked where it is written, so that many producers together keep it; entries are
    deleted when they are finished, so the length is what is unread plus what is in work. Nothing is trimmed.
    """
    groups = _by_stream(entries)
    commands = [
        scripts.PUBLISH.command([key], [max_length, *(entries[i].body for i in places)])
        for (key, max_length), places in groups.items()
    ]
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


def _by_stream(entries: Sequence[Entry]) -> dict[tuple[str, int], list[int]]:
    keys: dict[tuple[str, str], str] = {}
    groups: dict[tuple[str, int], list[int]] = {}
    for place, entry in enumerate(entries):
        stream = (entry.name, entry.lane)
        if stream not in keys:
            keys[stream] = Keys(entry.name).lane(entry.lane)
        groups.setdefault((keys[stream], entry.max_length), []).append(place)
    return groups


def _spread(answer: object, count: int) -> list[Published]:
    if not isinstance(answer, list):  # the whole script was refused: out of memory, not a stream
        return [Unavailable(str(answer))] * count
    return [Full(one) if isinstance(one, int) else one.decode() for one in answer]
