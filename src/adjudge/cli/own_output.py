"""Standard output is the command's own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


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
