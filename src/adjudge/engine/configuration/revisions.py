"""The configuration in force, and the older ones under which open decisions began."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol
from weakref import WeakValueDictionary

from adjudge.config import Configuration, InvalidConfiguration
from adjudge.config.documents.pausing import Pause
from adjudge.config.sites import Site
from adjudge.core.errors import AdjudgeError
from adjudge.core.plans import Plan
from adjudge.core.specifications import DeciderSpec, PoolSpec
from adjudge.engine.giving_way import sparingly
from adjudge.store.configuration import revisions
from adjudge.store.configuration.revisions import Revision
from adjudge.store.connecting import Connection

MOST_TRIED: Final = 20
"""How many revisions a starting process tries, from the newest back, until it understands one."""
IDLE_SECONDS: Final = 120.0
"""A revision is held for this long after it was last looked up, even if no decision is open under it."""


class Compile(Protocol):
    """Makes a configuration of documents; pauses between small steps. Raises InvalidConfiguration."""

    def __call__(self, documents: Mapping[str, str], number: int, pause: Pause = ...) -> Configuration: ...


class UnknownRevision(AdjudgeError):
    """A decision names a revision that was never published here."""

    kind = "unknown-revision"


@dataclass(frozen=True, slots=True)
class InForce:
    """What new decisions begin with: one revision, and where it holds at some locations only, one for the rest."""

    newest: Configuration
    rest: Configuration | None = None
    only_at: frozenset[str] = frozenset()
    """`location:NAME` and `group:NAME`."""

    def at(self, location: str) -> Configuration:
        """Return the configuration of a location."""
        if self.rest is None:
            return self.newest
        site = self.newest.sites.get(location)
        if site is None:
            return self.rest
        names = {f"location:{location}", *(f"group:{group}" for group in site.location.groups)}
        return self.newest if names & self.only_at else self.rest

    def after(self, published: Configuration, only_at: Collection[str] | None) -> "InForce":
        """Return what would be in force once this is published, at some places first or everywhere."""
        if only_at is None:
            return InForce(published)
        return InForce(published, self.rest or self.newest, frozenset(only_at))

    def all(self) -> tuple[Configuration, ...]:
        """Return those that hold somewhere, the newest first."""
        return (self.newest,) if self.rest is None else (self.newest, self.rest)

    def sites(self) -> Mapping[str, Site]:
        """Return what holds at each location."""
        if self.rest is None:
            return self.newest.sites
        names = self.newest.sites.keys() | self.rest.sites.keys()
        return {name: site for name in names if (site := self.at(name).sites.get(name)) is not None}

    def deciders(self) -> dict[str, DeciderSpec]:
        """Return all deciders that may be asked, each as the newest that has it declares it."""
        return {name: spec for each in reversed(self.all()) for name, spec in each.deciders.items()}

    def serving(self) -> dict[str, DeciderSpec]:
        """Return the deciders whose answers count."""
        return {name: spec for name, spec in self.deciders().items() if not spec.is_shadow}

    def in_shadow(self) -> dict[str, DeciderSpec]:
        """Return the deciders in shadow."""
        return {name: spec for name, spec in self.deciders().items() if spec.is_shadow}

    def asked_aside(self) -> dict[str, DeciderSpec]:
        """Return the deciders that are asked on the side: in shadow, or of audited decisions."""
        return {name: spec for each in reversed(self.all()) for name, spec in each.asked_aside.items()}


class Revisions:
    """Compiled configuration by number. A decision keeps the revision it began with."""

    def __init__(self, current: Configuration, compile_: Compile) -> None:
        self.in_force = InForce(current)
        self._compile = compile_
        self._held = {current.revision: current}
        self._used_at: dict[int, float] = {}
        self._tried: tuple[Configuration, ...] = ()
        """What was compiled last. If it is then published, it need not be compiled again."""
        self._turns: WeakValueDictionary[frozenset[tuple[str, str]], asyncio.Lock] = WeakValueDictionary()
        """By documents that are being compiled."""

    @classmethod
    async def opened(cls, connection: Connection, compile_: Compile) -> "Revisions | None":
        """Return the newest published revision that can be compiled here, in force; None: nothing was published.

        Raises InvalidConfiguration where none of the last can be.
        """
        published = await revisions.page(connection, None, MOST_TRIED)
        for each in published:
            documents = await revisions.documents(connection, each.number)
            assert documents is not None
            try:
                held = cls(compile_(documents, each.number), compile_)
                held.put_in_force(await held.candidate(connection, each))
            except InvalidConfiguration:
                if each is published[-1]:
                    raise
            else:
                return held
        return None

    @property
    def current(self) -> Configuration:
        """The newest revision that is in force, if only at some locations."""
        return self.in_force.newest

    @property
    def held(self) -> tuple[Configuration, ...]:
        """All that this process holds, the newest first."""
        return tuple(self._held[number] for number in sorted(self._held, reverse=True))

    def serving(self) -> dict[str, DeciderSpec]:
        """Return the deciders of what is in force at this moment whose answers count."""
        return self.in_force.serving()

    def plan(self, revision: int, location: str, question_type: str, hash_: str) -> Plan:
        """Return the plan that a decision took at its intake, of a revision that is held (see `load`)."""
        return self._held[revision].plan(location, question_type, hash_)

    def configuration(self, revision: int) -> Configuration:
        """Return a revision that is held, or the current one where it is not."""
        return self._held.get(revision, self.current)

    def pools(self) -> dict[str, PoolSpec]:
        """Return the pools of all that is held, each as the newest revision has it: one that went is worked off."""
        return {name: pool for each in reversed(self.held) for name, pool in each.pools.items()}

    def missing(self, numbers: set[int]) -> set[int]:
        """Return those that are still to be loaded."""
        now = asyncio.get_running_loop().time()
        self._used_at.update(dict.fromkeys(numbers, now))
        return numbers - self._held.keys()

    async def load(self, connection: Connection, numbers: set[int]) -> None:
        """Hold these revisions: read and compile those that this process does not hold."""
        for number in self.missing(numbers):
            self._held[number] = await self.compiled(connection, number)

    async def compiled(self, connection: Connection, number: int) -> Configuration:
        """Return a revision, compiled aside. Raises UnknownRevision, InvalidConfiguration."""
        if number in self._held:
            return self._held[number]
        documents = await revisions.documents(connection, number)
        if documents is None:
            raise UnknownRevision(f"revision {number} was never published here")
        return await self.compiled_aside(documents, number)

    async def compiled_aside(self, documents: Mapping[str, str], number: int = 0) -> Configuration:
        """Compile documents in a thread; what is held already, or being compiled, is shared.

        Raises InvalidConfiguration. A process that takes a revision over is soon asked about decisions that began
        under it elsewhere: they wait for the same.
        """
        turn = self._turns.setdefault(frozenset(documents.items()), asyncio.Lock())
        async with turn:
            known = (*self._held.values(), *self._tried)
            same = next((each for each in known if each.documents == documents), None)
            if same is not None:
                return replace(same, revision=number)
            compiled = await sparingly(partial(self._compile, documents, number))
            self._tried = (compiled,)
            return compiled

    async def candidate(self, connection: Connection, published: Revision) -> InForce:
        """Return what would be in force under a revision, compiled aside; nothing has changed yet."""
        newest = await self.compiled(connection, published.number)
        if published.rest is None or published.only_at is None:
            return InForce(newest)
        return InForce(newest, await self.compiled(connection, published.rest), frozenset(published.only_at))

    def put_in_force(self, candidate: InForce) -> None:
        """Swap: what begins from now on begins under it."""
        self._held.update({each.revision: each for each in candidate.all()})
        self.in_force = candidate

    def drop_unused(self, in_use: Collection[int]) -> None:
        """Let go of what is not in force, under which no decision is open, and which nobody has looked up lately."""
        long_ago = asyncio.get_running_loop().time() - IDLE_SECONDS
        kept = {each.revision for each in self.in_force.all()} | set(in_use)
        kept |= {number for number, at in self._used_at.items() if at > long_ago}
        self._held = {number: each for number, each in self._held.items() if number in kept}
        self._used_at = {number: at for number, at in self._used_at.items() if number in self._held}
