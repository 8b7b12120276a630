"""Trying again until the database answers, for a bounded time."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from adjudge.store.connecting import UNAVAILABLE
from adjudge.streams import Stall

log = structlog.get_logger()
_T = TypeVar("_T")

PATIENCE_SECONDS = 60.0
"""How long answers, which have been paid for, wait for the database before the batch is handed back."""


async def insist(act: Callable[[], Awaitable[_T]], *, decider: str, rng: random.Random) -> _T:
    """Try until the database answers: opinions in hand are paid for. Raises Stall when patience ends."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    failures = 0
    while True:
        try:
            return await act()
        except UNAVAILABLE as error:
            failures += 1
            if asyncio.get_running_loop().time() > deadline:
                raise Stall(f"the database does not answer: {error!r}") from error
            log.warning("asking.stalled", decider=decider, error=repr(error))
            await asyncio.sleep(min(1.0, 0.05 * 2**failures) * rng.uniform(0.5, 1))
