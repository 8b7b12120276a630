"""Writes the head of a response together with the part of its body that follows at once.

uvicorn writes head and body separately, and uvloop hands each to the kernel by itself: two system calls, two packets,
and two reads for the caller.
"""

import asyncio
from typing import Any, Final

HEAD: Final = b"HTTP/1.1 "
MOST_COPIED: Final = 64 * 1024
"""A larger body is not worth a copy."""


class OneWrite:
    """A transport that holds the head of an answer back for its body, at most until the event loop's next turn."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write it with the head that waits; a head waits."""
        if self._head:
            if len(data) <= MOST_COPIED:
                data = self._head + data
                self._head = b""
            else:
                self._send_head()
        elif data.startswith(HEAD):
            self._head = data
            self._loop.call_soon(self._send_head)  # a body that is streamed comes later, some answers have none
            return
        self._send(data)

    def write_eof(self) -> None:
        """Write nothing more."""
        self._send_head()
        self._transport.write_eof()

    def close(self) -> None:
        """Close, once all is written."""
        self._send_head()
        self._transport.close()

    def _send_head(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._send(head)

    def _send(self, data: bytes) -> None:
        """Write what somebody may still read.

        A caller who has gone may have left requests behind; uvloop raises where asyncio's own transport passes over it.
        """
        if not self._transport.is_closing():
            self._transport.write(data)
