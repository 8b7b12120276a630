"""Runs sync functions in child processes, one call at a time in each. A child that dies or hangs is replaced."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from adjudge.streams.handlers import crossing
from adjudge.streams.handlers.crossing import HEAD, Call, Orders, Progress, Ready, Spoken
from adjudge.streams.messages import Message
from adjudge.streams.signals import Crashed, Stall, TimedOut
from adjudge.streams.subscriptions import Said

_START_SECONDS = 60.0
_END_SECONDS = 5.0
_GRACE_SECONDS = 1.0


class _Child:
    def __init__(self, process: Process) -> None:
        self.process, self.calls = process, 0

    async def say(self, value: Orders | Call) -> None:
        assert self.process.stdin
        self.process.stdin.write(crossing.frame(value))
        await self.process.stdin.drain()

    async def hear(self) -> crossing.Up:
        assert self.process.stdout
        head = await self.process.stdout.readexactly(HEAD.size)
        return crossing.read_up(await self.process.stdout.readexactly(HEAD.unpack(head)[0]))

    async def end(self, *, grace_seconds: float = 0.0) -> None:
        """Kill it, and wait for the kernel to say so; with grace, only if it does not end by itself.

        To kill one that has just ended would take its status away from whoever waits for it.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self.process.wait()
        if self.process.returncode is None:
            self.process.kill()
        async with asyncio.timeout(_END_SECONDS):
            await self.process.wait()


class Processes:
    """At most `size` children, started when they are needed."""

    def __init__(
        self, orders: Orders, size: int, *, max_calls: int | None = None, timeout_seconds: float | None = None
    ) -> None:
        """`timeout_seconds` is for a call. The start of a child, which may take long, is no part of it."""
        self._orders, self._max_calls, self._timeout_seconds = orders, max_calls, timeout_seconds
        self._slots = asyncio.Semaphore(size)
        self._idle: list[_Child] = []

    async def run(
        self, messages: Sequence[Message], server_now: float, progress: Callable[[Message, object], None]
    ) -> Said:
        """What the handler says of these. Cancelled, its child is killed.

        Raises `Crashed` when the child died, `TimedOut` when it was killed for its slowness, `Stall` when none can be
        started.
        """
        call = Call([crossing.portable(message) for message in messages], server_now)
        async with self._slots:
            child = self._rested() or await self._started()
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    said = await self._talk(child, call, progress)
            except TimeoutError as error:
                await child.end()
                raise TimedOut(self._timeout_seconds or 0.0) from error
            except (EOFError, OSError) as error:
                await child.end(grace_seconds=_GRACE_SECONDS)
                raise Crashed(f"the child process ended with status {child.process.returncode}") from error
            except BaseException:
                await child.end()
                raise
            child.calls += 1
            if child.calls == self._max_calls:
                await child.end()
            else:
                self._idle.append(child)
            return said

    async def close(self) -> None:
        """End the children that are idle; those at work end with their calls."""
        while self._idle:
            await self._idle.pop().end()

    def _rested(self) -> _Child | None:
        """One that is idle and lives: no message is to blame for what killed it meanwhile."""
        while self._idle:
            child = self._idle.pop()
            if child.process.returncode is None:
                return child
        return None

    async def _started(self) -> _Child:
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "adjudge.streams.handlers.child", str(os.getpid()), stdin=PIPE, stdout=PIPE
            )
        except OSError as error:  # no memory, or too many processes: not the fault of a message
            raise Stall(f"no child process can be started: {error}") from error
        child = _Child(process)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await child.say(self._orders)
                ready = await child.hear()
        except (EOFError, OSError, TimeoutError) as error:
            await child.end(grace_seconds=_GRACE_SECONDS)
            raise Stall(f"the child process did not start: status {process.returncode}") from error
        except BaseException:
            await child.end()
            raise
        if not isinstance(ready, Ready) or ready.trouble:
            await child.end()
            raise Stall(f"the child process cannot load {self._orders.module}:{self._orders.name}: {ready}")
        return child

    @staticmethod
    async def _talk(child: _Child, call: Call, progress: Callable[[Message, object], None]) -> Said:
        await child.say(call)
        while True:
            match await child.hear():
                case Progress(place, value):
                    progress(call.messages[place], msgspec.json.decode(value))
                case Spoken(errors, answers):
                    return Said(crossing.unpacked(errors), answers)
                case Ready():
                    raise Crashed("the child process was started twice")
