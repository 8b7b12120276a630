"""Gives memory that a burst took back to the system."""

import ctypes
from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
"""Of glibc's malloc.h."""
LARGE_BYTES: Final = 128 * 1024
"""A block from which on each is mapped by itself: evidence near its limit, and what carries much of it."""
KEPT_BYTES: Final = 16 * 1024 * 1024
"""Of the heap's free end: to give back every little and ask for it again costs more than it saves."""


def give_back_what_is_large() -> None:
    """Have malloc return large blocks as they are freed; without glibc do nothing.

    Left to itself it learns from each one freed to take such blocks from its heap, which one small block behind
    them keeps from shrinking: after a burst of large evidence a process stayed at five times its size.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
