"""Cancellation: a final outcome with a source of its own.

Cancellations come in crowds: a visit ends, a till is closed, and hundreds of questions are no longer needed. Those
that arrive while a batch is on its way to the database form the next batch.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from adjudge.core.errors import AdjudgeError
from adjudge.core.events import Settled
from adjudge.core.outcomes import Outcome
from adjudge.engine.clocks import Clock
from adjudge.engine.deciding.sending import Sender
from adjudge.engine.deciding.settling import new_outcome
from adjudge.engine.deciding.stepping import Effects, Finished
from adjudge.engine.identifiers import NewId
from adjudge.store import outcomes, work
from adjudge.store.connecting import UNSTORABLE, Connection, Pool
from adjudge.store.outcomes import NewOutcome
from adjudge.store.work import Held

LARGEST_BATCH = 100
"""Decisions cancelled in one transaction: so many rows are locked at once, for some ten milliseconds."""


class AlreadySettled(AdjudgeError):
    """Too late: the decision has its final outcome."""

    kind = "already-settled"


@dataclass(slots=True, eq=False)
class _Wish:
    decision: UUID
    why: str
    fault: Exception | None = None
    is_done: bool = False

    def ends(self, fault: Exception | None) -> None:
        self.fault, self.is_done = fault, True


class Cancelling:
    """Cancels for one process."""

    def __init__(self, pool: Pool, sender: Sender, *, now: Clock, new_id: NewId) -> None:
        self._pool = pool
        self._sender = sender
        self._now = now
        self._new_id = new_id
        self._wishes: deque[_Wish] = deque()
        """Asked for and not done. If a caller goes away in the middle of its batch, the next caller's batch begins with
        it."""
        self._lock = asyncio.Lock()

    async def cancel(self, decision: UUID, *, by: str, reason: str) -> None:
        """Settle an open decision as cancelled. Raises AlreadySettled, and what the connection raises."""
        wish = _Wish(decision, f"cancelled by {by}" + (f": {reason}" if reason else ""))
        self._wishes.append(wish)
        async with self._lock:  # ends: the batches before wait for connections and statements under time limits
            while not wish.is_done:
                await self._batch()
        if wish.fault is not None:
            raise wish.fault

    async def _batch(self) -> None:
        """Cancel for those who wait longest."""
        batch = list(islice(self._wishes, LARGEST_BATCH))
        await self._together(batch)
        for _ in batch:
            self._wishes.popleft()

    async def _together(self, batch: Sequence[_Wish]) -> None:
        """Cancel in one transaction; one by one, where the database cannot store what somebody said."""
        first = {wish.decision: wish for wish in reversed(batch)}
        whys = {decision: wish.why for decision, wish in first.items()}
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                effects = await cancel(connection, whys, now=self._now, new_id=self._new_id)
        except Exception as error:  # each who waits is told
            if isinstance(error, UNSTORABLE) and len(batch) > 1:
                for wish in batch:
                    await self._together([wish])
                return
            for wish in batch:
                wish.ends(error)
            return
        for wish in batch:
            is_won = wish.decision not in effects.gone and first[wish.decision] is wish
            wish.ends(None if is_won else AlreadySettled("the decision is settled and cannot be cancelled"))
        await self._sender.perform(effects)


async def cancel(connection: Connection, whys: Mapping[UUID, str], *, now: Clock, new_id: NewId) -> Effects:
    """Settle as cancelled what is open, for these reasons; the rest is gone. The caller owns the transaction."""
    held = await work.hold(connection, sorted(whys, key=lambda decision: decision.bytes))
    cancelled = [(row, _cancelled(row, whys[decision])) for decision, row in held.items()]
    written = await outcomes.write_held(
        connection, [_written(row, outcome, now=now, new_id=new_id) for row, outcome in cancelled]
    )
    await outcomes.close(connection, list(held))
    return Effects(
        finished=[
            Finished(row.id, row.type, row.location, outcome, row.asked_at, written[row.id], row.trace)
            for row, outcome in cancelled
        ],
        gone=set(whys) - held.keys(),
    )


def _cancelled(row: Held, why: str) -> Outcome:
    return Outcome(version=row.version + 1, kind="final", answer=None, source="cancel", reason=why, code="cancelled")


def _written(row: Held, outcome: Outcome, *, now: Clock, new_id: NewId) -> NewOutcome:
    settled = Settled(
        at=now(),
        version=outcome.version,
        outcome="final",
        answer=None,
        source="cancel",
        reason=outcome.reason,
        code=outcome.code,
    )
    return new_outcome(row.id, row.stage, outcome, row.history.then(settled).events, attempt=new_id())
