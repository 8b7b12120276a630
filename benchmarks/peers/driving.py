"""Makes one contestant do one thing. Run by that contestant's interpreter, with this folder's parent on its path.

    python -m peers.driving PEER work
    python -m peers.driving PEER publish FIRST COUNT CALLERS     prints {"seconds": ...}
    python -m peers.driving PEER poised FIRST COUNT CALLERS      the same, once a line comes in; says "ready" before
    python -m peers.driving PEER bulk FIRST COUNT                prints {"seconds": ...}
    python -m peers.driving PEER idle FIRST COUNT SECONDS        prints {"milliseconds": [...]}

A contestant's module has `publish`, a function or coroutine function of one payload; perhaps `publish_many`, of many;
perhaps `opened`, an async context manager in which these are called; and either `WORKER`, a console script of its
environment with arguments, or `work`, a function. Standard library only.
"""

import asyncio
import importlib
import inspect
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType

from peers.effects import payload

BULK = 500
_PAUSE_SECONDS = 0.004
_POLL_SECONDS = 0.0005
_PATIENCE_SECONDS = 5.0
_STARTING_SECONDS, _AGAIN_SECONDS = 30.0, 0.5


def work(peer: ModuleType) -> None:
    """Become its worker."""
    if not hasattr(peer, "WORKER"):
        peer.work()
        return
    script, *arguments = peer.WORKER
    program = str(Path(sys.executable).with_name(script))
    os.execv(program, [program, *arguments])


async def publish(peer: ModuleType, first: int, count: int, callers: int, *, poised: bool = False) -> dict[str, float]:
    """One call a message, from so many callers at once: tasks where it has an event loop, else threads."""
    payloads = [payload(number) for number in range(first, first + count)]
    async with opened(peer):
        await as_coroutine(peer.publish)(payload(0))  # imports and connections are made by the first
        if poised:
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
        if inspect.iscoroutinefunction(peer.publish):
            return {"seconds": await _timed(_from_tasks(peer.publish, payloads, callers))}
        return {"seconds": _from_threads(peer.publish, payloads, callers)}


async def bulk(peer: ModuleType, first: int, count: int) -> dict[str, float]:
    """Five hundred messages a call, where there is a call for many."""
    if not hasattr(peer, "publish_many"):
        return {}
    chunks = [
        [payload(n) for n in range(at, min(at + BULK, first + count))] for at in range(first, first + count, BULK)
    ]
    async with opened(peer):
        await as_coroutine(peer.publish)(payload(0))
        return {"seconds": await _timed(_from_tasks(as_coroutine(peer.publish_many), chunks, 1))}


async def idle(peer: ModuleType, first: int, count: int, seconds: float) -> dict[str, list[float]]:
    """Publish the next message when the last was handled; milliseconds from before the call to the handler."""
    publish_one, stamps = as_coroutine(peer.publish), peer.setting.effects.stamps
    async with opened(peer):
        await _awake(publish_one, stamps)
        taken, until = [], time.monotonic() + seconds
        for number in range(first, first + count):
            if time.monotonic() > until:
                break
            await asyncio.sleep(_PAUSE_SECONDS)  # the measured case is a worker that waits already
            message, began = payload(number), time.monotonic_ns()
            await publish_one(message)
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not stamps[number] and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)  # noqa: ASYNC251  nothing else is to run here
            if stamps[number]:
                taken.append((stamps[number] - began) / 1e6)
    return {"milliseconds": taken}


async def _awake(publish_one: Callable[[object], Awaitable[object]], stamps: memoryview) -> None:
    """Return once the worker handles messages; what it gets before is lost where its group begins at the end."""
    deadline = time.monotonic() + _STARTING_SECONDS
    while not stamps[0]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the worker handled nothing for {_STARTING_SECONDS:g} s")
        await publish_one(payload(0))
        await asyncio.sleep(_AGAIN_SECONDS)
    await asyncio.sleep(_AGAIN_SECONDS)


def opened(peer: ModuleType):
    return peer.opened() if hasattr(peer, "opened") else nullcontext()


def as_coroutine(function: Callable[[object], object]) -> Callable[[object], Awaitable[object]]:
    if inspect.iscoroutinefunction(function):
        return function

    async def called(argument: object) -> object:
        return function(argument)

    return called


async def _from_tasks(function: Callable[[object], Awaitable[object]], each: Iterable[object], callers: int) -> None:
    waiting = iter(each)
    await asyncio.gather(*(_calls(function, waiting) for _ in range(callers)))


async def _calls(function: Callable[[object], Awaitable[object]], waiting: Iterator[object]) -> None:
    for argument in waiting:
        await function(argument)


def _from_threads(function: Callable[[object], object], each: Iterable[object], callers: int) -> float:
    with ThreadPoolExecutor(callers) as threads:
        began = time.perf_counter()
        waiting = iter(each)
        for future in [threads.submit(_calls_in_thread, function, waiting) for _ in range(callers)]:
            future.result()
        return time.perf_counter() - began


def _calls_in_thread(function: Callable[[object], object], waiting: Iterator[object]) -> None:
    for argument in waiting:
        function(argument)


async def _timed(awaitable: Awaitable[None]) -> float:
    began = time.perf_counter()
    await awaitable
    return time.perf_counter() - began


def main(name: str, action: str, *arguments: str) -> None:
    peer = importlib.import_module(f"peers.{name}")
    if action == "work":
        work(peer)
        return
    first, count = int(arguments[0]), int(arguments[1])
    if action in {"publish", "poised"}:
        said = asyncio.run(publish(peer, first, count, int(arguments[2]), poised=action == "poised"))
    elif action == "bulk":
        said = asyncio.run(bulk(peer, first, count))
    else:
        said = asyncio.run(idle(peer, first, count, float(arguments[2])))
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
