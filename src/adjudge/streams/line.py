"""The line to one server: opened when it is used, dropped after any trouble, opened anew by the next call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ClusterDownError, MasterDownError, ReadOnlyError, RedisError

from adjudge.streams.pipelining import Pipeline
from adjudge.streams.script import Command
from adjudge.streams.signals import Unavailable

# The server answers, but not as the one that can do it: look the address up again.
_WRONG_SERVER = (ReadOnlyError, MasterDownError, ClusterDownError)

# The stub takes a tuple of exactly one element for what is a tuple of any length.
_pack = cast("Callable[[Command], bytes]", pack_command)


class Line:
    """Pipelined exchanges, each ended by `until` (loop time).

    The client's connection finds the server and greets it (TLS, password, database); then it is out of the way.
    """

    def __init__(self, connection: AbstractConnection) -> None:
        self._turn = asyncio.Lock()
        self._connection = connection
        self._pipeline: Pipeline | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is connected, as far as this side knows."""
        return self._pipeline is not None and self._pipeline.is_open

    async def exchange(self, commands: Sequence[Command], until: float) -> list[Any]:
        """Answers in order, from one write; an error answered by the server stands in its place.

        Raises `Unavailable`. Nothing is sent twice.
        """
        packed = b"".join(map(_pack, commands))
        pipeline = self._pipeline
        if pipeline is None or not pipeline.is_open:
            pipeline = await self._opened(until)
        answers = await pipeline.ask(packed, len(commands), until)
        for answer in answers:
            if isinstance(answer, _WRONG_SERVER):
                await self.close()
                raise Unavailable(str(answer)) from answer
        return answers

    async def tell(self, command: Command, until: float) -> None:
        """Send a command whose answer comes through `listen`. Raises `Unavailable`."""
        (await self._opened(until)).tell(_pack(command))

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
        await self._connection.disconnect(nowait=True)

    async def _opened(self, until: float) -> Pipeline:
        try:
            async with asyncio.timeout_at(until), self._turn:
                if self._pipeline is None or not self._pipeline.is_open:
                    self._pipeline = await self._open()
                return self._pipeline
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable(str(error) or "no connection in time") from error

    async def _open(self) -> Pipeline:
        connection = self._connection
        try:
            await connection.disconnect(nowait=True)
            await cast("Callable[[], Awaitable[None]]", connection.connect)()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        writer = connection._writer  # what it has opened has no public name
        assert writer is not None
        return Pipeline(cast("asyncio.Transport", writer.transport))
