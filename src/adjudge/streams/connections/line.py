"""A connection to one server that is opened on use, dropped after any trouble, and opened again by the next call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from adjudge.streams.connections.pipelining import Pipeline, packed
from adjudge.streams.connections.refusals import CLUSTER_DOWN, MASTER_DOWN, READ_ONLY, Refusal, has_code
from adjudge.streams.connections.script import Command
from adjudge.streams.signals import Unavailable

# The server answers, but not as the one that can do it: look the address up again.
_WRONG_SERVER = (READ_ONLY, MASTER_DOWN, CLUSTER_DOWN)


class Line:
    """Pipelined exchanges, each ended by `until` (loop time), over what `open_one` opens."""

    def __init__(self, open_one: Callable[[float], Awaitable[Pipeline]]) -> None:
        self._turn = asyncio.Lock()
        self._open_one = open_one
        self._pipeline: Pipeline | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is connected, as far as this side knows."""
        return self._pipeline is not None and self._pipeline.is_open

    async def exchange(self, commands: Sequence[Command], until: float) -> list[Any]:
        """Answers in order, from one write; an error answered by the server stands in its place.

        Raises `Unavailable`. Nothing is sent twice.
        """
        pipeline = self._pipeline
        if pipeline is None or not pipeline.is_open:
            pipeline = await self._opened(until)
        answers = await pipeline.ask(packed(commands), len(commands), until)
        for answer in answers:
            if has_code(answer, *_WRONG_SERVER):
                await self.close()
                raise Unavailable(str(answer)) from answer
        return answers

    async def tell(self, command: Command, until: float) -> None:
        """Send a command whose answer comes through `listen`. Raises `Unavailable`."""
        (await self._opened(until)).tell(packed([command]))

    async def listen(self, wait_seconds: float) -> Any:
        """The next thing the server says unasked (Pub/Sub); None after `wait_seconds` of silence.

        Raises `Unavailable`.
        """
        if self._pipeline is None:
            raise Unavailable("nothing was told yet")
        return await self._pipeline.hear(wait_seconds)

    async def close(self) -> None:
        """Close now; a later call opens anew."""
        if self._pipeline is not None:
            self._pipeline.end("closed")

    async def _opened(self, until: float) -> Pipeline:
        try:
            async with asyncio.timeout_at(until), self._turn:
                if self._pipeline is None or not self._pipeline.is_open:
                    self._pipeline = await self._open_one(until)
                return self._pipeline
        except (Refusal, OSError, TimeoutError) as error:
            raise Unavailable(str(error) or "no connection in time") from error
