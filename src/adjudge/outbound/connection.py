"""One HTTP/1.1 connection: a request at a time, and its whole answer."""

import asyncio
from typing import Any, Final

import httptools

from adjudge.outbound.messages import Reply, Unreachable

LONGEST_HEAD: Final = 64 * 1024
"""Bytes of a status line, headers and whatever else is no content."""
WRAPPED: Final = 8
"""Bytes that one of content may take on its way: chunks of a byte have six."""
_SWITCHING: Final = 101


class BrokenOff(Unreachable):
    """The connection ended before the first byte of an answer."""


class Connection(asyncio.Protocol):
    """Made by the loop; of use until `is_open` is false."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Reply] | None = None
        self._largest = 0
        self.is_open = False
        self.idle_since = 0.0
        """By the loop's clock."""

    async def exchange(self, request: bytes, largest: int) -> Reply:
        """Send a request and return the answer, of at most so many bytes. Raises Unreachable.

        However it ends, unless it ends well the connection is closed: what still comes belongs to nobody.
        """
        self._answer = answer = self._loop.create_future()
        self._largest = largest
        self._received = 0
        self._begin()
        self._transport.write(request)
        try:
            reply: Reply = await answer
        except BaseException:
            self.close()
            raise
        return reply

    def close(self) -> None:
        """Close at once; nothing more is read."""
        self.is_open = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._answer is None or self._answer.done():
            pass
        elif self._is_until_end and exc is None:
            self._complete()
        elif self._received:
            self._answer.set_exception(Unreachable("the connection was closed within the answer"))
        else:
            self._answer.set_exception(BrokenOff("the connection was closed before an answer"))
        self._parser = None  # it holds us

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():  # nobody has asked
            self.close()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(f"the answer is no HTTP/1.1: {error}")
        if not self._answer.done() and self._received > LONGEST_HEAD + WRAPPED * len(self._body):
            self._fail(f"the headers of the answer are longer than {LONGEST_HEAD} bytes")

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.done():  # a second answer to one request
            self.is_open = False
        self._begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != _SWITCHING:
            return
        self._is_head_read = True
        framed = "content-length" in self._headers or "chunked" in self._headers.get("transfer-encoding", "").lower()
        self._is_until_end = not framed and status not in (204, 304)

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > self._largest:
            self._fail(f"the answer is longer than {self._largest} bytes")

    def on_message_complete(self) -> None:
        if not self._is_head_read:  # 100 Continue, 103 Early Hints: the answer is still to come
            return
        if self._answer is not None and not self._answer.done():
            if not self._parser.should_keep_alive() or self._transport.get_write_buffer_size():
                self.is_open = False
            self._complete()

    def _begin(self) -> None:
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._is_head_read = False
        self._is_until_end = False

    def _complete(self) -> None:
        assert self._answer is not None
        self._answer.set_result(Reply(self._parser.get_status_code(), self._headers, bytes(self._body)))

    def _fail(self, why: str) -> None:
        assert self._answer is not None
        if not self._answer.done():
            self._answer.set_exception(Unreachable(why))
        self.close()
