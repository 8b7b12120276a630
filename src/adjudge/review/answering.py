"""Answers of people: each vote locks the decision's work row, is appended to its history, and steps it on.

A lease is named by its token; where none is given, this person's latest lease on the task is meant.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

from adjudge.core.answers import OutsideSpace
from adjudge.core.errors import AdjudgeError
from adjudge.core.events import Declined, Opinion, TimedOut
from adjudge.core.history import Case
from adjudge.engine.clocks import Clock
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.deciding.stepping import Effects, Stepper
from adjudge.store import labels, work
from adjudge.store.automation import audits
from adjudge.store.connecting import Connection
from adjudge.store.labels import NewLabel
from adjudge.store.review import tasks, votes
from adjudge.store.review.tasks import Assigned, Leased
from adjudge.store.review.votes import NewVote
from adjudge.store.scope import Scope
from adjudge.store.work import Held
from adjudge.telemetry import names


class UnknownTask(AdjudgeError):
    """The task does not exist, or was never this person's."""

    kind = "unknown-task"


class AnswerOutside(AdjudgeError):
    """The answer is not one that may be given to this question."""

    kind = "answer-outside-space"


class AlreadyVoted(AdjudgeError):
    """One vote per person and decision."""

    kind = "already-voted"


class LeaseEnded(AdjudgeError):
    """The task is no longer this person's to give back."""

    kind = "lease-ended"


class DecisionSettled(AdjudgeError):
    """The decision went on without this task."""

    kind = "decision-settled"


Late: TypeAlias = Literal["lease-ended", "decision-settled"]
"""Why an answer is no vote."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an answer."""

    late: Late | None
    """It is kept as a label; None: it is a vote."""
    effects: Effects
    decision: UUID


@dataclass(frozen=True, slots=True)
class _Locked:
    """A task that somebody answers or declines, locked behind what it belongs to."""

    decision: UUID
    leased: Leased
    token: UUID
    """The lease that is meant."""
    lease: Assigned
    """What became of it."""
    open: Held | None
    """The decision, while it is open; None for an audit, too."""
    late: Late | None
    """Why the task is no longer theirs; None: it is."""


class Answering:
    """Takes what people say to their tasks, in transactions of its callers."""

    def __init__(self, revisions: Revisions, stepper: Stepper, *, now: Clock) -> None:
        self._revisions = revisions
        self._stepper = stepper
        self._now = now

    async def answer(
        self,
        connection: Connection,
        scope: Scope,
        task: UUID,
        *,
        token: UUID | None,
        value: object,
        seconds: float | None,
    ) -> Recorded:
        """Record a person's answer. `seconds`: at work, as the client measured them.

        A late answer, after the lease or after settlement, is kept as a label and changes nothing.
        Raises UnknownTask, AnswerOutside, AlreadyVoted.
        """
        found = await _locked(connection, scope, task, token)
        case = found.open.history.case if found.open else await work.case_of(connection, found.decision)
        key = _key(case, value)
        if found.lease.ending == "answered":
            return await _repeated(connection, found.decision, scope, key)
        if found.late is not None:
            return await _kept_as_label(connection, scope, found, key, found.late)
        spent = await _vote(connection, scope, found, key, seconds)
        if found.open is None:  # of an audit: nothing that was decided changes by it
            await audits.look_at(connection, found.decision)
            return Recorded(None, Effects(), found.decision)
        await self._revisions.load(connection, {found.open.revision})
        opinion = self._opinion(scope, found.leased, found.open, key, spent)
        effects = await self._stepper.step_held(connection, {found.decision: found.open}, {found.decision: [opinion]})
        if found.open.history.has_declines(found.leased.stage) and not effects.finished:
            ending = await self._nobody_left(connection, scope, found.leased)
            effects = (
                effects.then(await self._stepper.step(connection, {found.decision: ending})) if ending else effects
            )
        return Recorded(None, effects, found.decision)

    async def decline(
        self, connection: Connection, scope: Scope, task: UUID, *, token: UUID | None, reason: str, note: str | None
    ) -> Effects:
        """Give a task back for somebody else; this person will not get the decision again. Not a vote.

        Said twice it counts once. Raises UnknownTask, DecisionSettled, LeaseEnded.
        """
        found = await _locked(connection, scope, task, token)
        if found.lease.ending == "declined":
            return Effects()
        match found.late:
            case "decision-settled":
                raise DecisionSettled("the decision is settled: there is nothing to give back")
            case "lease-ended":
                raise LeaseEnded("the lease has ended: the task is no longer yours to give back")
        said = f"{reason}: {note}" if note else reason
        await tasks.end_assignment(connection, found.decision, found.token, "declined", said)
        await tasks.give_back(connection, task)
        names.DECLINES.labels(found.leased.pool, reason).inc()
        if found.open is None:
            await audits.look_at(connection, found.decision)
            return Effects()
        event = Declined(at=self._now(), stage=found.leased.stage, by=str(scope.reviewer), reason=reason)
        ending = await self._nobody_left(connection, scope, found.leased)
        return await self._stepper.step_held(
            connection, {found.decision: found.open}, {found.decision: [event, *ending]}
        )

    async def prolong(self, connection: Connection, scope: Scope, task: UUID, *, token: UUID | None) -> datetime:
        """Prolong a lease by as long as its pool gives one; return until when. Raises UnknownTask, LeaseEnded."""
        meant = await _theirs(connection, scope, task, token)
        pool, revision = await tasks.pool_of(connection, task)
        await self._revisions.load(connection, {revision})
        seconds = self._revisions.configuration(revision).pool(pool).lease.total_seconds()
        until = await tasks.renew(connection, task, meant.token, seconds)
        if until is None:
            raise LeaseEnded("the lease has ended")
        return until

    async def _nobody_left(self, connection: Connection, scope: Scope, leased: Leased) -> list[TimedOut]:
        """Return the end of the stage, where all who could answer have declined or answered: no more votes can come."""
        if not await tasks.nobody_left(connection, scope, leased):
            return []
        return [TimedOut(at=self._now(), stage=leased.stage, nobody_left=True)]

    def _opinion(self, scope: Scope, leased: Leased, held: Held, key: str, seconds: float) -> Opinion:
        """Return a vote as its decision records it, by the revision under which that began."""
        configured = self._revisions.configuration(held.revision)  # the current revision may have no such pool
        pool = configured.pool(leased.pool)
        return Opinion(
            at=self._now(),
            stage=leased.stage,
            by=str(scope.reviewer),
            source="reviewer",
            answer=key,
            confidence=pool.accuracy,
            pool=leased.pool,
            seconds=round(seconds, 3),
            cost_micros=pool.cost_micros(seconds),
            currency=pool.currency,
            task=str(leased.id),
            plan=self._revisions.plan(held.revision, held.location, held.type, held.plan_hash).mark,
        )


async def release(connection: Connection, scope: Scope, task: UUID, *, token: UUID | None) -> bool:
    """Give back a task that was not looked at; it may come again. Return whether the lease was live.

    Raises UnknownTask.
    """
    meant = await _theirs(connection, scope, task, token)
    leased = await tasks.lock(connection, task)
    if not leased.is_with(meant.token):
        return False
    await tasks.end_assignment(connection, meant.decision, meant.token, "released")
    await tasks.give_back(connection, task)
    return True


class _Meant(NamedTuple):
    """A lease of this person, live or not, and what it is on."""

    decision: UUID
    purpose: str
    token: UUID


async def _theirs(connection: Connection, scope: Scope, task: UUID, token: UUID | None) -> _Meant:
    """Return the lease that is meant. Raises UnknownTask."""
    found = await tasks.decision_of(connection, scope, task)
    meant = token or await tasks.latest_token(connection, scope, task)
    if found is None or meant is None:
        raise UnknownTask("there is no such task, or it was never yours")
    return _Meant(*found, meant)


async def _locked(connection: Connection, scope: Scope, task: UUID, token: UUID | None) -> _Locked:
    """Lock what the task belongs to, then the task. Raises UnknownTask."""
    decision, purpose, meant = await _theirs(connection, scope, task, token)
    held = None
    if purpose == "audit":
        is_open = await audits.hold(connection, decision) is not None
    else:
        held = (await work.hold(connection, [decision])).get(decision)
        is_open = held is not None
    leased = await tasks.lock(connection, task)
    lease = await tasks.assignment(connection, decision, meant, str(scope.reviewer))
    if lease is None:
        raise UnknownTask("this token was never a lease of yours on this task", pointer="#/token")
    if is_open:
        late: Late | None = None if leased.is_with(meant) else "lease-ended"
    else:
        late = "decision-settled"
    return _Locked(decision, leased, meant, lease, held, late)


def _key(case: Case, value: object) -> str:
    try:
        return case.space.key(value)
    except OutsideSpace as error:
        raise AnswerOutside(str(error), pointer=f"#/answer{error.within}") from None


async def _repeated(connection: Connection, decision: UUID, scope: Scope, key: str) -> Recorded:
    """The same answer sent again, its first reply lost, is harmless; another one is not taken."""
    if await votes.answer_of(connection, decision, str(scope.reviewer)) != key:
        raise AlreadyVoted("your vote on this decision stands already", pointer="#/answer")
    return Recorded(None, Effects(), decision)


async def _seconds(connection: Connection, lease: Assigned, claimed_seconds: float | None) -> float:
    """Return seconds at work: what the client measured less time away, never more than the lease lasted."""
    elapsed = await tasks.seconds_since(connection, lease.claimed_at)
    return elapsed if claimed_seconds is None else min(claimed_seconds, elapsed)


async def _vote(connection: Connection, scope: Scope, found: _Locked, key: str, claimed_seconds: float | None) -> float:
    """Record a vote and end its lease; return the seconds at work. Raises AlreadyVoted."""
    leased, seconds = found.leased, await _seconds(connection, found.lease, claimed_seconds)
    vote = NewVote(
        decision_id=leased.decision_id,
        reviewer=str(scope.reviewer),
        task_id=leased.id,
        purpose=leased.vote_purpose,
        stage=leased.stage,
        seat=leased.seat,
        pool=leased.pool,
        answer=key,
        seconds=seconds,
        claimed_at=found.lease.claimed_at,
        why=found.lease.why,
        outcome_given=leased.purpose == "audit",
    )
    if await votes.insert(connection, vote) is None:
        raise AlreadyVoted("your vote on this decision stands already")
    await tasks.answered(connection, leased.id)
    await tasks.end_assignment(connection, leased.decision_id, found.token, "answered")
    names.VOTES.labels(leased.pool, "vote").inc()
    names.VOTE_SECONDS.labels(leased.pool).observe(seconds)
    return seconds


async def _kept_as_label(connection: Connection, scope: Scope, found: _Locked, key: str, late: Late) -> Recorded:
    """Keep a late answer: the first, as of votes. Raises AlreadyVoted where another one is kept."""
    leased = found.leased
    source = audits.LATE_AUDIT_VOTE if leased.purpose == "audit" else labels.LATE_VOTE
    label = NewLabel(
        decision_id=leased.decision_id,
        source=source,
        source_ref=str(scope.reviewer),
        answer=key,
        reporter=scope.principal,
        after_version=found.open.version if found.open else 1,
        answer_could_influence=False,
    )
    is_first = await labels.insert(connection, label) is not None
    if not is_first and await labels.said(connection, leased.decision_id, source, str(scope.reviewer)) != key:
        raise AlreadyVoted("another late answer of yours to this decision is kept already", pointer="#/answer")
    names.VOTES.labels(leased.pool, "label").inc()
    return Recorded(late, Effects(), leased.decision_id)
