"""One connection to one server, which drops itself after any trouble.

A connection that was interrupted between a command and its answer would give that answer to the next command,
so it is closed instead, and the next call opens another.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ClusterDownError, MasterDownError, ReadOnlyError, RedisError, ResponseError

from adjudge.streams.script import Command
from adjudge.streams.signals import Unavailable

# The server answers, but not as the one that can do it: look the address up again.
_WRONG_SERVER = (ReadOnlyError, MasterDownError, ClusterDownError)

# The stub takes a tuple of exactly one element for what is a tuple of any length.
_pack = cast("Callable[[Command], bytes]", pack_command)


class Line:
    """Pipelined exchanges, one at a time, each ended by `until` (loop time)."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._turn = asyncio.Lock()
        self._connection = connection

    @property
    def is_open(self) -> bool:
        """Whether it is connected, as far as this side knows."""
        return bool(self._connection.is_connected)

    async def exchange(self, commands: Sequence[Command], until: float) -> list[Any]:
        """Answers in order, from one write; an error answered by the server stands in its place.

        Raises `Unavailable`. Nothing is sent twice.
        """
        try:
            async with asyncio.timeout_at(until), self._turn:
                return await self._speak(commands)
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable(str(error) or "no answer in time") from error

    async def tell(self, command: Command, until: float) -> None:
        """Send a command whose answer comes through `listen`. Raises `Unavailable`."""
        try:
            async with asyncio.timeout_at(until):
                await self._connection.send_packed_command(_pack(command), check_health=False)
        except (RedisError, OSError, TimeoutError) as error:
            await self.close()
            raise Unavailable(str(error) or "not taken in time") from error

    async def listen(self, wait_seconds: float) -> Any:
        """The next thing the server says unasked (Pub/Sub); None after `wait_seconds` of silence.

        Raises `Unavailable`.
        """
        try:
            return await self._connection.read_response(timeout=wait_seconds)
        except (RedisError, OSError) as error:
            await self.close()
            raise Unavailable(str(error)) from error

    async def close(self) -> None:
        """Close now; a later call opens anew."""
        await self._connection.disconnect(nowait=True)

    async def _speak(self, commands: Sequence[Command]) -> list[Any]:
        connection = self._connection
        try:
            if connection.is_connected and await connection.can_read():
                await connection.disconnect(nowait=True)  # closed by the server meanwhile, or out of step
            await connection.send_packed_command(list(map(_pack, commands)), check_health=False)
            return [await self._answer() for _ in commands]
        except BaseException:  # cancellation too: the answer would be taken for that of the next command
            await connection.disconnect(nowait=True)
            raise

    async def _answer(self) -> Any:
        try:
            return await self._connection.read_response(timeout=None)
        except _WRONG_SERVER:
            raise
        except ResponseError as error:
            return error
