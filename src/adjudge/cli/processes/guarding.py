"""Bounds the head of a request in size and in time, before there is a request.

uvicorn would wait for the end of a head for ever, and keep everything that has come of it. Bodies have bounds of their
own (`api/bodies.py`).
"""

import asyncio
import re
from collections.abc import Iterable
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from adjudge.api import problems
from adjudge.api.problems import Problem
from adjudge.cli.processes.one_write import OneWrite

LARGEST_HEAD: Final = 64 * 1024
MOST_DISCARDED: Final = 4 * 1024 * 1024
_UPGRADE: Final = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
HEAD_SECONDS: Final = 20.0
"""How long a client may take to send a head, from its connection or from its first byte on."""

# uvicorn asks Python for the names of statuses, and Python before 3.13 has two that RFC 9110 has changed.
STATUS_LINE.update({413: b"HTTP/1.1 413 Content Too Large\r\n", 422: b"HTTP/1.1 422 Unprocessable Content\r\n"})


class Guarded(HttpToolsProtocol):
    """Refuses what is no head, or too large a one; `close_waiting` ends those that do not come."""

    waiting_since: float | None = None
    """Loop time; None: the head of the request is here."""
    head_bytes = 0
    refused_bytes: int | None = None
    """What has come since it was refused."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        self.waiting_since = self.loop.time()
        super().connection_made(cast("asyncio.Transport", _Line(transport, self)))

    def data_received(self, data: bytes) -> None:
        """Read on, and look at the head where it is not whole: nearly all are, after one read."""
        if self.refused_bytes is not None:
            self._discard(data)
            return
        if len(data) > LARGEST_HEAD and self._is_head_next() and data.find(b"\r\n\r\n", 0, LARGEST_HEAD) < 0:
            self._refuse(_TOO_LARGE)
            return
        super().data_received(_without_upgrade(data) if b"pgrade" in data and self._is_head_next() else data)
        cycle = self.cycle
        is_whole = cycle is not None and cycle.scope is self.scope
        if is_whole and not cycle.response_complete:
            if self.waiting_since is not None:
                self.waiting_since, self.head_bytes = None, 0
            return
        if self.waiting_since is None:
            self.waiting_since = self.loop.time()
        if not is_whole:
            self.head_bytes += len(data)
            if self.head_bytes > LARGEST_HEAD:
                self._refuse(_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """Say what is no HTTP as every problem is said. `msg` says no more than that it is none."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._refuse(_NO_HTTP)
            return
        if cycle.more_body and not cycle.response_started:  # else it would be taken for the answer to what came before
            self.transport.write(_NO_HTTP)
        cast("_Line", self.transport).end()

    def must_read_on(self) -> bool:
        """Return whether an answer ends the connection before all of its request has come, and begin to discard."""
        if self.refused_bytes is not None or self.cycle is None or not self.cycle.more_body:
            return False
        self.refused_bytes = 0
        self.waiting_since = self.loop.time()
        return True

    def _is_head_next(self) -> bool:
        """Return whether what comes belongs to a head: no body is awaited."""
        return self.cycle is None or not self.cycle.more_body

    def _refuse(self, why: bytes) -> None:
        """Say why, and read on for a while: closed at once, the connection is reset and the answer lost."""
        self.refused_bytes = 0
        self.waiting_since = self.loop.time()
        if not self.transport.is_closing():
            self.transport.write(why)
            self.transport.write_eof()

    def _discard(self, data: bytes) -> None:
        assert self.refused_bytes is not None
        self.refused_bytes += len(data)
        if self.refused_bytes > MOST_DISCARDED:
            self.transport.close()


class _Line(OneWrite):
    """A transport that is not closed while the client still writes: the reset would take the answer with it."""

    def __init__(self, transport: Any, protocol: Guarded) -> None:
        super().__init__(transport, protocol.loop)
        self._protocol = protocol

    def close(self) -> None:
        """Close, or write no more and leave it to the protocol to close."""
        if not self.is_closing() and self._protocol.must_read_on():
            self.write_eof()
        else:
            self.end()

    def end(self) -> None:
        """Close, whoever still writes."""
        super().close()


def _without_upgrade(data: bytes) -> bytes:
    """Return a head that offers no other protocol: none is spoken here, and the parser would leave out the body.

    Java's client, and `curl --http2`, offer HTTP/2 with every request.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-upgrade:", head) + end + body


def close_waiting(connections: Iterable[Any], now: float) -> None:
    """Close the connections whose head has not come in time."""
    for connection in list(connections):
        since = getattr(connection, "waiting_since", None)
        if since is not None and now - since > HEAD_SECONDS:
            connection.transport.close()


def _refusal(problem: Problem, reason: str) -> bytes:
    refused = problems.response(problem)
    head = "".join(f"{name.decode()}: {value.decode()}\r\n" for name, value in refused.raw_headers)
    return f"HTTP/1.1 {refused.status_code} {reason}\r\n{head}\r\n".encode() + bytes(refused.body)


_TOO_LARGE: Final = _refusal(
    Problem("headers-too-large", f"the head of a request has at most {LARGEST_HEAD} bytes"),
    "Request Header Fields Too Large",
)
_NO_HTTP: Final = _refusal(Problem("malformed-request", "this is not an HTTP request"), "Bad Request")
