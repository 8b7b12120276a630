"""How much is unfinished, and since when."""

from collections.abc import Sequence
from typing import Any

from adjudge.streams.keys import Keys
from adjudge.streams.messages import Depth, LaneDepth, milliseconds
from adjudge.streams.scripts import Command
from adjudge.streams.wire import Wire, accepted


async def oldest(wire: Wire, name: str, lanes: Sequence[str]) -> float | None:
    """First publication of the oldest unfinished message, Unix seconds of the server; None: there is none.

    In a lane, in a consumer's hands, or waiting for a retry: finished entries are deleted, so the first of a
    stream is its oldest, except for retried ones, whose first publication is kept in a set of its own.
    """
    keys = Keys(name)
    firsts = [_first(keys.lane(lane)) for lane in lanes]
    answers = await wire.call(("ZRANGE", keys.retrying, 0, 0, "WITHSCORES"), *firsts)
    retried, *entries = map(accepted, answers)
    times = [milliseconds(found[0][0].decode()) for found in entries if found]
    times += [int(float(retried[1]))] if retried else []
    return min(times) / 1000 if times else None


async def depth(wire: Wire, name: str, lanes: Sequence[str], group: str) -> Depth:
    """Length, lag, pending and age of each lane; how many are delayed and dead."""
    keys = Keys(name)
    commands: list[Command] = [("TIME",), ("ZCARD", keys.delayed), ("XLEN", keys.dead)]
    for lane in lanes:
        key = keys.lane(lane)
        commands += [("XLEN", key), ("XPENDING", key, group), _first(key)]
    answers = await wire.call(*commands)
    seconds, micros = accepted(answers[0])
    now_ms = int(seconds) * 1000 + int(micros) // 1000
    measured = {lane: _lane_depth(now_ms, *answers[3 * i + 3 : 3 * i + 6]) for i, lane in enumerate(lanes)}
    return Depth(measured, accepted(answers[1]), accepted(answers[2]))


def _first(key: str) -> Command:
    return ("XRANGE", key, "-", "+", "COUNT", 1)


def _lane_depth(now_ms: int, length: Any, pending: Any, first: Any) -> LaneDepth:
    held = 0 if str(pending).startswith("NOGROUP") else accepted(pending)[0]  # no worker has come yet
    age = max(0, now_ms - milliseconds(first[0][0].decode())) / 1000 if accepted(first) else None
    # The server's own `lag` is unknown once an entry before the last read one was deleted.
    return LaneDepth(length=accepted(length), lag=max(0, length - held), pending=held, oldest_seconds=age)
