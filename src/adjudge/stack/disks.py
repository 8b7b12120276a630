"""Watches the disk that holds the data, and says so when it is full."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from adjudge.stack.tasks import cancelled

LOW_BYTES: Final = 16 * 1024 * 1024
"""A segment of PostgreSQL's log: with less, the next commit may be refused."""
LOOK_SECONDS: Final = 2.0


@asynccontextmanager
async def disk_watched(folder: Path, report: Callable[[str], None]) -> AsyncIterator[None]:
    """Report whenever the disk of the folder fills up, and when there is space again, as long as the context lasts."""
    watching = asyncio.create_task(_watch(folder, report), name="watch the disk")
    try:
        yield
    finally:
        await cancelled(watching)


async def _watch(folder: Path, report: Callable[[str], None]) -> None:
    was_low = False
    while True:
        is_low = shutil.disk_usage(folder).free < LOW_BYTES
        if is_low and not was_low:
            report(f"the disk that holds {folder} is full: nothing can be accepted until there is space")
        elif was_low and not is_low:
            report(f"the disk that holds {folder} has space again")
        was_low = is_low
        await asyncio.sleep(LOOK_SECONDS)
