"""Amendments: late truth, an operator's call, late votes.

Each is recorded as a label; where the question type allows it, it also writes a new version of the outcome. A settled
decision has no work row to lock, so amendments of one decision take turns, and the outcome's primary key arbitrates.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import msgspec

from adjudge.config import Configuration, UnknownLocation, UnknownType
from adjudge.core.advance import Settle, advance
from adjudge.core.answers import Json
from adjudge.core.controls import Controls
from adjudge.core.errors import AdjudgeError
from adjudge.core.events import Deferred, HistoryEvent, Opinion, Settled, TimedOut, read_events, write_events
from adjudge.core.history import Case, History
from adjudge.core.outcomes import Outcome
from adjudge.core.plans import Plan
from adjudge.engine.clocks import Clock
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.identifiers import NewId
from adjudge.store import decisions, labels, outcomes, work
from adjudge.store.automation import audits
from adjudge.store.connecting import Connection, Pool
from adjudge.store.decisions import Seen
from adjudge.store.labels import NewLabel
from adjudge.store.outcomes import Latest, NewOutcome, OutcomeTerms
from adjudge.store.scope import SYSTEM, Scope

RESERVED = frozenset({labels.LATE_VOTE, audits.AUDIT_LABEL, audits.LATE_AUDIT_VOTE})
"""Sources of labels that reviewers give. No caller may use them."""


class ReservedSource(AdjudgeError):
    """A caller names a source whose word only reviewers give."""

    kind = "reserved-source"


class SaidOtherwise(AdjudgeError):
    """The same source has said something else before, under the same reference."""

    kind = "said-otherwise"


Result = TypeVar("Result")


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
    """What became of a truth that was told."""

    recorded: bool
    """False: this source had said so before."""
    amended: bool


class Amending:
    """Amends decisions of one process's configuration."""

    def __init__(self, pool: Pool, revisions: Revisions, *, now: Clock, new_id: NewId) -> None:
        self._pool = pool
        self._revisions = revisions
        self._now = now
        self._new_id = new_id

    async def by_truth(self, scope: Scope, truth: Truth) -> Labelled:
        """Record the label, and amend a final outcome where configured.

        Raises OutsideSpace, ReservedSource, SaidOtherwise.
        """
        if truth.source in RESERVED:
            raise ReservedSource(f"`{truth.source}` is the word of reviewers: name another source", pointer="#/source")
        return await self._in_turn(truth.decision, lambda connection: self._record(connection, scope, truth))

    async def by_late_votes(self, decision: UUID) -> bool:
        """Amend a fallback's answer that the late votes so far would have prevented; return whether this call did.

        A fallback's answer is nobody's. What a model, people in time, or late truth said stands.
        """
        return await self._in_turn(decision, lambda connection: self._count_late_votes(connection, decision))

    async def _in_turn(self, decision: UUID, act: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Act in a transaction, once nobody else amends the decision."""
        async with self._pool.acquire() as connection, connection.transaction():
            await outcomes.amend_in_turn(connection, decision)
            return await act(connection)

    async def _record(self, connection: Connection, scope: Scope, truth: Truth) -> Labelled:
        case = await work.case_of(connection, truth.decision)
        key = case.space.key(truth.answer)
        latest = await outcomes.latest(connection, truth.decision)
        if not await _label(connection, scope, truth, key, latest.version if latest else 0):
            return Labelled(recorded=False, amended=False)
        if not truth.could_influence:  # an open audit need not wait for people
            await audits.look_at(connection, truth.decision)
        if latest is None or latest.is_open or latest.source == "cancel" or latest.answer == key:
            return Labelled(recorded=True, amended=False)
        amends = await self._amends(connection, await _found(connection, truth.decision))
        code = "operator" if "operator" in amends and scope.role in ("operator", "admin") else "truth"
        if code not in amends:
            return Labelled(recorded=True, amended=False)
        reason = f"{truth.source} says so" + (f" ({truth.ref})" if truth.ref else "")
        amended = Outcome(
            version=latest.version + 1,
            kind="amended",
            answer=key,
            source=latest.source,
            deciders=tuple(latest.deciders),
            reason=reason,
            code=code,
        )
        await self._write(connection, truth.decision, amended, latest)
        return Labelled(recorded=True, amended=True)

    async def _count_late_votes(self, connection: Connection, decision: UUID) -> bool:
        found = await _found(connection, decision)
        latest = await outcomes.latest(connection, decision)
        amends = await self._amends(connection, found)
        if found.status != "final" or latest is None or latest.source != "fallback" or "late-vote" not in amends:
            return False
        await self._revisions.load(connection, {found.revision})
        votes = await _late_votes(connection, found, self._revisions.configuration(found.revision))
        written, _, _ = await decisions.path(connection, decision)
        path = tuple(event for outcome in written for event in read_events(str(outcome["path"])))
        plan = self._revisions.plan(found.revision, found.location, found.type, found.plan_hash)
        said, late = _said_late(plan, await work.case_of(connection, decision), path, votes)
        if said is None or said.answer == latest.answer:
            return False
        amended = msgspec.structs.replace(
            said,
            version=latest.version + 1,
            kind="amended",
            reason=f"said late: {said.reason}",
            code="late-vote",
        )
        await self._write(connection, decision, amended, latest, late)
        return True

    async def _amends(self, connection: Connection, found: Seen) -> Collection[str]:
        """Return what amends a decision under the revision that it began with: today's may not know its type."""
        if found.is_imported:
            configuration = self._revisions.current
        else:
            await self._revisions.load(connection, {found.revision})
            configuration = self._revisions.configuration(found.revision)
        try:
            return configuration.question_type(found.location, found.type).amend
        except (UnknownLocation, UnknownType):
            return ()

    async def _write(
        self, connection: Connection, decision: UUID, said: Outcome, latest: Latest, votes: tuple[Opinion, ...] = ()
    ) -> None:
        """Write an outcome after the latest. `votes`: those that it follows from."""
        event = Settled(
            at=self._now(),
            version=said.version,
            outcome="amended",
            answer=said.answer,
            source=said.source,
            confidence=said.confidence,
            reason=said.reason,
            code=said.code,
        )
        terms = OutcomeTerms(
            base=latest.version,
            kind="amended",
            source=said.source,
            deciders=",".join(said.deciders),
            code=said.code,
            certificate=None,
            relied=msgspec.json.encode([]).decode(),
            votes=latest.votes + len(votes),
            cost=latest.cost,
            stage=-1,
        )
        row = NewOutcome(
            decision_id=decision,
            terms=terms,
            answer=said.answer,
            confidence=said.confidence,
            reason=said.reason,
            attempt_id=self._new_id(),
            path=write_events((*votes, event)),
        )
        await outcomes.write_held(connection, [row])


async def _label(connection: Connection, scope: Scope, truth: Truth, key: str, after_version: int) -> bool:
    """Record the label; return whether it is new. Raises SaidOtherwise."""
    label = NewLabel(
        decision_id=truth.decision,
        source=truth.source,
        source_ref=truth.ref,
        answer=key,
        reporter=scope.principal,
        after_version=after_version,
        answer_could_influence=truth.could_influence,
    )
    if await labels.insert(connection, label) is not None:
        return True
    said = await labels.said(connection, truth.decision, truth.source, truth.ref)
    if said is not None and said != key:
        before = f"{truth.source} has said {said} before" + (f" ({truth.ref})" if truth.ref else "")
        raise SaidOtherwise(f"{before}: correct it under another `ref`", pointer="#/answer")
    return False


async def _found(connection: Connection, decision: UUID) -> Seen:
    """Return a decision of which there is an outcome."""
    found = await decisions.get(connection, SYSTEM, decision)
    assert found is not None
    return found


async def _late_votes(connection: Connection, found: Seen, configuration: Configuration) -> list[Opinion]:
    """Return the late votes on a decision as opinions of their stages."""
    return [
        Opinion(
            at=vote.at,
            stage=vote.stage,
            by=vote.reviewer,
            source="reviewer",
            answer=vote.answer,
            confidence=configuration.pool(vote.pool).accuracy,
            pool=vote.pool,
        )
        for vote in await labels.late_votes(connection, found.id)
    ]


def _said_late(
    plan: Plan, case: Case, path: tuple[HistoryEvent, ...], votes: Sequence[Opinion]
) -> tuple[Outcome | None, tuple[Opinion, ...]]:
    """Return what the first stage would have settled with whose late votes are enough, and these votes."""
    for stage in sorted({vote.stage for vote in votes}):
        before, late = _until_passed_over(path, stage), tuple(vote for vote in votes if vote.stage == stage)
        step = advance(plan, History(case, (*before, *late)), Controls(), before[-1].at)
        if isinstance(step, Settle) and step.outcome.kind == "final" and step.outcome.source == "reviewer":
            return step.outcome, late
    return None, ()


def _until_passed_over(path: tuple[HistoryEvent, ...], stage: int) -> tuple[HistoryEvent, ...]:
    """Return what had happened when the stage was passed over, or the decision settled without it."""
    for position, event in enumerate(path):
        is_of_stage = isinstance(event, TimedOut | Deferred) and event.stage == stage
        if is_of_stage or isinstance(event, Settled):
            return path[:position]
    return path
