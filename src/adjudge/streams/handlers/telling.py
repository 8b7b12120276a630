"""Progress on its way to those who asked: the latest of each message, in the background."""

import asyncio
import threading
from typing import Any

from adjudge.streams import results
from adjudge.streams.broker import Streams
from adjudge.streams.messages import Message
from adjudge.streams.results import Reply, is_asked
from adjudge.streams.signals import Unavailable


class Telling:
    """Sends what handlers say while they run. Whoever does not wait for it never pays; what gets lost is not missed."""

    def __init__(self, streams: Streams, keep_seconds: float) -> None:
        self._streams, self._keep_seconds = streams, keep_seconds
        self._latest: dict[str, dict[str, Reply]] = {}
        self._some = asyncio.Event()
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()

    def progress(self, message: Message, value: Any) -> None:
        """Send it soon. May be called in any thread."""
        if not is_asked(message):
            return
        reply = results.progress(message, value, self._keep_seconds)
        if threading.get_ident() == self._thread:
            self._put(message.name, reply)
        else:
            self._loop.call_soon_threadsafe(self._put, message.name, reply)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            latest, self._latest = self._latest, {}
            for name, replies in latest.items():
                await self._send(name, list(replies.values()))

    def _put(self, name: str, reply: Reply) -> None:
        self._latest.setdefault(name, {})[reply.token] = reply
        self._some.set()

    async def _send(self, name: str, replies: list[Reply]) -> None:
        try:
            await self._streams.reply(name, replies)
        except Unavailable:
            return  # the reader sees the outage; the next progress, or the end, says more than this one
