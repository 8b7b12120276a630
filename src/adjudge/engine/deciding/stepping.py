"""One step of open decisions, under their locks: record what happened, call `advance`, write the step down, then act.

Everything but the settlement of a single model's answer goes through here: hops, joins, votes, time-outs, dead
letters. The caller owns the transaction, and performs the effects once it has committed.
"""

import random
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from adjudge.core.advance import Ask, Settle, Step, Wait, advance
from adjudge.core.answers import Candidates, Labels
from adjudge.core.controls import Controls
from adjudge.core.events import Fault, FellBack, HistoryEvent, Opinion, write_events
from adjudge.core.history import History, fold
from adjudge.core.outcomes import Outcome
from adjudge.core.plans import Plan
from adjudge.core.queueing import priority
from adjudge.core.specifications import QuestionType
from adjudge.engine.clocks import Clock
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.deciding.settling import new_outcome
from adjudge.engine.identifiers import NewId
from adjudge.engine.slips import Slip
from adjudge.store import controls, outcomes, work
from adjudge.store.connecting import Connection
from adjudge.store.review import tasks
from adjudge.store.work import Held, Moved
from adjudge.telemetry import names, tracing

RESEND_SECONDS = 5.0
"""After this long without progress a question to a model is looked at again: it may be lost, or merely wait."""
GOING_ON = frozenset({"held", "provisional"})
"""Statuses of a decision whose people may still answer after a fallback was taken: their tasks are due later."""


class Finished(NamedTuple):
    """A decision that got an outcome in this step."""

    decision: UUID
    type: str
    location: str
    outcome: Outcome
    asked_at: datetime
    settled_at: datetime
    trace: str | None
    """The trace context that came with the question."""


@dataclass(slots=True)
class Effects:
    """What is to be done once the transaction has committed."""

    slips: list[tuple[Slip, str]] = field(default_factory=list)
    """With the lane of each."""
    finished: list[Finished] = field(default_factory=list)
    gone: set[UUID] = field(default_factory=set)
    """Decisions without an open work row: settled before."""

    def then(self, later: "Effects") -> "Effects":
        """Return both, of two steps in one transaction."""
        return Effects(self.slips + later.slips, self.finished + later.finished, self.gone | later.gone)


@dataclass(slots=True)
class _Writes:
    """What a batch of steps writes, collected so that each table is touched once."""

    moves: list[Moved] = field(default_factory=list)
    settling: list[outcomes.NewOutcome] = field(default_factory=list)
    final: list[UUID] = field(default_factory=list)
    seats: list[tasks.NewTask] = field(default_factory=list)
    closing: list[UUID] = field(default_factory=list)
    asking: dict[UUID, tuple[str, ...]] = field(default_factory=dict)
    finished: list[tuple[Held, Outcome]] = field(default_factory=list)

    def without(self, refused: AbstractSet[UUID]) -> "_Writes":
        """Return the writes but for what those outcomes would have entailed that were refused."""
        if not refused:
            return self
        return replace(
            self,
            moves=[move for move in self.moves if move.id not in refused],
            final=[decision for decision in self.final if decision not in refused],
            finished=[(row, outcome) for row, outcome in self.finished if row.id not in refused],
        )


class Stepper:
    """Steps decisions on."""

    def __init__(self, revisions: Revisions, *, now: Clock, new_id: NewId) -> None:
        self._revisions = revisions
        self._now = now
        self._new_id = new_id

    async def step(self, connection: Connection, inputs: Mapping[UUID, Sequence[HistoryEvent]]) -> Effects:
        """Lock the decisions in id order, append their events, and take the step that follows.

        Answers for a stage that the row has left behind change nothing; they are kept for their cost.
        """
        held = await work.hold(connection, sorted(inputs, key=lambda decision: decision.bytes))
        return await self.step_held(connection, held, inputs)

    async def step_held(
        self, connection: Connection, held: Mapping[UUID, Held], inputs: Mapping[UUID, Sequence[HistoryEvent]]
    ) -> Effects:
        """Like `step`, for rows that the transaction holds already."""
        effects = Effects(gone=set(inputs) - held.keys())
        if not held:
            return effects
        with tracing.onward("advance", (row.trace for row in held.values())):
            await self._advance(connection, held, inputs, effects)
        return effects

    async def _advance(
        self,
        connection: Connection,
        held: Mapping[UUID, Held],
        inputs: Mapping[UUID, Sequence[HistoryEvent]],
        effects: Effects,
    ) -> None:
        await self._revisions.load(connection, {row.revision for row in held.values()})
        left = set(held)
        while left:  # again only where a control was switched while we looked
            in_force = await controls.read(connection)
            writes = _Writes()
            for decision in sorted(left, key=lambda decision: decision.bytes):
                self._take(held[decision], inputs[decision], in_force, writes)
            settled_at = await outcomes.write_held(connection, writes.settling)
            left = {outcome.decision_id for outcome in writes.settling} - settled_at.keys()
            names.SETTLE_REFUSED.inc(len(left))
            await self._write(connection, writes.without(left), settled_at, effects)

    def _take(self, row: Held, events: Sequence[HistoryEvent], in_force: Controls, writes: _Writes) -> None:
        plan = self._revisions.plan(row.revision, row.location, row.type, row.plan_hash)
        news = tuple(event for event in events if _is_kept(event, row.stage))
        history = row.history.then(*news)
        step = advance(plan, history, in_force, self._now())
        history = history.then(*step.record)
        match step:
            case Settle():
                self._settle(row, history, step, writes)
            case Ask():
                self._ask(row, plan, history, step, writes)
            case Wait():
                writes.moves.append(self._moved(row, history, step, stage=row.stage))

    def _settle(self, row: Held, history: History, step: Settle, writes: _Writes) -> None:
        writes.settling.append(new_outcome(row.id, row.stage, step.outcome, history.events, attempt=self._new_id()))
        writes.finished.append((row, step.outcome))
        if step.outcome.kind == "final":
            writes.final.append(row.id)
        else:
            writes.moves.append(self._moved(row, history, step, stage=row.stage, version=step.outcome.version))

    def _ask(self, row: Held, plan: Plan, history: History, step: Ask, writes: _Writes) -> None:
        writes.moves.append(self._moved(row, history, step, stage=step.stage))
        asked_people = row.stage >= 0 and plan.stage(row.stage).pool is not None
        if asked_people and step.stage != row.stage:
            writes.closing.append(row.id)
        if step.pool is None:
            writes.asking[row.id] = step.deciders
            return
        configuration = self._revisions.configuration(row.revision)
        question = configuration.question_type(row.location, row.type)
        place = priority(configuration.pool(step.pool), step.until, history.case.stake, plan.rates)
        for seat in range(step.first_seat, step.first_seat + step.seats):
            writes.seats.append(self._task(row, question, step, seat, place))

    def _task(self, row: Held, question: QuestionType, step: Ask, seat: int, place: float) -> tasks.NewTask:
        task = self._new_id()
        return tasks.NewTask(
            id=task,
            decision_id=row.id,
            stage=step.stage,
            seat=seat,
            pool=str(step.pool),
            type=row.type,
            location=row.location,
            priority=place,
            candidates=drawn(question, row.history, task),
            due_at=step.until,
        )

    def _moved(self, row: Held, history: History, step: Step, *, stage: int, version: int | None = None) -> Moved:
        now = self._now()
        models_silent = _waits_for_models(history, stage)
        look_again = min(step.until, now + timedelta(seconds=RESEND_SECONDS))
        return Moved(
            id=row.id,
            version=row.version if version is None else version,
            stage=stage,
            status=status(history),
            waiting_for=msgspec.json.encode(waiting_for(history, step)).decode(),
            attempt=row.attempt if stage == row.stage else 0,
            sent_at=now if models_silent else None,
            due_at=look_again if models_silent else step.until,
            due_kind="resend" if models_silent else "stage",
            stage_until=step.until,
            history=write_events(history.events),
        )

    async def _write(
        self, connection: Connection, writes: _Writes, settled_at: Mapping[UUID, datetime], effects: Effects
    ) -> None:
        await work.move(connection, writes.moves)
        await outcomes.close_tasks(connection, writes.closing)
        await tasks.create(connection, writes.seats)
        await tasks.go_on(connection, [(move.id, move.stage_until) for move in writes.moves if move.status in GOING_ON])
        await outcomes.close(connection, writes.final)
        effects.finished += [
            Finished(row.id, row.type, row.location, outcome, row.asked_at, settled_at[row.id], row.trace)
            for row, outcome in writes.finished
        ]
        for sendable in await work.sendable(connection, list(writes.asking)) if writes.asking else ():
            effects.slips += slips_of(sendable, writes.asking[sendable.id])


def slips_of(sendable: work.Sendable, deciders: Sequence[str], *, resent: bool = False) -> list[tuple[Slip, str]]:
    """Return the slips that ask these deciders, read from the truth."""
    return [
        (
            Slip(
                decision=sendable.id,
                revision=sendable.revision,
                type=sendable.type,
                location=sendable.location,
                stage=sendable.stage,
                decider=decider,
                version=fold(sendable.history.events).version,
                case=sendable.history.case,
                events=sendable.history.events,
                evidence=(sendable.evidence or "{}").encode(),
                subject=sendable.subject.encode(),
                trace=sendable.trace,
                until=sendable.until,
                reply=None,
                resent=resent,
                plan=sendable.plan_hash,
            ),
            sendable.lane,
        )
        for decider in deciders
    ]


def _is_kept(event: HistoryEvent, stage: int) -> bool:
    """Return whether an event belongs on record: answers always, time-outs only of the present stage."""
    return isinstance(event, Opinion | Fault) or getattr(event, "stage", stage) >= stage


def _waits_for_models(history: History, stage: int) -> bool:
    """Return whether the stage is still open and some model in it has not answered."""
    tally = fold(history.events).tally(stage)
    return tally.asked is not None and not tally.asked.seats and tally.deferred is None and bool(tally.silent())


def status(history: History) -> str:
    """Return how an open decision is called."""
    last = fold(history.events).fell_back
    match last:
        case FellBack(fallback="hold"):
            return "held"
        case FellBack(fallback="provisional"):
            return "provisional"
        case _:
            return "open"


def waiting_for(history: History, step: Step) -> dict[str, object]:
    """Return what an open decision waits for, as callers see it."""
    progress = fold(history.events)
    asked = [tally.asked for _, tally in sorted(progress.tallies.items()) if tally.asked]
    held = {"held": True} if progress.fell_back and progress.fell_back.fallback == "hold" else {}
    if not asked:
        return {"until": step.until, **held}
    last = asked[-1]
    if last.seats:
        votes = len(progress.tally(last.stage).votes)
        return {"pool": last.deciders[0], "votes": votes, "until": step.until, **held}
    silent = progress.tally(last.stage).silent()
    return {**({"deciders": silent} if silent and not held else {}), "until": step.until, **held}


def drawn(question: QuestionType, history: History, task: UUID) -> tuple[str, ...]:
    """Return the answers in the order in which a task shows them.

    Candidates are drawn afresh for each task, so that no place in the list is favoured; declared
    labels keep their places, which hands learn.
    """
    space = history.case.space
    if not isinstance(space, Labels):
        return ()
    labels = list(space.labels)
    if isinstance(question.space, Candidates):
        random.Random(task.int).shuffle(labels)  # noqa: S311 - a draw on record, not a secret
    return tuple(labels)
