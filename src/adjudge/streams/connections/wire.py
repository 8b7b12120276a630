"""Pipelined calls to the broker, wherever it is at the moment.

A call is repeated here only if it was certainly not carried out. Only the caller knows what may be sent twice.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from adjudge.streams.connections.addresses import Address, Login, Target
from adjudge.streams.connections.cluster import ClusterLine, Slots, spread
from adjudge.streams.connections.greeting import opened
from adjudge.streams.connections.line import Line
from adjudge.streams.connections.refusals import NO_SCRIPT, has_code
from adjudge.streams.connections.script import Command, by_source
from adjudge.streams.connections.sentinel import MasterLine, Sentinels
from adjudge.streams.signals import NoGroup, Unavailable


class Route(Protocol):
    """The way to the server of each command: `Line`, `MasterLine` or `ClusterLine`."""

    async def exchange(self, commands: Sequence[Command], until: float) -> list[Any]: ...
    async def tell(self, command: Command, until: float) -> None: ...
    async def listen(self, wait_seconds: float) -> Any: ...
    async def close(self) -> None: ...


class Wire:
    """Calls for one purpose, each with an end. To one server they go one at a time."""

    def __init__(self, route: Route, timeout_seconds: float) -> None:
        self._route = route
        self._timeout_seconds = timeout_seconds

    async def call(self, *commands: Command, block_seconds: float = 0.0) -> list[Any]:
        """Answers in order, from one write; an error answered by the server stands in its place.

        `block_seconds` is how long the server may wait before it answers. Raises `Unavailable`.
        """
        answers = await self._route.exchange(commands, self._until(block_seconds))
        flushed = [i for i, answer in enumerate(answers) if has_code(answer, NO_SCRIPT)]
        if flushed:
            sources = [by_source(commands[i]) for i in flushed]
            again = await self._route.exchange(sources, self._until(block_seconds))
            for i, answer in zip(flushed, again, strict=True):
                answers[i] = answer
        return answers

    async def ask(self, command: Command, *, block_seconds: float = 0.0) -> Any:
        """The one answer to one command; an error raises `NoGroup` or `Unavailable`."""
        return accepted((await self.call(command, block_seconds=block_seconds))[0])

    async def listen(self, wait_seconds: float) -> Any:
        """The next thing the server says unasked (Pub/Sub); None after `wait_seconds` of silence."""
        return await self._route.listen(wait_seconds)

    async def tell(self, command: Command) -> None:
        """Send a command whose answer comes through `listen`."""
        await self._route.tell(command, self._until(0.0))

    async def close(self) -> None:
        """Close now; a later call opens anew."""
        await self._route.close()

    def _until(self, block_seconds: float) -> float:
        return asyncio.get_running_loop().time() + self._timeout_seconds + block_seconds


class Wires:
    """Makes the wires of one process to one broker; they share what is known of its nodes."""

    def __init__(self, target: Target, *, timeout_seconds: float) -> None:
        self._target, self._timeout_seconds = target, timeout_seconds
        self._sentinels: Sentinels | None = None
        self._slots: Slots | None = None

    def wire(self, client_name: str) -> Wire:
        """A wire that opens its connections, under this name, when it is used."""
        return Wire(self._route(client_name), self._timeout_seconds)

    def everywhere(self, key: str) -> Sequence[str]:
        """Keys that together tell of the data of all nodes: of one server, the key itself."""
        return spread(key) if self._target.kind == "cluster" else (key,)

    async def close(self) -> None:
        """Close what is shared; the wires are closed by who uses them."""
        for shared in (self._sentinels, self._slots):
            if shared:
                await shared.close()

    def _route(self, client_name: str) -> Route:
        def dial(address: Address | None) -> Line:
            return _line(self._target.login, address, client_name)

        match self._target.kind:
            case "server":
                return dial(None)
            case "sentinel":
                return MasterLine(self._known_sentinels(), dial)
            case "cluster":
                return ClusterLine(self._known_slots(), dial)

    def _known_sentinels(self) -> Sentinels:
        if self._sentinels is None:
            login = self._target.sentinel_login or self._target.login
            lines = [_line(login, address, "adjudge-locate") for address in self._target.hosts]
            self._sentinels = Sentinels(self._target.service, lines)
        return self._sentinels

    def _known_slots(self) -> Slots:
        if self._slots is None:
            login = self._target.login
            self._slots = Slots(self._target.hosts, lambda address: _line(login, address, "adjudge-locate"))
        return self._slots


def _line(login: Login, address: Address | None, client_name: str) -> Line:
    return Line(lambda until: opened(login, address, client_name, until))


def accepted(answer: Any) -> Any:
    """The answer, unless it is an error: then `NoGroup` or `Unavailable` is raised."""
    if not isinstance(answer, Exception):
        return answer
    text = str(answer)
    if text.startswith("NOGROUP") or "no longer exists" in text:
        raise NoGroup(text) from answer
    raise Unavailable(text) from answer


def unless_missing(answer: Any) -> Sequence[Any]:
    """The answer about a stream or group; nothing, where there is none. Raises as `accepted` does."""
    missing = isinstance(answer, Exception) and ("NOGROUP" in str(answer) or "no such key" in str(answer))
    return () if missing else accepted(answer)


def named(flat: Sequence[Any]) -> Mapping[bytes, Any]:
    """A flat answer of names and values by name."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
