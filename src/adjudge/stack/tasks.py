"""Waits for other processes, and ends tasks that ran beside something else."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

POLL_SECONDS: Final = 0.02

T = TypeVar("T")


async def until(answer: Callable[[], Awaitable[T]]) -> T:
    """The first answer that is true. It asks for ever: the caller bounds the wait."""
    while not (answered := await answer()):  # noqa: ASYNC110  (another process: no event tells)
        await asyncio.sleep(POLL_SECONDS)
    return answered


async def cancelled(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and wait for their end, whatever came of them."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
