"""A process tells whoever started it that it is at work: by a file with its process id."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def told(file: Path | None) -> Iterator[None]:
    """Have the file there for as long as the block lasts; None: tell nobody."""
    if file is None:
        yield
        return
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
