"""One connection to the server, which drops itself after any trouble.

A connection that was interrupted between a command and its answer would give that answer to the next command,
so it is closed instead, and the next call opens another. Nothing is retried here: who calls knows what may be
sent twice.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.exceptions import (
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from adjudge.streams.scripts import Command, by_source
from adjudge.streams.signals import NoGroup, Unavailable

# The server answers, but not as the one that can do it: look the address up again.
_WRONG_SERVER = (ReadOnlyError, MasterDownError, ClusterDownError, MovedError)
_READ_BYTES = 1 << 17

# The stub takes a tuple of exactly one element for what is a tuple of any length.
_pack = cast("Callable[[Command], bytes]", pack_command)


class Wire:
    """Pipelined calls, one at a time, each with an end."""

    def __init__(self, url: str, *, client_name: str, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._turn = asyncio.Lock()
        self._connection = _connection(url, client_name, timeout_seconds)

    async def call(self, *commands: Command, block_seconds: float = 0.0) -> list[Any]:
        """Answers in order, from one write; an error answered by the server stands in its place.

        `block_seconds` is how long the server may wait before it answers. Raises `Unavailable`.
        """
        answers = await self._exchange(commands, block_seconds)
        flushed = [i for i, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if flushed:
            again = await self._exchange([by_source(commands[i]) for i in flushed], block_seconds)
            for i, answer in zip(flushed, again, strict=True):
                answers[i] = answer
        return answers

    async def ask(self, command: Command, *, block_seconds: float = 0.0) -> Any:
        """The one answer to one command; an error raises `NoGroup` or `Unavailable`."""
        return accepted((await self.call(command, block_seconds=block_seconds))[0])

    async def listen(self, wait_seconds: float) -> Any:
        """The next thing the server says unasked (Pub/Sub); None after `wait_seconds` of silence."""
        try:
            return await self._connection.read_response(timeout=wait_seconds)
        except (RedisError, OSError) as error:
            await self.close()
            raise Unavailable(str(error)) from error

    async def tell(self, command: Command) -> None:
        """Send a command whose answer comes through `listen`."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._connection.send_packed_command(_pack(command), check_health=False)
        except (RedisError, OSError, TimeoutError) as error:
            await self.close()
            raise Unavailable(str(error)) from error

    async def close(self) -> None:
        """Close now; a later call opens anew."""
        await self._connection.disconnect(nowait=True)

    async def _exchange(self, commands: Sequence[Command], block_seconds: float) -> list[Any]:
        try:
            async with asyncio.timeout(self._timeout_seconds + block_seconds), self._turn:
                return await self._speak(commands)
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable(str(error) or f"no answer within {self._timeout_seconds + block_seconds:g} s") from error

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


def accepted(answer: Any) -> Any:
    """The answer, unless it is an error: then `NoGroup` or `Unavailable` is raised."""
    if not isinstance(answer, Exception):
        return answer
    text = str(answer)
    if text.startswith("NOGROUP") or "no longer exists" in text:
        raise NoGroup(text) from answer
    raise Unavailable(text) from answer


def _connection(url: str, client_name: str, timeout_seconds: float) -> AbstractConnection:
    options: dict[str, Any] = dict(parse_url(url))
    kind: type[AbstractConnection] = options.pop("connection_class", Connection)
    # Every call is under a time-out of ours, connecting included. The client's own would wrap its writes in
    # asyncio.wait_for, which before Python 3.12 can swallow a cancellation: the worker would never end.
    limits = {"socket_timeout": None, "socket_connect_timeout": timeout_seconds}
    return kind(**{**options, **limits}, client_name=client_name, protocol=2, socket_read_size=_READ_BYTES)
