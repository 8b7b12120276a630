"""Group commit: a flush starts whenever a connection is free, what arrives meanwhile is the next batch.

No timer. Two connections, each with a task of its own that looks again after every flush. What a flush
takes is shared fairly between lanes and locations, so that one burst never fills everybody's batch.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import structlog

from adjudge.core.errors import AdjudgeError
from adjudge.engine.slips import Slip
from adjudge.engine.stepping import RESEND_SECONDS
from adjudge.store import intake
from adjudge.store.connecting import UNAVAILABLE, Connection
from adjudge.store.intake import NewDecision, Replayed
from adjudge.streams import Entry
from adjudge.telemetry import names, tracing

log = structlog.get_logger()

LARGEST_BATCH = 200
CONNECTIONS = 2
LONGEST_WAIT_SECONDS = 4.0
"""A row that cannot be committed for this long is refused: 503, nothing acknowledged."""
_RESEND = timedelta(seconds=RESEND_SECONDS)
_DATA_ERRORS = ("22", "23", "54")


class Unavailable(AdjudgeError):
    """PostgreSQL does not answer: nothing is acknowledged."""

    kind = "unavailable"


class Unstorable(AdjudgeError):
    """PostgreSQL refuses the row although the edge let it through."""

    kind = "unstorable"


@dataclass(slots=True)
class Pending:
    """A row on its way, and who waits for it."""

    row: NewDecision
    done: asyncio.Future[datetime | Replayed]
    since: float
    entries: Sequence[Entry] = ()
    """What is sent once the row is durable."""
    shadows: Sequence[Slip] = ()
    """What is asked on the side once it is."""
    tried: bool = False
    """A flush with this row ended without an answer: it may have been committed."""


class Flusher:
    """Commits rows in batches."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        key_window_seconds: float,
        rng: random.Random,
        publish: Callable[[Sequence[Entry]], Awaitable[object]],
        ask_aside: Callable[[Sequence[Slip]], None] = lambda _: None,
    ) -> None:
        self._connect = connect
        self._key_window = timedelta(seconds=key_window_seconds)
        self._rng = rng
        self._publish = publish
        self._ask_aside = ask_aside
        self._queues: dict[tuple[str, str], deque[Pending]] = {}
        self._size = 0
        self._keys_in_flight: set[tuple[str, bytes]] = set()
        self._wake = asyncio.Event()
        self.seconds = 0.0
        """How long a flush takes lately: the latency of PostgreSQL as admission sees it."""

    def __len__(self) -> int:
        return self._size

    def waiting(self, lane: str, location: str) -> int:
        """Return how many rows of this location and lane wait for a flush."""
        return len(self._queues.get((lane, location), ()))

    def submit(
        self, row: NewDecision, entries: Sequence[Entry], shadows: Sequence[Slip] = ()
    ) -> "asyncio.Future[datetime | Replayed]":
        """Return a future: when it was asked, once it is durable; or who holds its idempotency key.

        It may raise Unavailable or Unstorable; after Unavailable the row may be committed or not.
        """
        loop = asyncio.get_running_loop()
        pending = Pending(row, loop.create_future(), loop.time(), entries, shadows)
        self._put(pending)
        self._wake.set()
        return pending.done

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
                        connection = await asyncio.wait_for(self._connect(), 5)
                    await self._flush(connection, batch)
                    failures = 0
                except (*UNAVAILABLE, asyncpg.PostgresError) as error:  # of the server, not of any row
                    _discard(connection)
                    connection = None
                    failures += 1
                    self._return(batch, error)
                    await asyncio.sleep(min(0.5, 0.02 * 2 ** min(failures, 6)) * self._rng.random())
                finally:
                    self._keys_in_flight -= {_key(pending) for pending in batch}
        finally:
            _discard(connection)

    async def _next_batch(self) -> list[Pending]:
        while True:
            batch = self._take()
            if batch:
                return batch
            self._wake.clear()
            if not self._size:
                await self._wake.wait()
            else:  # all that waits repeats a key in flight
                await asyncio.sleep(0.001)

    def _take(self) -> list[Pending]:
        """Take rows from the queues in turn; a key that is in flight already waits for the next flush."""
        batch: list[Pending] = []
        held_back: list[Pending] = []
        while self._queues and len(batch) < LARGEST_BATCH:
            for name in list(self._queues):
                queue = self._queues[name]
                pending = queue.popleft()
                if not queue:
                    del self._queues[name]
                self._size -= 1
                key = _key(pending)
                if pending.row.key_hash is not None and key in self._keys_in_flight:
                    held_back.append(pending)
                    continue
                self._keys_in_flight.add(key)
                batch.append(pending)
                if len(batch) >= LARGEST_BATCH:
                    break
        for pending in reversed(held_back):
            self._put(pending, first=True)
        return batch

    def _put(self, pending: Pending, *, first: bool = False) -> None:
        queue = self._queues.setdefault((pending.row.terms.lane, pending.row.terms.location), deque())
        (queue.appendleft if first else queue.append)(pending)
        self._size += 1

    def _return(self, batch: Sequence[Pending], error: BaseException) -> None:
        """Put unanswered rows back, with the same ids; give up on those that have waited too long."""
        now = asyncio.get_running_loop().time()
        log.warning("intake.stalled", error=repr(error), rows=len(batch))
        for pending in reversed(batch):
            if pending.done.done():
                continue
            pending.tried = True
            if now - pending.since > LONGEST_WAIT_SECONDS:
                pending.done.set_exception(_unavailable(pending))
            else:
                self._put(pending, first=True)
        self._fail_old(now)

    def _fail_old(self, now: float) -> None:
        for name in list(self._queues):
            queue = self._queues[name]
            while queue and now - queue[0].since > LONGEST_WAIT_SECONDS:
                pending = queue.popleft()
                self._size -= 1
                if not pending.done.done():
                    pending.done.set_exception(_unavailable(pending))
            if not queue:
                del self._queues[name]

    async def _flush(self, connection: Connection, batch: Sequence[Pending]) -> None:
        started = asyncio.get_running_loop().time()
        ordered = sorted(batch, key=lambda pending: pending.row.lock_key)
        with tracing.consuming("commit", (pending.row.trace for pending in ordered), decisions=len(ordered)):
            asked = await self._insert(connection, ordered)
        losing = [p for p in ordered if p.row.id not in asked and not p.done.done()]
        holders = await intake.losers(connection, [p.row for p in losing]) if losing else {}
        own = [p.row.id for p in losing if (held := holders.get(_key(p))) and held.decision_id == p.row.id]
        asked |= await intake.already(connection, own) if own else {}
        self.seconds = asyncio.get_running_loop().time() - started
        names.INTAKE_SECONDS.observe(self.seconds)
        names.INTAKE_ROWS.observe(len(batch))
        self._answer(ordered, asked, holders)
        accepted = Counter((p.row.terms.type, p.row.terms.lane) for p in ordered if p.row.id in asked)
        for labels, count in accepted.items():
            names.ACCEPTED.labels(*labels).inc(count)
        _count_audits([p.row for p in ordered if p.row.id in asked])
        await self._publish([entry for p in ordered if p.row.id in asked for entry in p.entries])
        if aside := [slip for p in ordered if p.shadows and p.row.id in asked for slip in p.shadows]:
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
        if not mine and not pending.done.done():
            log.error("intake.unstorable", decision=str(pending.row.id), error=str(error))
            pending.done.set_exception(_refusal(error))
        return mine

    def _answer(
        self,
        batch: Sequence[Pending],
        asked: dict[UUID, datetime],
        holders: dict[tuple[str, bytes], Replayed],
    ) -> None:
        for pending in batch:
            if pending.done.done():  # the caller has gone, or the row was refused
                continue
            if pending.row.id in asked:
                pending.done.set_result(asked[pending.row.id])
                continue
            holder = holders.get(_key(pending))
            if holder is None:
                pending.done.set_exception(Unavailable("the key was released this moment, please repeat"))
            else:
                pending.done.set_result(holder)


def _count_audits(rows: Sequence[NewDecision]) -> None:
    """Count what the audit coin marked, none too, against what it should have: a coin that does not fall is seen."""
    expected: dict[str, float] = {}
    marked: Counter[str] = Counter()
    for row in rows:
        expected[row.terms.type] = expected.get(row.terms.type, 0.0) + row.terms.audit_rate
        if row.audit_role:
            marked[row.terms.type] += 1
    for question_type, rate in expected.items():
        names.AUDITS_EXPECTED.labels(question_type).inc(rate)
        names.AUDITS_MARKED.labels(question_type).inc(marked[question_type])


def _refusal(error: asyncpg.PostgresError) -> AdjudgeError:
    """Return whose fault it is that a row cannot be stored: a partition is missing by ours."""
    if "no partition" in str(error):
        return Unavailable("the database has no place for the question yet")
    return Unstorable("the question cannot be stored")


def _key(pending: Pending) -> tuple[str, bytes]:
    return pending.row.principal, pending.row.key_hash or pending.row.id.bytes


def _unavailable(pending: Pending) -> Unavailable:
    if pending.tried:
        return Unavailable("the database does not answer; it may have taken the question: repeat it with its key")
    return Unavailable("the database does not answer, nothing was accepted")


def _discard(connection: Connection | None) -> None:
    if connection is not None:
        connection.terminate()
