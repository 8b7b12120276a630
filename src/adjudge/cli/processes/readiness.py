"""A process tells whoever started it that it is at work: by a file with its process id."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

LOOK_AGAIN_SECONDS: Final = 0.2


class Report(Protocol):
    """What was looked at."""

    @property
    def ready(self) -> bool: ...


async def tell(file: Path | None, look: Callable[[], Awaitable[Report]]) -> None:
    """Have the file there from when all is well until cancelled; None: tell nobody."""
    if file is None:
        return
    while True:
        if (await look()).ready:
            break
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    with _written(file):
        await asyncio.Event().wait()


@contextmanager
def _written(file: Path) -> Iterator[None]:
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(f"{os.getpid()}\n")
    fresh.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def is_told(file: Path) -> bool:
    """Return whether a living process says so: one that was killed leaves its file behind."""
    try:
        os.kill(int(file.read_text()), 0)
    except (OSError, ValueError):
        return False
    return True
