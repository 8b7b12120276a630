"""Hints over Pub/Sub. They are quick, and silently lost if nobody listens or the connection is cut."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from adjudge.streams.connections.wire import Wire
from adjudge.streams.retrying import backoff
from adjudge.streams.signals import Unavailable

SILENCE_SECONDS = 2.0
"""After so long without a word the listener pings, and after as long again it takes the line for dead."""

_BASE_SECONDS, _CAP_SECONDS = 0.05, 2.0


async def listen(
    wire: Wire, channel: str, on_message: Callable[[bytes], None], ready: asyncio.Event | None, rng: random.Random
) -> None:
    """Call `on_message` with every payload until cancelled. `ready` is set while the subscription stands."""
    ready, failures = ready or asyncio.Event(), 0
    try:
        while True:
            try:
                await _listen_once(wire, channel, on_message, ready)
            except Unavailable:
                failures = 0 if ready.is_set() else failures + 1
                ready.clear()
                await asyncio.sleep(backoff(failures, _BASE_SECONDS, _CAP_SECONDS, rng))
    finally:
        ready.clear()
        await wire.close()


async def _listen_once(wire: Wire, channel: str, on_message: Callable[[bytes], None], ready: asyncio.Event) -> None:
    await wire.tell(("SUBSCRIBE", channel))
    pinged = False
    while True:
        said = await wire.listen(SILENCE_SECONDS)
        if said is not None:
            pinged = False
            _hear(said, on_message, ready)
        elif pinged:
            await wire.close()
            raise Unavailable(f"no word for {2 * SILENCE_SECONDS:g} s")
        else:
            await wire.tell(("PING",))
            pinged = True


def _hear(said: Any, on_message: Callable[[bytes], None], ready: asyncio.Event) -> None:
    match said:
        case [b"message", _, bytes(payload)]:
            on_message(payload)
        case [b"subscribe", *_]:
            ready.set()
