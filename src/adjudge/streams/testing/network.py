"""The way to an in-memory server, and all that can go wrong on it."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from adjudge.streams.connections.script import Command
from adjudge.streams.signals import Unavailable
from adjudge.streams.testing.clock import Process, VirtualLoop
from adjudge.streams.testing.server import MemoryServer

LATENCY_SECONDS = 0.0001
"""Each way, where nothing else is said: time always passes, so nothing spins."""

LATEST_SECONDS = 2.0
"""What the server carries out after the caller has given up, it carries out within this time."""


class Fate(StrEnum):
    """What becomes of one write of commands."""

    WELL = "well"
    LOST_BEFORE = "lost before"
    """The server never sees it."""
    LOST_AFTER = "lost after"
    """The server carries it out, and its answer is lost."""
    CUT = "cut"
    """The server carries out the first of several commands only."""
    LATE = "late"
    """The caller gives up, and the server carries it out after that: it was paused."""
    KILLED_BEFORE = "killed before"
    """The process dies, and the server never sees it."""
    KILLED_AFTER = "killed after"
    """The process dies once the server has carried it out."""


@dataclass(slots=True)
class Network:
    """How likely each fate is, and how long the way. With the defaults nothing goes wrong."""

    rng: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311
    odds: Mapping[Fate, float] = field(default_factory=dict)
    longest_seconds: float = LATENCY_SECONDS
    down: bool = False
    """Nothing goes through."""

    def fate(self) -> Fate:
        """Draw one."""
        if self.down:
            return Fate.LOST_BEFORE
        drawn = self.rng.random()
        for fate, odds in self.odds.items():
            drawn -= odds
            if drawn < 0:
                return fate
        return Fate.WELL

    def seconds(self) -> float:
        """The time of one way."""
        return self.longest_seconds * (1.0 - self.rng.random() / 2)


class MemoryRoute:
    """For each process that uses it a connection of its own, one exchange at a time.

    Whoever dies with the turn keeps no other process waiting.
    """

    def __init__(self, server: MemoryServer, network: Network, process: Process | None) -> None:
        self._server, self._network, self._process = server, network, process
        self._turns: defaultdict[Process | None, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._inboxes: defaultdict[Process | None, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)

    async def exchange(self, commands: Sequence[Command], until: float) -> list[Any]:
        """Answers in order. Raises `Unavailable`."""
        try:
            async with asyncio.timeout_at(until), self._turns[Process.current.get()]:
                return await self._exchange(commands)
        except TimeoutError:
            raise Unavailable("no answer in time") from None

    async def tell(self, command: Command, until: float) -> None:
        """Subscribe or ping; answered through `listen`. Raises `Unavailable`."""
        await self._way()
        if self._network.down:
            raise Unavailable("the line is cut")
        if command[0] == "SUBSCRIBE":
            self._server.subscribe(str(command[1]).encode(), self._inbox)
        else:
            self._inbox.put_nowait([b"pong", b""])

    async def listen(self, wait_seconds: float) -> Any:
        """What the server says unasked; None after so long."""
        if self._network.down:
            await self.close()
            raise Unavailable("the line is cut")
        try:
            async with asyncio.timeout(wait_seconds):
                return await self._inbox.get()
        except TimeoutError:
            return None

    async def close(self) -> None:
        """Hear nothing more."""
        self._server.unsubscribe(self._inbox)
        del self._inboxes[Process.current.get()]

    @property
    def _inbox(self) -> asyncio.Queue[Any]:
        return self._inboxes[Process.current.get()]

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        self._heed_death()
        await self._way()
        fate = self._network.fate()
        match fate:
            case Fate.WELL:
                answers = [await self._server.answer_in_time(command) for command in commands]
                self._heed_death()
                await self._way()
                return answers
            case Fate.KILLED_BEFORE | Fate.KILLED_AFTER:
                await self._die([] if fate is Fate.KILLED_BEFORE else commands)
            case Fate.LOST_AFTER:
                for command in commands:
                    await self._server.answer_in_time(command)
            case Fate.CUT:
                for command in commands[: self._network.rng.randint(0, len(commands) - 1)]:
                    self._server.answer(command)
            case Fate.LATE:
                seconds = self._network.rng.uniform(0.0, LATEST_SECONDS)
                asyncio.get_running_loop().call_later(seconds, self._carry_out, commands)
            case Fate.LOST_BEFORE:
                pass
        await self._way()
        raise Unavailable(f"the line is cut: {fate}")

    async def _die(self, commands: Sequence[Command]) -> None:
        loop = asyncio.get_running_loop()
        if self._process is not None and isinstance(loop, VirtualLoop):
            self._carry_out(commands)
            loop.kill(self._process)
            await loop.create_future()  # until the loop is taken away
            self._heed_death()

    def _carry_out(self, commands: Sequence[Command]) -> None:
        for command in commands:
            self._server.answer(command)

    def _heed_death(self) -> None:
        if self._process is not None and not self._process.alive:
            raise asyncio.CancelledError

    async def _way(self) -> None:
        await asyncio.sleep(self._network.seconds())
        self._heed_death()
