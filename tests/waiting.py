"""Waiting for what has no event of its own: it is looked at again and again."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")

PAUSE_SECONDS = 0.02


async def until(
    look: Callable[[], Found | Awaitable[Found]], fits: Callable[[Found], object] = bool, *, seconds: float = 20
) -> Found:
    """Return what `look` gives, awaited if need be, once it fits. Raises AssertionError with what was seen last."""
    seen: object = None
    try:
        async with asyncio.timeout(seconds) as limit:
            while True:
                given = look()
                seen = found = await given if inspect.isawaitable(given) else given
                if fits(found):
                    return found
                await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError:
        if not limit.expired():
            raise
        raise AssertionError(f"not within {seconds:g} s; what was seen last: {seen!r}") from None
