"""Standard output is the command's own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO


@contextmanager
def own_output() -> Iterator[None]:
    """Have what models print meanwhile on standard error, libraries in C included: a pipe reads what we say."""
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # the command was started without one
        kept = None
    try:
        if kept is not None:
            os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


def claimed_output() -> TextIO:
    """Return standard output for what a process itself says, and lead there nothing else from now on.

    What models print goes to standard error instead, as it does where they are in processes of their own.
    """
    try:
        kept = os.dup(1)
    except OSError:  # the process was started without one
        return sys.stdout
    os.dup2(2, 1)
    return os.fdopen(kept, "w", encoding="utf-8", errors="backslashreplace")
