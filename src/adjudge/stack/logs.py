"""Logs of roles, held to a bound: models print what they like, and a full disk would end the database beside them."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

LARGEST: Final = 64 << 20
"""Bytes of a log."""
KEPT: Final = 16 << 20
"""Bytes of its end that are kept beside it, in a file of its name and `.1`."""
LOOK_SECONDS: Final = 5.0


async def held_to_bound(logs: Sequence[Path]) -> None:
    """Look after them until cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for log in logs:
            await asyncio.to_thread(begin_anew, log, LARGEST, KEPT)


def begin_anew(log: Path, largest: int, kept: int) -> None:
    """Empty a log that is larger, and keep its end. Whoever writes to it appends, and so goes on at its beginning."""
    with suppress(OSError):  # not there yet; or the disk is full, and then emptying is what helps
        if log.stat().st_size <= largest:
            return
        try:
            _keep(log, kept)
        finally:
            os.truncate(log, 0)


def _keep(log: Path, kept: int) -> None:
    with log.open("rb") as whole:
        whole.seek(-kept, os.SEEK_END)
        end = whole.read(kept)
    beside = os.open(log.with_name(f"{log.name}.1"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(beside, "wb") as file:
        file.write(end)
