"""Whether the roles that `adjudge up` runs are at work yet."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from adjudge.core.errors import AdjudgeError
from adjudge.stack import Ready

READY_SECONDS = 60.0
ANSWER_SECONDS = 2.0
"""For one look at whether the API takes questions."""


class Awaited:
    """The roles that have not been ready yet, each asked by the task that runs it."""

    def __init__(self, checks: Mapping[str, Ready]) -> None:
        self.checks = {name: self._noted(name, check) for name, check in checks.items()}
        self._missing = set(checks)
        self._complete = asyncio.Event()

    async def all(self, stop: asyncio.Event, *, logs: Path) -> bool:
        """Return True once each has been ready; False when told to stop before. Raises AdjudgeError."""
        waits = [asyncio.create_task(event.wait()) for event in (self._complete, stop)]
        try:
            await asyncio.wait(waits, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not self._complete.is_set() and not stop.is_set():
            stop.set()
            names = ", ".join(sorted(self._missing))
            raise AdjudgeError(f"not ready in {READY_SECONDS:.0f} s: {names}; see {logs}")
        return self._complete.is_set()

    def _noted(self, name: str, check: Ready) -> Ready:
        async def checked() -> bool:
            ready = await check()
            if ready:
                self._missing.discard(name)
            if not self._missing:
                self._complete.set()
            return ready

        return checked


async def answers(host: str, port: int) -> bool:
    """Return whether the API takes questions."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except OSError:  # TimeoutError too
        return False
