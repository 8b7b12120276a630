"""`adjudge review`: a person answers at a terminal."""

import asyncio
import signal
import sys
import threading
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Annotated

import typer

from adjudge.cli.connection import key_of
from adjudge.cli.refusing import Refused
from adjudge.cli.reviewing.shift import Shift
from adjudge.cli.reviewing.terminal import Screen, has_keys, keys, lines
from adjudge.client import AsyncAdjudge, Problem


def review(
    name: Annotated[str, typer.Option("--as", help="Your name: the reviewer whose key is used.")],
    pool: Annotated[list[str] | None, typer.Option(help="Only this pool of yours; may be repeated.")] = None,
) -> None:
    """Answer as a person: one task a line, one key an answer.

    An answer is sent with the next one, or after two seconds; until then `u` takes it back. Where
    standard input is no terminal, each line is an answer.
    """
    key = key_of(name)
    try:
        asyncio.run(_review(key, pool or None))
    except Problem as problem:
        raise Refused(str(problem)) from problem
    except asyncio.CancelledError:
        raise typer.Exit(130) from None


async def _review(key: str, pools: list[str] | None) -> None:
    loop = asyncio.get_running_loop()
    by_keys, wanted = has_keys(), threading.Semaphore(0)
    async with AsyncAdjudge(key=key) as adjudge:
        shift = Shift(
            adjudge,
            Screen(sys.stdout),
            pools=pools,
            want_line=None if by_keys else wanted.release,
            now=time.monotonic,
            clock=lambda: datetime.now(UTC),
        )
        with _input(loop, shift, by_keys=by_keys, wanted=wanted):
            work = asyncio.create_task(shift.run(), name="review")
            _leave_on_signals(loop, shift, work)
            await work


def _input(
    loop: asyncio.AbstractEventLoop, shift: Shift, *, by_keys: bool, wanted: threading.Semaphore
) -> AbstractContextManager[None]:
    descriptor = sys.stdin.fileno()
    return keys(loop, descriptor, shift.put) if by_keys else lines(loop, descriptor, shift.put, wanted)


def _leave_on_signals(loop: asyncio.AbstractEventLoop, shift: Shift, work: asyncio.Task[None]) -> None:
    """Leave in good order on the first Ctrl-C, at once on the second."""
    signals = 0

    def leave() -> None:
        nonlocal signals
        signals += 1
        shift.put(None) if signals == 1 else work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, leave)
