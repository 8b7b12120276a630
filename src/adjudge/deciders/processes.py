"""A line that is a process of its own, in which a model may leak, block or die without harm to the worker.

The child is killed when a call is given up, and replaced after a pause, which grows while children keep dying. The
line is available again once the new child has loaded the function.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, cast

from adjudge.deciders import frames, leash
from adjudge.deciders.frames import Orders, Unfit
from adjudge.deciders.functions import LOADING_SECONDS, Raised, Unusable
from adjudge.deciders.leash import HEAD
from adjudge.deciders.lines import GiveBack
from adjudge.deciders.questions import Question

DOWN: Final = 0
UP: Final = 1
LONGEST_PAUSE_SECONDS: Final = 10.0
FIRST_PAUSE_SECONDS: Final = 0.05


class Died(Exception):
    """The child's pipes ended: it is dead or dying."""


class _Pipes(asyncio.SubprocessProtocol):
    """What a child says, and when it ends: asyncio's own `wait` would wait for whoever else holds its pipes."""

    def __init__(self) -> None:
        self.said = asyncio.StreamReader()
        self.exited = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.said.feed_data(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == UP:
            self.said.feed_eof()

    def process_exited(self) -> None:
        self.exited.set()


class Child:
    """A running child. It leads a process group, so that what it starts ends with it."""

    def __init__(self, transport: asyncio.SubprocessTransport, pipes: _Pipes, largest: int) -> None:
        """`largest`: bytes of a message from it; one that says more is not ours any more."""
        self._transport = transport
        self._pipes = pipes
        self._largest = largest
        self._pid = transport.get_pid()
        self.is_single = False

    @classmethod
    async def start(cls, orders: Orders) -> "Child":
        """Start one that has loaded the function. Raises Unusable."""
        try:
            child = cls(*await _spawn(), orders.largest)
        except OSError as error:
            raise Unusable(f"{orders.python}: no process can be started: {error.strerror}") from error
        try:
            async with asyncio.timeout(LOADING_SECONDS):
                await child._load(orders)
        except TimeoutError:
            await child.kill()
            raise Unusable(f"{orders.python}: it could not be loaded within {LOADING_SECONDS:g} s") from None
        except BaseException:
            await child.kill()
            raise
        return child

    async def exchange(self, frame: bytes) -> bytes:
        """Send a frame and return the message that answers it. Raises Died."""
        down = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(DOWN))  # uvloop's is no subclass
        down.write(frame)
        try:
            (size,) = HEAD.unpack(await self._pipes.said.readexactly(HEAD.size))
            if size > self._largest:
                raise Died
            return await self._pipes.said.readexactly(size)
        except asyncio.IncompleteReadError:
            raise Died from None

    async def ended(self) -> str:
        """Wait for its end, see to that of its group, and say how it went."""
        await self._pipes.exited.wait()
        self.strike()
        status = self._transport.get_returncode() or 0
        self._transport.close()
        return f"the model's process died ({f'signal {-status}' if status < 0 else f'exit status {status}'})"

    async def kill(self) -> str:
        """End it, whatever it does, and say how it went: its own way where it was first."""
        self.strike()
        return await self.ended()

    def strike(self) -> None:
        """Send SIGKILL to it and to all that it started."""
        with suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS, where only zombies are left
            os.killpg(self._pid, signal.SIGKILL)

    async def _load(self, orders: Orders) -> None:
        try:
            greeting = frames.read_greeting(await self.exchange(frames.write_down(orders)))
        except Died:
            raise Unusable(f"{orders.python}: {await self.kill()} while it was loaded") from None
        except Raised as error:
            raise Unusable(f"{orders.python}: {error}") from None
        if isinstance(greeting, Unfit):
            raise Unusable(greeting.detail)
        self.is_single = greeting.is_single


class ProcessLine:
    """A child for one call at a time, and the task that replaces it when it ends."""

    def __init__(self, orders: Orders, give_back: GiveBack, *, jitter: Callable[[], float]) -> None:
        """`jitter` gives a factor for each pause before a replacement."""
        self._orders = orders
        self._give_back = give_back
        self._jitter = jitter
        self._child: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._keeper: asyncio.Task[None] | None = None
        self._deaths_in_row = 0
        self.is_lost = False

    async def open(self) -> bool:
        """Start the first child; return whether it takes one question at a time. Raises Unusable."""
        child = await Child.start(self._orders)
        self._child.set_result(child)
        self._keeper = asyncio.create_task(self._keep(child))
        return child.is_single

    async def ask(self, questions: Sequence[Question]) -> list[Any]:
        try:
            frame = frames.write_down(questions)
        except Raised:
            self._give_back(self)
            raise
        message = await self._exchange(frame)
        self._deaths_in_row = 0
        self._give_back(self)
        return frames.read_reply(message)

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        if self._child.done():
            self._child.result().strike()
            await self._child.result().ended()
        if self._keeper is not None:
            await asyncio.wait({self._keeper})

    async def _exchange(self, frame: bytes) -> bytes:
        child: Child | None = None
        try:
            child = await asyncio.shield(self._child)
            return await child.exchange(frame)
        except Died:
            assert child is not None
            self._leave(child)
            told = await child.kill()
            raise Raised(told, recorded=told) from None
        except asyncio.CancelledError:  # nothing could tell when the child would be done with this call
            self._leave(child)
            if child is not None:
                child.strike()
            raise

    def _leave(self, child: Child | None) -> None:
        """Go back once `child` is replaced; at once where it already is."""
        if self._child.done() and self._child.result() is not child:
            self._give_back(self)
        else:
            self.is_lost = True

    async def _keep(self, child: Child) -> None:
        while True:
            await child.ended()
            self._child = asyncio.get_running_loop().create_future()
            child = await self._replacement()
            self._child.set_result(child)
            if self.is_lost:
                self.is_lost = False
                self._give_back(self)

    async def _replacement(self) -> Child:
        while True:
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(self._deaths_in_row, 20))
            self._deaths_in_row += 1
            await asyncio.sleep(pause * self._jitter())
            with suppress(Unusable):
                return await Child.start(self._orders)


async def _spawn() -> tuple[asyncio.SubprocessTransport, _Pipes]:
    return await asyncio.get_running_loop().subprocess_exec(
        _Pipes,
        *(sys.executable, "-P", str(leash.__file__), str(os.getpid())),
        stderr=None,  # ours
        start_new_session=True,  # a terminal's Ctrl-C is for the worker
    )
