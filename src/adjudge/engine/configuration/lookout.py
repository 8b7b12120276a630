"""How a process takes over published revisions and confirms them, and how it notices switches.

A hint through Valkey wakes it; in case a hint is lost, it also looks twice a second. It compiles a new revision beside
the running one, lets its process prepare (a worker opens new deciders), swaps one reference, and leaves a receipt. If
it has to refuse a revision, it says why and goes on under the last good one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from adjudge import __version__
from adjudge.core.errors import AdjudgeError
from adjudge.engine import audit_rates
from adjudge.engine.configuration.controls_in_force import ControlsInForce
from adjudge.engine.configuration.revisions import InForce, Revisions
from adjudge.store import controls, work
from adjudge.store.configuration import receipts, revisions
from adjudge.store.configuration.revisions import Revision
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.streams import Streams
from adjudge.telemetry import names

log = structlog.get_logger()

CHANGED: Final = "configuration"
"""The channel of hints: something was published or switched."""
POLL_SECONDS: Final = 0.5
BEAT_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 10.0
"""A refused revision is tried again after this long: what it lacked may be there by now."""
TIDY_SECONDS: Final = 30.0
BLIND_SECONDS: Final = 3.0
"""A process that has not looked for this long does not know what is in force."""
BEHIND_SECONDS: Final = 2.0
"""A process that takes longer than this to take a published revision over counts as lagging."""

Prepare: TypeAlias = Callable[[InForce], Awaitable[None]]
"""Makes a process ready for what comes into force; raises AdjudgeError where it cannot be."""
Check: TypeAlias = Callable[[Connection], Awaitable[None]]
"""Checks a database before it is used; raises AdjudgeError where it is unfit."""


async def ready_as_it_is(_: InForce) -> None:
    """Prepare nothing: the process reads what is in force whenever it needs it."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A revision that is published, and not run here."""

    number: int
    why: str
    """Empty: it is being taken over."""


class Lookout:
    """One process's view of what is in force."""

    def __init__(
        self,
        pool: Pool,
        held: Revisions,
        in_force: ControlsInForce,
        *,
        process: str,
        drift: str | None = None,
        keep: Callable[[InForce], None] | None = None,
        check: Check | None = None,
    ) -> None:
        """`keep`: writes a copy of what was taken over, in a thread. `drift`: how the process's folder differs.

        `check`: for a database that was away when the process began, made once it is there.
        """
        self._pool = pool
        self._revisions = held
        self._controls = in_force
        self._process = process
        self._role = process.partition("-")[0]
        self._drift = drift
        self.prepare: Prepare = ready_as_it_is
        self._keep = keep
        self._unchecked = check
        self._wake = asyncio.Event()
        self._loop_time = asyncio.get_running_loop().time
        self._beat_at = self._tidied_at = self._loop_time()
        self._current_at = self._loop_time()
        self._looked_at = float("-inf") if check is not None else self._loop_time()
        self._news = asyncio.Event()
        self._published: Revision | None = None
        self._behind: Behind | None = None
        self._tried_at = float("-inf")

    @property
    def trouble(self) -> str | None:
        """Why the process may not know what is in force; None: it does."""
        blind = self._loop_time() - self._looked_at
        if blind > BLIND_SECONDS:
            seen = f"for {blind:.0f} s" if blind < float("inf") else "since it began"
            return f"has not seen {seen} what is in force"
        if self._behind is None:
            return None
        if self._behind.why:
            return f"refused revision {self._behind.number}: {self._behind.why}"
        behind = self._loop_time() - self._current_at
        return f"is not yet at revision {self._behind.number}" if behind > BEHIND_SECONDS else None

    @property
    def in_force(self) -> InForce:
        """What this process runs."""
        return self._revisions.in_force

    @property
    def drift(self) -> str | None:
        """How the process's folder differs from what was published when it began."""
        return self._drift

    def wake(self, _: bytes = b"") -> None:
        """Look at once."""
        self._wake.set()

    async def begin(self) -> None:
        """Say what this process runs from its start on. Raises what the connection raises."""
        async with self._pool.acquire() as connection:
            await self._check(connection)
            await self._run(connection, self._revisions.in_force)
            self._controls.value = await controls.read(connection)
        if self._keep is not None:
            await asyncio.to_thread(self._keep, self._revisions.in_force)
        self._looked_at = self._loop_time()

    async def run(self, streams: Streams) -> None:
        """Look until cancelled; then say that the process has ended."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(streams.listen(CHANGED, self.wake), name="listen-configuration")
                group.create_task(self._poll(), name="watch-configuration")
                group.create_task(self._follow(), name="follow-configuration")
        finally:
            with suppress(*UNAVAILABLE):
                async with asyncio.timeout(1), self._pool.acquire() as connection:
                    await receipts.leave(connection, self._process)

    async def look(self) -> None:
        """Look once; what is new is taken over beside it. Raises what the connection raises."""
        async with self._pool.acquire() as connection:
            await self._check(connection)
            self._controls.value = await controls.read(connection)
            self._controls.rates = await audit_rates.in_force(connection, self._controls.rates)
            self._published = await revisions.newest(connection)
            await self._beat(connection)
            self._looked_at = self._loop_time()
            if self._published is not None and self._is_news(self._published):
                self._news.set()
            await self._tidy(connection)

    async def _check(self, connection: Connection) -> None:
        if self._unchecked is not None:
            await self._unchecked(connection)
            self._unchecked = None

    async def _poll(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.look()
            except UNAVAILABLE as error:
                log.warning("configuration.unseen", error=repr(error))
                await asyncio.sleep(POLL_SECONDS)

    async def _follow(self) -> None:
        """Take over what is new, however long that takes: switches do not wait for it."""
        while True:
            await self._news.wait()
            self._news.clear()
            assert self._published is not None
            try:
                await self._take_over(self._published)
            except UNAVAILABLE as error:
                self._tried_at = float("-inf")
                log.warning("configuration.unseen", error=repr(error))
            self._wake.set()  # another may have been published meanwhile

    def _is_news(self, published: Revision) -> bool:
        if published.number == self._revisions.current.revision:
            self._is_current()
            return False
        if self._behind is None or self._behind.number != published.number:
            self._behind = Behind(published.number, "")
            return True
        return self._loop_time() - self._tried_at > AGAIN_SECONDS

    def _is_current(self) -> None:
        self._behind, self._current_at = None, self._loop_time()

    async def _take_over(self, published: Revision) -> None:
        self._tried_at = began_at = self._loop_time()
        try:
            async with self._pool.acquire() as connection:
                candidate = await self._revisions.candidate(connection, published)
            await self.prepare(candidate)
        except AdjudgeError as refused:
            await self._refuse(published, str(refused))
            return
        self._revisions.put_in_force(candidate)
        self._is_current()
        async with self._pool.acquire() as connection:
            await self._run(connection, candidate)
        if self._keep is not None:
            await asyncio.to_thread(self._keep, candidate)
        seconds = self._loop_time() - began_at
        names.REVISION_SECONDS.labels(self._role).observe(seconds)
        log.info("configuration.applied", revision=published.number, seconds=round(seconds, 3))

    async def _refuse(self, published: Revision, why: str) -> None:
        """Go on under the last good revision, and say why."""
        self._behind = Behind(published.number, why)
        names.REVISION_REFUSED.labels(self._role).inc()
        log.error("configuration.refused", revision=published.number, why=why)
        async with self._pool.acquire() as connection:
            await receipts.refuse(connection, self._process, published.number, why)

    async def _run(self, connection: Connection, in_force: InForce) -> None:
        newest = in_force.newest
        names.REVISION.labels(self._role).set(newest.revision)
        async with connection.transaction():
            await receipts.runs(
                connection, self._process, self._role, __version__, newest.revision, newest.hash, self._drift
            )

    async def _beat(self, connection: Connection) -> None:
        names.REVISION_BEHIND.labels(self._role).set(int(self._behind is not None))
        if self._loop_time() - self._beat_at < BEAT_SECONDS:
            return
        self._beat_at = self._loop_time()
        if not await receipts.beat(connection, self._process):
            await self._run(connection, self._revisions.in_force)  # forgotten while it was away

    async def _tidy(self, connection: Connection) -> None:
        if self._loop_time() - self._tidied_at > TIDY_SECONDS:
            self._tidied_at = self._loop_time()
            self._revisions.drop_unused(await work.revisions_in_use(connection))
