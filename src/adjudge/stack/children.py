"""Child processes that cannot outlive us.

Each runs under `guard.py`, which ends it when the pipe from us is closed: because we asked, or
because we died. So a stop needs no more than closing a descriptor, and is kept even when the wait
for it is cancelled.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adjudge.stack.errors import NotSpawned

GUARD: Final = Path(__file__).with_name("guard.py")
GRACE_SECONDS: Final = 5.0
"""How long a guard may take beyond its child's own time."""
GUARD_START_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to run, and how to end it."""

    command: Sequence[str]
    folder: Path
    """Its working folder, which must exist."""
    log: Path | None
    """Its output is appended here; to our own standard error if None."""
    identity: str = "same"
    """`same` as ours, `namespace`, or `uid:gid`."""
    stop_signal: signal.Signals = signal.SIGTERM
    patience_seconds: float = 10.0
    """From the stop signal to SIGKILL."""
    env: Mapping[str, str]


class Child:
    """A running command and its guard."""

    def __init__(self, order: Order, guard: asyncio.subprocess.Process, pipe: int, pid: int) -> None:
        self.pid: Final = pid
        self._order = order
        self._guard = guard
        self._pipe: int | None = pipe

    async def wait(self) -> int:
        """The command's exit status; 128 and the signal's number if one killed it."""
        status = await self._guard.wait()
        self._let_go()
        return status

    async def stop(self) -> int:
        """Ask it to end; kill it once its patience is over."""
        self._let_go()
        try:
            async with asyncio.timeout(self._order.patience_seconds + GRACE_SECONDS):
                return await self._guard.wait()
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """End it with SIGKILL, as a crash would."""
        if self._guard.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                return await self.wait()
        except TimeoutError:  # the guard itself stands still
            self._guard.kill()
            return await self.wait()

    def _let_go(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None


async def spawn(order: Order) -> Child:
    """Start the command. Raises NotSpawned; neither that nor a cancellation leaves it running."""
    starting = asyncio.create_task(_started(order), name=f"start {order.command[0]}")
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:  # to know what to end, we must see it started: some milliseconds
        with contextlib.suppress(NotSpawned):
            await (await starting).stop()
        raise


async def _started(order: Order) -> Child:
    reads, writes = os.pipe()
    try:
        async with asyncio.timeout(GUARD_START_SECONDS):
            guard = await _guarded(order, reads)
            pid = await _pid_of(order, guard)
    except TimeoutError:
        os.close(writes)
        raise NotSpawned(order.command[0], "its guard did not start in time") from None
    except BaseException:
        os.close(writes)
        raise
    finally:
        os.close(reads)
    return Child(order, guard, writes, pid)


async def _guarded(order: Order, pipe: int) -> asyncio.subprocess.Process:
    with open_log(order.log) as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(GUARD), _as_json(order)),
            stdin=pipe,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=dict(order.env),  # uvloop takes nothing else
            start_new_session=True,  # a terminal's Ctrl-C is for us, not for our servers
        )


@contextlib.contextmanager
def open_log(path: Path | None) -> Iterator[int | None]:
    if path is None:
        yield None
        return
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield log
    finally:
        os.close(log)


async def run(order: Order, *, timeout_seconds: float) -> int:
    """Run the command to its end and return its exit status. Raises NotSpawned, TimeoutError."""
    child = await spawn(order)
    try:
        async with asyncio.timeout(timeout_seconds):
            return await child.wait()
    finally:
        await child.stop()


async def _pid_of(order: Order, guard: asyncio.subprocess.Process) -> int:
    line = await guard.stdout.readline() if guard.stdout else b""
    said = json.loads(line or '{"error": "its guard did not start"}')
    if "pid" not in said:
        await guard.wait()
        raise NotSpawned(order.command[0], said["error"])
    return int(said["pid"])


def _as_json(order: Order) -> str:
    return json.dumps(
        {
            "owner": os.getpid(),
            "command": [str(word) for word in order.command],
            "folder": str(order.folder),
            "identity": order.identity,
            "signal": order.stop_signal.value,
            "patience": order.patience_seconds,
        }
    )
