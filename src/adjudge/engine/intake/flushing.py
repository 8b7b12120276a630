"""Flushes: one starts as soon as none is under way, and what arrives meanwhile is the next batch.

There is no timer, but a flush first gathers what is arriving at that moment, because callers that were answered
together come back together (docs/adr/0026). A statement costs as much as some ten rows, so the second connection is
used only for a full batch, or when the first one hangs.
"""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import structlog

from adjudge.core.errors import AdjudgeError
from adjudge.engine.deciding.stepping import RESEND_SECONDS
from adjudge.engine.intake.pending import Pending, Sheaf, Unavailable, Unstorable, key_of
from adjudge.engine.intake.waiting_rows import WaitingRows
from adjudge.engine.slips import Slip
from adjudge.store import intake
from adjudge.store.connecting import UNAVAILABLE, Connection
from adjudge.store.intake import NewDecision, Replayed
from adjudge.streams import Entry
from adjudge.telemetry import names, tracing

log = structlog.get_logger()

LARGEST_BATCH = 200
CONNECTIONS = 2
SLOW_SECONDS = 0.025
"""After this long a flush no longer keeps the other connection waiting: its commit may hang."""
REST = 3
"""Times what a flush took, where others go first."""
LOOK_SECONDS = 0.005
"""How often a waiting connection looks whether it may flush now."""
QUIET_TURNS = 3
"""After so many turns of the event loop without a new row, those that come together have come."""
GATHER_SECONDS = 0.005
"""How long a flush gathers at most."""
LONGEST_WAIT_SECONDS = 4.0
"""A row that cannot be committed for this long is refused: 503, nothing acknowledged."""
_RESEND = timedelta(seconds=RESEND_SECONDS)
_DATA_ERRORS = ("22", "23", "54")


class Flusher:
    """Commits rows in batches.

    `others_ask`: whether others do that are in more of a hurry. After a flush it then rests for three times as long,
    but not for longer because the database is slow.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        key_window_seconds: float,
        rng: random.Random,
        publish: Callable[[Sequence[Entry]], Awaitable[object]],
        ask_aside: Callable[[Sequence[Slip]], None] = lambda _: None,
        others_ask: Callable[[], bool] = lambda: False,
    ) -> None:
        self._connect = connect
        self._key_window = timedelta(seconds=key_window_seconds)
        self._rng = rng
        self._publish = publish
        self._ask_aside = ask_aside
        self._others_ask = others_ask
        self._waiting = WaitingRows()
        self._wake = asyncio.Event()
        self._gathering = False
        self._flushing = 0
        self._flushing_since = -math.inf
        self._seconds = 0.0
        """How long the last flush took."""
        self._ended = -math.inf
        """When it did."""
        self._rests_until = -math.inf

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def seconds_behind(self) -> float:
        """How long what waits will take, if flushes take as long as the last one did: PostgreSQL may be slow."""
        return self._seconds * len(self._waiting) / (LARGEST_BATCH * CONNECTIONS)

    def has_flushed_within(self, seconds: float) -> bool:
        """Return whether a flush has ended so lately."""
        return asyncio.get_running_loop().time() - self._ended < seconds

    def submit(
        self, row: NewDecision, sheaf: Sheaf, entries: Sequence[Entry] = (), shadows: Sequence[Slip] = ()
    ) -> Pending:
        """Have a row committed; it has its answer once its sheaf has all."""
        pending = Pending(row, key_of(row), sheaf, asyncio.get_running_loop().time(), entries, shadows)
        sheaf.take_in()
        self._waiting.put(pending)
        if len(self._waiting) == 1 or len(self._waiting) >= LARGEST_BATCH:  # while any wait, the woken one looks again
            self._wake.set()
        return pending

    async def run(self) -> None:
        """Flush until cancelled."""
        async with asyncio.TaskGroup() as group:
            for n in range(CONNECTIONS):
                group.create_task(self._serve(), name=f"flush-{n}")

    async def _serve(self) -> None:
        connection: Connection | None = None
        failures = 0
        try:
            while True:
                batch = await self._next_batch()
                try:
                    if connection is None:
                        async with asyncio.timeout(5):  # not `wait_for`: on 3.11 it may swallow a cancellation
                            connection = await self._connect()
                    await self._flush(connection, batch)
                    failures = 0
                except (*UNAVAILABLE, asyncpg.PostgresError) as error:  # of the server, not of any row
                    _discard(connection)
                    connection = None
                    failures += 1
                    self._return(batch, error)
                    await asyncio.sleep(min(0.5, 0.02 * 2 ** min(failures, 6)) * self._rng.random())
                finally:
                    self._flushing -= 1
                    self._waiting.landed(batch)
        finally:
            _discard(connection)

    async def _next_batch(self) -> list[Pending]:
        while True:
            if self._may_flush() and await self._gathered() and (batch := self._waiting.take(LARGEST_BATCH)):
                self._flushing += 1
                self._flushing_since = asyncio.get_running_loop().time()
                if self._may_flush():
                    self._wake.set()
                return batch
            self._wake.clear()
            if not self._waiting:
                await self._wake.wait()
            else:  # all that waits repeats a key in flight, or is too little to go along, or others go first
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._wake.wait()

    async def _gathered(self) -> bool:
        """Let the loop turn while its turns bring more rows; return whether what waits is still to go."""
        loop_time = asyncio.get_running_loop().time
        until, quiet = loop_time() + GATHER_SECONDS, 0
        self._gathering = True
        try:
            while quiet < QUIET_TURNS and len(self._waiting) < LARGEST_BATCH and loop_time() < until:
                before = len(self._waiting)
                await asyncio.sleep(0)
                quiet = 0 if len(self._waiting) > before else quiet + 1
        finally:
            self._gathering = False
        return self._may_flush()

    def _may_flush(self) -> bool:
        """Return whether what waits is to go now: nothing is on its way, or too much waits, or for too long."""
        now = asyncio.get_running_loop().time()
        if self._gathering or now < self._rests_until:
            return False
        if not self._flushing or len(self._waiting) >= LARGEST_BATCH:
            return len(self._waiting) > 0
        return now - self._flushing_since > SLOW_SECONDS

    def _return(self, batch: Sequence[Pending], error: BaseException) -> None:
        """Put unanswered rows back, with the same ids; give up on those that have waited too long."""
        now = asyncio.get_running_loop().time()
        log.warning("intake.stalled", error=repr(error), rows=len(batch))
        for pending in reversed(batch):
            if pending.answer is not None:
                continue
            pending.tried = True
            if now - pending.since > LONGEST_WAIT_SECONDS:
                pending.answered(_unavailable(pending))
            else:
                self._waiting.put(pending, first=True)
        for pending in self._waiting.take_older(now - LONGEST_WAIT_SECONDS):
            pending.answered(_unavailable(pending))

    async def _flush(self, connection: Connection, batch: Sequence[Pending]) -> None:
        started = asyncio.get_running_loop().time()
        ordered = sorted(batch, key=lambda pending: pending.row.lock_key)
        with tracing.consuming("commit", (pending.row.trace for pending in ordered), decisions=len(ordered)):
            asked = await self._insert(connection, ordered)
        losing = [p for p in ordered if p.row.id not in asked and p.answer is None]
        holders = await intake.losers(connection, [p.row for p in losing]) if losing else {}
        own = [p.row.id for p in losing if (held := holders.get(p.key)) and held.decision_id == p.row.id]
        asked |= await intake.already(connection, own) if own else {}
        self._ended = asyncio.get_running_loop().time()
        self._seconds = self._ended - started
        if self._others_ask():
            self._rests_until = self._ended + REST * min(self._seconds, SLOW_SECONDS)
        names.INTAKE_SECONDS.observe(self._seconds)
        names.INTAKE_ROWS.observe(len(batch))
        self._answer(ordered, asked, holders)
        durable = [p for p in ordered if p.row.id in asked]
        _count([p.row for p in durable])
        await self._publish([entry for p in durable for entry in p.entries])
        if aside := [slip for p in durable for slip in p.shadows]:
            self._ask_aside(aside)

    async def _insert(self, connection: Connection, batch: Sequence[Pending]) -> dict[UUID, datetime]:
        """Insert; split a batch that PostgreSQL refuses until the culprit stands alone."""
        found: dict[UUID, datetime] = {}
        retried = [pending.row.id for pending in batch if pending.tried]
        if retried:
            found = await intake.already(connection, retried)
        fresh = [pending for pending in batch if pending.row.id not in found]
        if not fresh:
            return found
        try:
            return found | await intake.insert(connection, [p.row for p in fresh], self._key_window, _RESEND)
        except asyncpg.PostgresError as error:
            if not (error.sqlstate or "").startswith(_DATA_ERRORS):
                raise
            if len(fresh) == 1:
                return found | await self._alone(connection, fresh[0], error)
        half = len(fresh) // 2
        found |= await self._insert(connection, fresh[:half])
        return found | await self._insert(connection, fresh[half:])

    async def _alone(
        self, connection: Connection, pending: Pending, error: asyncpg.PostgresError
    ) -> dict[UUID, datetime]:
        """Refuse the row that PostgreSQL refuses, unless what it met was itself.

        An insert whose line was cut may still have been running when its retry looked for the row.
        """
        mine = await intake.already(connection, [pending.row.id]) if pending.tried else {}
        if not mine:
            log.error("intake.unstorable", decision=str(pending.row.id), error=str(error))
            pending.answered(_refusal(error))
        return mine

    def _answer(
        self,
        batch: Sequence[Pending],
        asked: dict[UUID, datetime],
        holders: dict[tuple[str, bytes], Replayed],
    ) -> None:
        for pending in batch:
            answer = asked.get(pending.row.id) or holders.get(pending.key)
            pending.answered(answer or Unavailable("the key was released this moment, please repeat"))


def _count(rows: Sequence[NewDecision]) -> None:
    """Count what was accepted, and how many audits the coin drew and should have drawn: a stuck coin shows."""
    marked = Counter(row.terms.type for row in rows if row.audit_role)
    for terms, number in Counter(row.terms for row in rows).items():
        names.ACCEPTED.labels(terms.type, terms.lane).inc(number)
        names.AUDITS_EXPECTED.labels(terms.type).inc(terms.audit_rate * number)
        names.AUDITS_MARKED.labels(terms.type).inc(marked.pop(terms.type, 0))


def _refusal(error: asyncpg.PostgresError) -> AdjudgeError:
    """Return whose fault it is that a row cannot be stored: a partition is missing by ours."""
    if "no partition" in str(error):
        return Unavailable("the database has no place for the question yet")
    return Unstorable("the question cannot be stored")


def _unavailable(pending: Pending) -> Unavailable:
    if pending.tried:
        return Unavailable("the database does not answer; it may have taken the question: repeat it with its key")
    return Unavailable("the database does not answer, nothing was accepted")


def _discard(connection: Connection | None) -> None:
    if connection is not None:
        connection.terminate()
