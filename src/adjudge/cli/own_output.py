"""Standard output is the command's own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO


@contextmanager
def own_output() -> Iterator[None]:
    """Have what models print meanwhile on standard error, libraries in C included: a pipe reads what we say."""
    if not _has_both():
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def claimed_output() -> TextIO:
    """Return standard output for what a process itself says, and lead there nothing else from now on.

    What models print goes to standard error instead, as it does where they are in processes of their own.
    """
    if not _has_both():
        return sys.stdout
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "w", encoding="utf-8", errors="backslashreplace")


def _has_both() -> bool:
    """Return whether there are two to be kept apart: a process may be started without one, which is None then."""
    return bool(sys.stdout and sys.stderr)
