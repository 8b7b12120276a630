"""A process's connections to the broker: to publish, to measure, to hint, and for its workers."""

import asyncio
import math
import random
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from adjudge.streams import hints as pubsub
from adjudge.streams import measuring, publishing
from adjudge.streams import results as answers
from adjudge.streams.connections.addresses import Credentials, target
from adjudge.streams.connections.script import Command
from adjudge.streams.connections.wire import Wire, Wires, accepted
from adjudge.streams.dead_letters import DeadLetters
from adjudge.streams.fairness import KeyRules
from adjudge.streams.group import Group
from adjudge.streams.inspecting import Inspector
from adjudge.streams.messages import Depth, Entry
from adjudge.streams.pauses import Pauses
from adjudge.streams.publishing import Published
from adjudge.streams.registry import Registry
from adjudge.streams.results import Kept, Reply
from adjudge.streams.signals import Unavailable
from adjudge.streams.ticking import Ticking

WAKES = "wakes"
"""The channel on which workers hear that something is due before they look next: a name's key prefix."""


class Streams:
    """Connections to one Redis (7.0 or newer) or Valkey (8 or newer); one object per process.

    `prefix` is the name of the consumer group and begins the keys that belong to no stream; two installations
    take two databases. `rng` draws backoffs and names consumers and the epoch, so seed it from the system; `now`
    gives Unix seconds, for the history of failures only. Connections are opened when they are needed: a broker
    that is down stops nobody from starting.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "adjudge",
        rng: random.Random,
        now: Callable[[], float] = time.time,
        timeout_seconds: float = 2.0,
        credentials: Credentials | None = None,
    ) -> None:
        self._paths = Wires(target(url, credentials), timeout_seconds=timeout_seconds)
        self._prefix = prefix
        self._wires: list[Wire] = []
        self._clocks: dict[str, Callable[[], float]] = {}
        self.rng, self.now = rng, now
        self._publisher, self._questions, self._hints = self._wire("publish"), self._wire("ask"), self._wire("hint")
        self._effects, self._upkeep = self._wire("effects"), self._wire("upkeep")
        self.dead_letters = DeadLetters(self._questions, self._channel(WAKES))
        self.pauses, self.inspector = Pauses(self._questions), Inspector(self._questions, prefix)
        self.registry = Registry(self._questions, self._channel("streams"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        for wire in self._wires:
            await wire.close()
        await self._paths.close()

    async def publish(self, entries: Sequence[Entry]) -> list[Published]:
        """Write all in one go; one answer each, in order: an id, `Full` or `Unavailable`. Ends within the time-out.

        What answered `Unavailable` may have been written all the same.
        """
        return await publishing.publish(self._publisher, entries, self._channel(WAKES)) if entries else []

    async def oldest(self, name: str, lanes: Sequence[str]) -> float | None:
        """First publication of the oldest unfinished message, Unix seconds of the server; None: there is none.

        Raises `Unavailable`: not knowing is not the same as none.
        """
        return await measuring.oldest(self._questions, name, lanes)

    async def depth(self, name: str, lanes: Sequence[str]) -> Depth:
        """How much is unfinished. Raises `Unavailable`."""
        return await measuring.depth(self._questions, name, lanes, self._prefix)

    async def epoch(self) -> str | None:
        """A name of the broker's present data; another than before: it lost them. None: it cannot be reached."""
        proposed = f"{self.rng.getrandbits(128):032x}"
        keys = self._paths.everywhere(f"{self._prefix}:epoch")
        commands: list[Command] = [("SET", key, proposed, "NX", "GET") for key in keys]
        try:
            found = [accepted(answer) for answer in await self._questions.call(*commands)]
        except Unavailable:
            return None
        return ",".join(each.decode() if each else proposed for each in found)

    async def ping(self) -> bool:
        """Whether the broker answers."""
        try:
            return bool(await self._questions.ask(("PING",)) == b"PONG")
        except Unavailable:
            return False

    async def time(self) -> float:
        """Unix seconds of the server. Raises `Unavailable`."""
        seconds, micros = await self._questions.ask(("TIME",))
        return int(seconds) + int(micros) / 1e6

    def server_now(self) -> float:
        """Unix seconds on the server's clock, as the groups of this process know it; minus infinity: none does."""
        return max((now() for now in self._clocks.values()), default=-math.inf)

    async def reply(self, name: str, replies: Sequence[Reply]) -> None:
        """Keep answers and progress for whoever asked, each for its time, and tell them. Raises `Unavailable`."""
        await answers.tell(self._hints, name, self._prefix, replies)

    async def replies(self, name: str, tokens: Sequence[str]) -> list[Kept]:
        """What is kept for each token. Raises `Unavailable`."""
        return await answers.kept(self._questions, name, tokens)

    async def hint(self, channel: str, payload: bytes) -> bool:
        """Tell whoever listens; whether the broker took it."""
        return await self.hints([(channel, payload)])

    async def hints(self, hints: Sequence[tuple[str, bytes]]) -> bool:
        """Tell many in one write; whether the broker took them."""
        commands: list[Command] = [("PUBLISH", self._channel(channel), payload) for channel, payload in hints]
        try:
            for answer in await self._hints.call(*commands) if commands else ():
                accepted(answer)
        except Unavailable:
            return False
        return True

    async def listen(
        self, channel: str, on_message: Callable[[bytes], None], ready: asyncio.Event | None = None
    ) -> None:
        """Call `on_message` with every hint, through all reconnections, until cancelled.

        `ready` is set while the subscription stands. Hints sent while it does not are lost.
        """
        wire = self._new_wire("listen")
        await pubsub.listen(wire, self._channel(channel), on_message, ready, self.rng)

    def group(self, name: str, lanes: Sequence[str], consumer: str, rules: KeyRules | None = None) -> Group:
        """The consumer's side of a name, for a worker, which closes it. `rules` are those for the keys of entries.

        There is one group for each name, so each message is handled once: whoever wants it in two places publishes
        it under two names.
        """
        group = Group(
            name,
            lanes,
            group=self._prefix,
            consumer=consumer,
            reads=self._new_wire("read"),
            effects=self._effects,
            upkeep=self._upkeep,
            wakes=self._channel(WAKES),
            rules=rules,
        )
        self._clocks[name] = group.now
        return group

    def ticking(self, name: str, worker: str, lease_seconds: float) -> Ticking:
        """The schedules of a name, for a worker."""
        return Ticking(self._questions, name, worker, lease_seconds)

    def _channel(self, channel: str) -> str:
        return f"{self._prefix}:{channel}"

    def _wire(self, purpose: str) -> Wire:
        wire = self._new_wire(purpose)
        self._wires.append(wire)
        return wire

    def _new_wire(self, purpose: str) -> Wire:
        return self._paths.wire(f"{self._prefix}-{purpose}")
