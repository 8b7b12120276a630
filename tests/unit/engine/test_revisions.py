"""What a process holds compiled: a revision that comes while it serves is compiled in slices, and only while wanted."""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path

from adjudge.config import Configuration, compile_documents
from adjudge.config.pausing import Pause, no_pause
from adjudge.engine.aside import NotWanted
from adjudge.engine.revisions import Revisions

EMPTY = compile_documents({}, base=Path("/project"))


async def test_a_revision_that_is_not_wanted_any_longer_is_not_compiled_to_the_end() -> None:
    """A process that ends while it takes one over ends at once."""
    begun, ended, over = asyncio.Event(), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def endless(documents: Mapping[str, str], number: int, pause: Pause = no_pause) -> Configuration:
        loop.call_soon_threadsafe(begun.set)
        try:
            while not over.is_set():
                pause()
        except NotWanted:
            loop.call_soon_threadsafe(ended.set)
            raise

    held = Revisions(EMPTY, endless)
    async with asyncio.timeout(10):
        compiling = asyncio.create_task(held.compiled_aside({"a.yaml": "types: {}"}, 2))
        await begun.wait()
        compiling.cancel()
        try:
            await ended.wait()
        finally:
            over.set()
    assert held.held == (EMPTY,)
