"""Late truth: always a label; an amendment where the type's configuration says so."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from adjudge.core.answers import Json
from adjudge.core.events import Settled, write_events
from adjudge.engine.clocks import Clock
from adjudge.engine.identifiers import NewId
from adjudge.engine.revisions import Revisions
from adjudge.store import labels, outcomes, work
from adjudge.store.connecting import Connection, Pool
from adjudge.store.labels import NewLabel
from adjudge.store.outcomes import NewOutcome
from adjudge.store.scope import Scope

MOST_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What somebody says turned out to be true."""

    decision: UUID
    answer: Json
    source: str
    ref: str
    could_influence: bool


@dataclass(frozen=True, slots=True)
class Labelled:
    """What became of it."""

    recorded: bool
    """False: this source had said so before."""
    amended: bool


async def record_truth(
    pool: Pool, scope: Scope, truth: Truth, revisions: Revisions, *, now: Clock, new_id: NewId
) -> Labelled:
    """Record the label, and amend a final outcome where configured. Raises OutsideSpace.

    Amendments have no work row: the primary key arbitrates, and the loser reads again.
    """
    for attempt in range(MOST_TRIES):
        try:
            async with pool.acquire() as connection, connection.transaction():
                return await _record(connection, scope, truth, revisions, now=now, new_id=new_id)
        except asyncpg.UniqueViolationError:
            if attempt == MOST_TRIES - 1:
                raise
    raise AssertionError("unreachable")


async def _record(
    connection: Connection, scope: Scope, truth: Truth, revisions: Revisions, *, now: Clock, new_id: NewId
) -> Labelled:
    case = await work.case_of(connection, truth.decision)
    key = case.space.key(truth.answer)
    latest = await outcomes.latest(connection, truth.decision)
    label = NewLabel(
        decision_id=truth.decision,
        source=truth.source,
        source_ref=truth.ref,
        answer=key,
        reporter=scope.principal,
        after_version=latest.version if latest else 0,
        answer_could_influence=truth.could_influence,
    )
    if await labels.insert(connection, label) is None:
        return Labelled(recorded=False, amended=False)
    kind = revisions.current.question_type(case.location, case.type)
    if (
        latest is None
        or latest.is_open
        or latest.source == "cancel"
        or latest.answer == key
        or "truth" not in kind.amend
    ):
        return Labelled(recorded=True, amended=False)
    await outcomes.write_held(connection, [_amendment(truth, key, latest, now, new_id)])
    return Labelled(recorded=True, amended=True)


def _amendment(truth: Truth, key: str, latest: Any, now: Clock, new_id: NewId) -> NewOutcome:
    reason = f"{truth.source} says so" + (f" ({truth.ref})" if truth.ref else "")
    event = Settled(
        at=now(),
        version=latest.version + 1,
        outcome="amended",
        answer=key,
        source=latest.source,
        reason=reason,
        code="truth",
    )
    return NewOutcome(
        decision_id=truth.decision,
        base=latest.version,
        stage=-1,
        kind="amended",
        answer=key,
        source=latest.source,
        confidence=None,
        deciders=",".join(latest.deciders),
        reason=reason,
        code="truth",
        certificate=None,
        relied=msgspec.json.encode([]).decode(),
        attempt_id=new_id(),
        votes=latest.votes,
        cost=latest.cost,
        path=write_events((event,)),
    )
