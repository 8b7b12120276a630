"""What the timekeeper of a name does for its schedules; each step is atomic on the server.

The timekeeper is the worker that holds the lease, by the server's clock. A tick is published by the same script that
moves the schedule's last tick on, and only if that still is what the timekeeper believed. So no tick is published
twice, even if an answer was lost, or if a worker that was paused for longer than its lease carries on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adjudge.streams.connections.script import Argument, Script
from adjudge.streams.connections.wire import Wire
from adjudge.streams.keys import Keys
from adjudge.streams.pauses import EVERY_LANE

# KEYS timekeeper, ticks, paused; ARGV worker, lease in ms, (schedule, its last tick as the worker saw it, or -1)...
# Answers whether the worker is the timekeeper, now in ms, the last ticks, the lanes that are paused.
# A schedule without a last tick is new, or was flushed: it begins now, or where the worker has seen it.
KEEP = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder = redis.call('GET', KEYS[1]) or ARGV[1]
if holder == ARGV[1] then
  redis.call('SET', KEYS[1], holder, 'PX', ARGV[2])
end
local lasts = {}
for i = 3, #ARGV, 2 do
  local last = redis.call('HGET', KEYS[2], ARGV[i])
  if not last then
    local seen = tonumber(ARGV[i + 1])
    last = string.format('%.0f', (seen >= 0 and seen < now) and seen or now)
    redis.call('HSET', KEYS[2], ARGV[i], last)
  end
  lasts[#lasts + 1] = last
end
return {holder == ARGV[1] and 1 or 0, now, lasts, redis.call('HKEYS', KEYS[3])}
""")

# KEYS timekeeper, ticks, lane, size of its backlog; ARGV worker, schedule, its last tick, its new last tick,
# max_length, body...; answers 1: done, 0: no room, -1: another worker is or was at it.
TICK = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then
  return -1
end
local length = redis.call('XLEN', KEYS[3]) + (redis.call('GET', KEYS[4]) or 0)
if #ARGV > 5 and length + #ARGV - 5 > tonumber(ARGV[5]) then
  return 0
end
for i = 6, #ARGV do
  redis.call('XADD', KEYS[3], '*', 'b', ARGV[i])
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
return 1
""")

# KEYS timekeeper; ARGV worker
RESIGN = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
""")


@dataclass(frozen=True, slots=True)
class Watch:
    """How things stood when the server was asked."""

    is_ours: bool
    now_ms: int
    lasts: Mapping[str, int]
    """Last tick by schedule."""
    paused: frozenset[str]
    """Lanes, or `*`."""

    def is_paused(self, lane: str) -> bool:
        """Whether ticks for this lane wait."""
        return bool(self.paused & {lane, EVERY_LANE})


class Ticking:
    """The schedules of one name as one worker sees them. Every method raises `Unavailable`."""

    def __init__(self, wire: Wire, name: str, worker: str, lease_seconds: float) -> None:
        self._wire, self._keys, self._worker = wire, Keys(name), worker
        self._lease_ms = round(lease_seconds * 1000)

    async def keep(self, seen: Mapping[str, int]) -> Watch:
        """Take or extend the lease, if it is free or ours. `seen` has the schedules with their last ticks or -1."""
        keys = [self._keys.timekeeper, self._keys.ticks, self._keys.paused]
        pairs: list[Argument] = [argument for pair in seen.items() for argument in pair]
        is_ours, now_ms, lasts, paused = await self._wire.ask(
            KEEP.command(keys, [self._worker, self._lease_ms, *pairs])
        )
        by_schedule = dict(zip(seen, map(int, lasts), strict=True))
        return Watch(bool(is_ours), now_ms, by_schedule, frozenset(lane.decode() for lane in paused))

    async def tick(
        self, schedule: str, lane: str, last_ms: int, reached_ms: int, bodies: Sequence[bytes], max_length: int
    ) -> bool:
        """Publish, and move the schedule on from `last_ms`; False: no room in the lane, or it is no longer ours."""
        keys = [self._keys.timekeeper, self._keys.ticks, self._keys.lane(lane), self._keys.waiting(lane)]
        arguments: list[Argument] = [self._worker, schedule, last_ms, reached_ms, max_length, *bodies]
        return bool(await self._wire.ask(TICK.command(keys, arguments)) == 1)

    async def resign(self) -> None:
        """Give the lease up, if it is ours, so that another need not wait for its end."""
        await self._wire.ask(RESIGN.command([self._keys.timekeeper], [self._worker]))
