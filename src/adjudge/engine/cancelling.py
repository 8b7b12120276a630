"""Cancellation: a final outcome of its own source."""

from uuid import UUID

from adjudge.core.errors import AdjudgeError
from adjudge.core.events import Settled
from adjudge.core.outcomes import Outcome
from adjudge.engine.clocks import Clock
from adjudge.engine.identifiers import NewId
from adjudge.engine.settling import new_outcome
from adjudge.engine.stepping import Effects, Finished
from adjudge.store import outcomes, work
from adjudge.store.connecting import Connection


class AlreadySettled(AdjudgeError):
    """Too late: the decision has its final outcome."""

    kind = "already-settled"


async def cancel(connection: Connection, decision: UUID, *, by: str, reason: str, now: Clock, new_id: NewId) -> Effects:
    """Settle an open decision as cancelled; the caller owns the transaction. Raises AlreadySettled."""
    held = await work.hold(connection, [decision])
    if decision not in held:
        raise AlreadySettled("the decision is settled and cannot be cancelled")
    row = held[decision]
    why = f"cancelled by {by}" + (f": {reason}" if reason else "")
    outcome = Outcome(version=row.version + 1, kind="final", answer=None, source="cancel", reason=why, code="cancelled")
    settled = Settled(
        at=now(), version=outcome.version, outcome="final", answer=None, source="cancel", reason=why, code="cancelled"
    )
    events = row.history.then(settled).events
    new = new_outcome(decision, row.stage, outcome, events, attempt=new_id())
    written = await outcomes.write_held(connection, [new])
    await outcomes.close(connection, [decision])
    return Effects(finished=[Finished(decision, row.type, row.location, outcome, row.asked_at, written[decision])])
