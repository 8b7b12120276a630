"""Server-sent events: a response that goes on until its reader has left, or has stopped reading."""

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from contextlib import aclosing
from typing import Any, Final

import structlog
from starlette.responses import StreamingResponse

from adjudge.api.bodies import Receive
from adjudge.api.hot import Send

log = structlog.get_logger()

MEDIA_TYPE: Final = "text/event-stream"
STALLED_SECONDS: Final = 60.0
"""How long a reader may leave what was sent to it unread."""
RETRY: Final = b"retry: 2000\n\n"
"""Milliseconds after which a browser comes back."""
HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would collect a page full before it passes on anything
}


def event(cursor: str, kind: str, data: bytes) -> bytes:
    """Return one event; `data` is one line."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor.encode(), kind.encode(), data)


def beat(cursor: str) -> bytes:
    """Return what keeps the line alive and moves a reader's cursor on, and is no event."""
    return b": alive\nid: %b\n\n" % cursor.encode()


class EventStream(StreamingResponse):
    """A response of frames. Starlette's own would wait for ever for a reader that has stopped reading."""

    def __init__(self, frames: AsyncGenerator[bytes]) -> None:
        super().__init__(frames, media_type=MEDIA_TYPE, headers=HEADERS)
        self._frames = frames

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Send until the frames end, the reader leaves or stops reading."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.create_task(self._send(send), name="send-events")
        leaving = asyncio.create_task(_left(receive), name="await-disconnect")
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        try:
            await self._sent(send, RETRY)
            async with aclosing(self._frames) as frames:
                async for frame in frames:
                    await self._sent(send, frame)
            await self._sent(send, b"", more=False)
        except _Stalled:
            log.warning("events.stalled", seconds=STALLED_SECONDS)

    async def _sent(self, send: Send, frame: bytes, *, more: bool = True) -> None:
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await send({"type": "http.response.body", "body": frame, "more_body": more})
        except TimeoutError:
            raise _Stalled from None


class _Stalled(Exception):
    """The reader has stopped reading."""


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
