"""Keeps a library, while it is imported, from importing others for features that we never use."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unimported(*names: str) -> Iterator[None]:
    """Have modules fail to import within the block, as if they were not installed; what is imported already stays."""
    refused = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(refused))  # type: ignore[arg-type]  # None: Python's own mark of such a module
    try:
        yield
    finally:
        for name in refused:
            del sys.modules[name]
