"""Names and lanes that are not read for now, by order of an operator.

The order lies in the broker, so it outlives workers and restarts; a flush takes it away with everything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adjudge.streams.connections.script import EVEN_FULL, Command, Script
from adjudge.streams.connections.wire import Wire, accepted
from adjudge.streams.keys import Keys

EVERY_LANE = "*"

# KEYS paused; ARGV lane, reason; answers whether it was not paused before.
PAUSE = Script(
    EVEN_FULL
    + """
local time = redis.call('TIME')
return redis.call('HSET', KEYS[1], ARGV[1], time[1] .. ' ' .. ARGV[2])
"""
)


@dataclass(frozen=True, slots=True)
class Pause:
    """A standing order not to read."""

    lane: str | None
    """None: the whole name."""
    reason: str
    since: float
    """Unix seconds, clock of the server."""


class Pauses:
    """The standing orders of any name. Every method raises `Unavailable`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def pause(self, name: str, lane: str | None, reason: str) -> bool:
        """Order it; workers obey within a second and finish what they have in hand. False: a new reason only."""
        keys = Keys(name)
        field = EVERY_LANE if lane is None else lane
        if lane is not None:
            keys.lane(lane)
        return bool(await self._wire.ask(PAUSE.command([keys.paused], [field, reason])))

    async def resume(self, name: str, lane: str | None) -> bool:
        """Lift the order for a lane, or all of a name's orders; whether there was one."""
        key = Keys(name).paused
        return bool(await self._wire.ask(("DEL", key) if lane is None else ("HDEL", key, lane)))

    async def of(self, names: Sequence[str]) -> Mapping[str, Sequence[Pause]]:
        """The orders for each of these names."""
        commands: list[Command] = [("HGETALL", Keys(name).paused) for name in names]
        answers = await self._wire.call(*commands) if commands else []
        return {name: _pauses(accepted(answer)) for name, answer in zip(names, answers, strict=True)}


def closed(pauses: Sequence[Pause], lanes: Sequence[str]) -> frozenset[str]:
    """Which of these lanes must not be read."""
    ordered = {pause.lane for pause in pauses}
    return frozenset(lane for lane in lanes if None in ordered or lane in ordered)


def _pauses(flat: Sequence[bytes]) -> list[Pause]:
    return [_pause(field.decode(), value.decode()) for field, value in zip(flat[::2], flat[1::2], strict=True)]


def _pause(field: str, value: str) -> Pause:
    since, _, reason = value.partition(" ")
    return Pause(None if field == EVERY_LANE else field, reason, float(since))
