"""Which names and lanes exist. Workers write them down, so that nobody has to search all keys of a large server."""

from collections.abc import Iterable, Mapping, Sequence

from adjudge.streams.connections.script import EVEN_FULL, Script
from adjudge.streams.connections.wire import Wire
from adjudge.streams.keys import Keys, parsed

FORGET_SECONDS = 30 * 86_400
"""A lane that no worker has served for so long is no longer listed."""

# KEYS streams; ARGV seconds after which one is forgotten, lane's key...
ENROL = Script(
    EVEN_FULL
    + """
local now = tonumber(redis.call('TIME')[1])
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], now, ARGV[i])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[1]))
"""
)


class Registry:
    """Every method raises `Unavailable`."""

    def __init__(self, wire: Wire, key: str) -> None:
        self._wire, self._key = wire, key

    async def enrol(self, lanes: Mapping[str, Iterable[str]]) -> None:
        """Write down, or confirm, these lanes by name."""
        keys = [Keys(name).lane(lane) for name, of_name in lanes.items() for lane in of_name]
        if keys:
            await self._wire.ask(ENROL.command([self._key], [FORGET_SECONDS, *keys]))

    async def lanes(self) -> Mapping[str, Sequence[str]]:
        """All lanes that had a worker in the last 30 days, by name, in alphabetical order."""
        found: dict[str, list[str]] = {}
        for member in sorted(await self._wire.ask(("ZRANGE", self._key, 0, -1))):
            name, lane = parsed(member.decode())
            found.setdefault(name, []).append(lane)
        return found
