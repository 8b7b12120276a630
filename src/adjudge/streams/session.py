"""What an app holds in one event loop: its connections, and everything that uses them."""

import asyncio

from adjudge.streams.asking import Hearing
from adjudge.streams.broker import Streams
from adjudge.streams.outgoing import Outgoing
from adjudge.streams.server_clock import ServerClock

_CLOCK_SECONDS = 60.0


class Session:
    """One way to the broker."""

    def __init__(self, streams: Streams, *, is_ours: bool) -> None:
        self._is_ours = is_ours
        self.streams, self.outgoing, self.hearing = streams, Outgoing(streams), Hearing(streams)
        self.loop = asyncio.get_running_loop()
        self._clock, self._heard_at = ServerClock(self.loop.time), float("-inf")

    async def server_time(self) -> float:
        """Unix seconds of the server, asked for once a minute. Raises `Unavailable`."""
        if self.loop.time() - self._heard_at > _CLOCK_SECONDS:
            self._clock.heard(await self.streams.time())
            self._heard_at = self.loop.time()
        return self._clock.now()

    def new_token(self) -> str:
        """Nobody else's."""
        return f"{self.streams.rng.getrandbits(96):024x}"

    async def close(self) -> None:
        """Close what is ours."""
        await self.hearing.close()
        if self._is_ours:
            await self.streams.close()
