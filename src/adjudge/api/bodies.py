"""The body of a request as it arrives: bounded in size and in time, whoever sends it."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

from adjudge.api.problems import Problem

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]

LARGEST: Final = 256 * 1024
SECONDS: Final = 20.0
"""How long a client may take to send a body."""


class Body:
    """Counts what arrives: an ASGI `receive` that ends at the largest size and the latest moment."""

    def __init__(
        self, headers: Mapping[bytes, bytes], receive: Receive, largest: int = LARGEST, *, seconds: float = SECONDS
    ) -> None:
        self._declared = headers.get(b"content-length", b"")
        self._receive = receive
        self._largest = largest
        self._seconds = seconds
        self._until: float | None = None
        self.size = 0
        """Bytes so far."""
        self._is_whole = False

    async def __call__(self) -> Message:
        """Return the next message. Raises Problem: body-too-large, body-timeout."""
        if self._is_whole:  # what comes now is that the client has left, whenever that may be
            return await self._receive()
        if self._declared.isdigit() and int(self._declared) > self._largest:
            raise self._too_large()
        receiving = self._receive().__await__()
        try:
            first = next(receiving)
        except StopIteration as here:  # nearly always; a timer costs more than the rest
            message: Message = here.value
        else:
            message = await self._in_time(first, receiving)
        self.size += len(message.get("body", b""))
        if self.size > self._largest:
            raise self._too_large()
        self._is_whole = not message.get("more_body", False)
        return message

    async def read(self) -> bytes:
        """Return all of it. Raises Problem, where it is cut off, too."""
        parts: list[bytes] = []
        while not self._is_whole:
            message = await self()
            if message["type"] == "http.disconnect":
                raise Problem("malformed-json", "the body was cut off")
            parts.append(message.get("body", b""))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _in_time(self, first: Any, receiving: Generator[Any, None, Message]) -> Message:
        """Return a message that is not here yet."""
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._until):
                return await _Begun(first, receiving)
        except TimeoutError:
            raise Problem("body-timeout", "the body did not arrive in time") from None

    def _too_large(self) -> Problem:
        return Problem("body-too-large", f"a body has at most {self._largest} bytes")


class _Begun:
    """An awaitable that has been begun already, and what it waits for."""

    def __init__(self, first: Any, rest: Generator[Any, None, Message]) -> None:
        self._first = first
        self._rest = rest

    def __await__(self) -> Generator[Any, None, Message]:
        try:
            yield self._first
        except BaseException as error:
            self._rest.throw(error)
            raise
        return (yield from self._rest)
