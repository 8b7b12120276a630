"""How much is unfinished, and since when."""

from collections.abc import Sequence
from typing import Any

from adjudge.streams.connections.wire import Wire, accepted, named, unless_missing
from adjudge.streams.keys import Keys
from adjudge.streams.messages import Depth, LaneDepth, milliseconds
from adjudge.streams.scripts import Command


async def oldest(wire: Wire, name: str, lanes: Sequence[str]) -> float | None:
    """First publication of the oldest unfinished message, Unix seconds of the server; None: there is none.

    In a lane, in a backlog, in a consumer's hands, or waiting for its time or a retry: finished entries are deleted,
    so the first of a stream is its oldest, except for messages that were published before their entries; these are
    kept in a set of their own (for a day, after which a message that still waits is forgotten here).
    """
    keys = Keys(name)
    firsts = [_first(keys.lane(lane)) for lane in lanes]
    answers = await wire.call(("ZRANGE", keys.retrying, 0, 0, "WITHSCORES"), *firsts)
    aged, *entries = map(accepted, answers)
    times = [milliseconds(found[0][0].decode()) for found in entries if found]
    times += [int(float(aged[1]))] if aged else []
    return min(times) / 1000 if times else None


async def depth(wire: Wire, name: str, lanes: Sequence[str], group: str) -> Depth:
    """Length, lag, pending and age of each lane; how many are delayed and dead."""
    keys = Keys(name)
    commands: list[Command] = [("TIME",), ("ZCARD", keys.delayed), ("XLEN", keys.dead)]
    questions = [_of_lane(keys, lane, group) for lane in lanes]
    answers = iter(await wire.call(*commands, *(each for asked in questions for each in asked)))
    seconds, micros = accepted(next(answers))
    now_ms = int(seconds) * 1000 + int(micros) // 1000
    delayed, dead = accepted(next(answers)), accepted(next(answers))
    measured = {
        lane: _lane_depth(now_ms, *(next(answers) for _ in asked)) for lane, asked in zip(lanes, questions, strict=True)
    }
    return Depth(measured, delayed, dead)


def _of_lane(keys: Keys, lane: str, group: str) -> list[Command]:
    key = keys.lane(lane)
    longest_waiting: Command = ("ZRANGE", keys.backlog(lane), 0, 0, "WITHSCORES")
    return [("XINFO", "STREAM", key), ("XPENDING", key, group), ("GET", keys.waiting(lane)), longest_waiting]


def _first(key: str) -> Command:
    return ("XRANGE", key, "-", "+", "COUNT", 1)


def _lane_depth(now_ms: int, about: Any, pending: Any, waiting: Any, longest: Any) -> LaneDepth:
    known = named(unless_missing(about))
    length, first = known.get(b"length", 0), known.get(b"first-entry")
    held = 0 if str(pending).startswith("NOGROUP") else accepted(pending)[0]  # no worker has come yet
    waits = int(accepted(waiting) or 0)
    times = [milliseconds(first[0].decode())] if first else []
    times += [int(float(longest[1]))] if accepted(longest) else []
    return LaneDepth(
        length=length + waits,
        # The server's own `lag` is unknown once an entry before the last read one was deleted.
        lag=max(0, length - held) + waits,
        pending=held,
        oldest_seconds=max(0, now_ms - min(times)) / 1000 if times else None,
        waiting=waits,
        added=known.get(b"entries-added", 0),
    )
