"""Asking a model: a batch of slips comes in, opinions come out, settlements and hops are written down.

Where a stage has one decider and its answer settles the decision, this touches the database once. Every other
decision is stepped on under its lock.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
import structlog

from adjudge.core.advance import Settle, advance
from adjudge.core.answers import Labels
from adjudge.core.controls import Controls
from adjudge.core.events import Fault, HistoryEvent, Opinion, Source
from adjudge.core.history import History
from adjudge.core.outcomes import Outcome
from adjudge.core.plans import Plan
from adjudge.deciders import Answered, Deciders, Failed, Question
from adjudge.engine import notifying, slips
from adjudge.engine.clocks import Clock
from adjudge.engine.controls_in_force import ControlsInForce
from adjudge.engine.identifiers import NewId
from adjudge.engine.revisions import Revisions
from adjudge.engine.sending import Sender, count
from adjudge.engine.settling import new_outcome
from adjudge.engine.slips import STREAM_PREFIX, Slip
from adjudge.engine.stepping import Effects, Finished, Stepper
from adjudge.store import outcomes, work
from adjudge.store.connecting import UNAVAILABLE, Pool
from adjudge.store.outcomes import NewOutcome, Verdicts
from adjudge.streams import Expired, Message, Poison, Stall, Streams, TimedOut
from adjudge.telemetry import names, tracing

log = structlog.get_logger()
_T = TypeVar("_T")

PATIENCE_SECONDS = 60.0
"""How long answers, which have been paid for, wait for the database before the batch is handed back."""


class Asking:
    """The handler of one decider's stream. Returning acknowledges; raising Stall keeps the leases."""

    def __init__(
        self,
        decider: str,
        *,
        kind: str,
        deciders: Deciders,
        pool: Pool,
        revisions: Revisions,
        stepper: Stepper,
        sender: Sender,
        streams: Streams,
        controls: ControlsInForce,
        now: Clock,
        new_id: NewId,
        rng: random.Random,
    ) -> None:
        self._decider = decider
        self._span = f"process {STREAM_PREFIX}{decider}"
        self._kind = kind
        self._source = deciders.source(decider)
        self._deciders = deciders
        self._pool = pool
        self._revisions = revisions
        self._stepper = stepper
        self._sender = sender
        self._streams = streams
        self._controls = controls
        self._now = now
        self._new_id = new_id
        self._rng = rng

    async def __call__(self, messages: Sequence[Message]) -> Mapping[str, Exception] | None:
        """Ask for all, settle what settles, step the rest on; all durable on return."""
        read, malformed = read_slips(messages)
        traces = (slip.trace for slip, _ in read)
        with tracing.consuming(self._span, traces, decider=self._decider, messages=len(read)):
            await self._handle(read)
        return malformed or None

    async def _handle(self, read: Sequence[tuple[Slip, Message]]) -> None:
        await self._hold({slip.revision for slip, _ in read})
        current = await self._insist(lambda: self._still_wanted(read))
        if current:
            events = await self._ask(current)
            await self._hold({slip.revision for slip in current})  # asking may have taken long
            await self._conclude(list(zip(current, events, strict=True)))

    async def gave_up(self, messages: Sequence[Message], error: Exception) -> None:
        """Let the decisions of messages that are about to become dead letters go on without this decider."""
        read, _ = read_slips(messages)
        for message in messages:
            names.DEAD_LETTERS.labels(message.name).inc()
        now = self._now()
        faults = [
            Fault(at=now, stage=slip.stage, by=slip.decider, fault="dead-letter", detail=given_up_for(error))
            for slip, _ in read
        ]
        await self._step([(slip, fault) for (slip, _), fault in zip(read, faults, strict=True)])

    async def _hold(self, numbers: set[int]) -> None:
        """Make sure that this process holds these revisions: those under which the decisions began."""
        if missing := self._revisions.missing(numbers):
            await self._insist(lambda: self._load(missing))

    async def _load(self, numbers: set[int]) -> None:
        async with self._pool.acquire() as connection:
            await self._revisions.load(connection, numbers)

    async def _still_wanted(self, read: Sequence[tuple[Slip, Message]]) -> list[Slip]:
        """Keep one slip of each decision, and of those sent or delivered again only what still waits.

        A fresh slip is not looked up: the statement that settles it looks again.
        """
        once = {(slip.decision, slip.stage): (slip, message) for slip, message in reversed(read)}
        again = [slip.decision for slip, message in once.values() if slip.resent or message.redelivered]
        if not again:
            return [slip for slip, _ in once.values()]
        async with self._pool.acquire() as connection:
            stages = await work.stages(connection, again)
        return [
            slip
            for slip, message in once.values()
            if not (slip.resent or message.redelivered) or stages.get(slip.decision) == slip.stage
        ]

    async def _ask(self, asked: Sequence[Slip]) -> list[Opinion | Fault]:
        with tracing.within("ask", decider=self._decider, questions=len(asked)):
            plans = [self._plan(slip).mark for slip in asked]
            answers = await put(self._deciders, self._decider, self._kind, asked)
        now = self._now()
        return [
            _event(slip, answer, self._source, plan, now)
            for slip, answer, plan in zip(asked, answers, plans, strict=True)
        ]

    async def _conclude(self, answered: Sequence[tuple[Slip, Opinion | Fault]]) -> None:
        settling: list[tuple[Slip, NewOutcome, Outcome]] = []
        stepping: list[tuple[Slip, Opinion | Fault]] = []
        now, controls, attempt = self._now(), self._controls.now(), self._new_id()
        for result, number in Counter(_result(event) for _, event in answered).items():
            names.OPINIONS.labels(self._decider, result).inc(number)
        for slip, event in answered:
            settled = self._settled(slip, event, controls, now, attempt)
            if settled is None:
                stepping.append((slip, event))
            else:
                settling.append((slip, *settled))
        if settling:
            stepping += await self._settle(settling, {slip.decision: event for slip, event in answered})
        if stepping:
            await self._step(stepping)

    def _settled(
        self, slip: Slip, event: Opinion | Fault, controls: Controls, now: datetime, attempt: UUID
    ) -> tuple[NewOutcome, Outcome] | None:
        """Return the outcome where this answer alone settles; other stages wait for the lock."""
        plan = self._plan(slip)
        if len(plan.stage(slip.stage).deciders) > 1:
            return None
        history = History(slip.case, (*slip.events, event))
        step = advance(plan, history, controls, now)
        if not isinstance(step, Settle) or step.outcome.kind != "final":
            return None
        events = history.events + step.record
        return new_outcome(slip.decision, slip.stage, step.outcome, events, attempt=attempt), step.outcome

    async def _settle(
        self, settling: Sequence[tuple[Slip, NewOutcome, Outcome]], events: Mapping[UUID, Opinion | Fault]
    ) -> list[tuple[Slip, Opinion | Fault]]:
        """Settle in one statement; return what was refused and must be stepped on."""
        rows = [row for _, row, _ in settling]
        with tracing.within("settle", decisions=len(rows)):
            verdicts = await self._insist(lambda: self._write(rows))
        won = [
            (slip, Finished(slip.decision, slip.type, slip.location, outcome, asked_at(slip), settled_at))
            for slip, row, outcome in settling
            if (settled_at := verdicts.won.get(row.decision_id)) is not None
        ]
        count([finished for _, finished in won])
        told = [(slip.decision, slip.reply) for slip, _ in won]
        await notifying.tell(self._streams, told)
        return [(slip, events[slip.decision]) for slip, _, _ in settling if slip.decision in verdicts.refused]

    async def _write(self, rows: Sequence[NewOutcome]) -> Verdicts:
        """Settle; after a lost COMMIT the attempt id tells what was ours."""
        async with self._pool.acquire() as connection:
            started = asyncio.get_running_loop().time()
            verdicts = await outcomes.settle(connection, rows)
            names.SETTLE_SECONDS.observe(asyncio.get_running_loop().time() - started)
            names.SETTLE_REFUSED.inc(len(verdicts.refused))
            missing = [
                (row.decision_id, row.attempt_id)
                for row in rows
                if row.decision_id not in verdicts.won and row.decision_id not in verdicts.refused
            ]
            if not missing:
                return verdicts
            return Verdicts(verdicts.won | await outcomes.settled_by(connection, missing), verdicts.refused)

    async def _step(self, stepping: Sequence[tuple[Slip, Opinion | Fault]]) -> None:
        inputs: dict[UUID, list[HistoryEvent]] = {}
        for slip, event in stepping:
            inputs.setdefault(slip.decision, []).append(event)
        with tracing.within("step", decisions=len(inputs)):
            effects = await self._insist(lambda: self._step_once(inputs))
        await self._sender.perform(effects)

    async def _step_once(self, inputs: Mapping[UUID, Sequence[HistoryEvent]]) -> Effects:
        async with self._pool.acquire() as connection, connection.transaction():
            return await self._stepper.step(connection, inputs)

    def _plan(self, slip: Slip) -> Plan:
        return self._revisions.plan(slip.revision, slip.location, slip.type, slip.plan)

    async def _insist(self, act: Callable[[], Awaitable[_T]]) -> _T:
        return await insist(act, decider=self._decider, rng=self._rng)


async def insist(act: Callable[[], Awaitable[_T]], *, decider: str, rng: random.Random) -> _T:
    """Try until the database answers: opinions in hand are paid for. Raises Stall when patience ends."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    failures = 0
    while True:
        try:
            return await act()
        except UNAVAILABLE as error:
            failures += 1
            if asyncio.get_running_loop().time() > deadline:
                raise Stall(f"the database does not answer: {error!r}") from error
            log.warning("asking.stalled", decider=decider, error=repr(error))
            await asyncio.sleep(min(1.0, 0.05 * 2**failures) * rng.uniform(0.5, 1))


async def put(deciders: Deciders, decider: str, kind: str, asked: Sequence[Slip]) -> Sequence[Answered | Failed]:
    """Put a batch to its decider. Count how long that took, and answers whose price the server did not tell."""
    started = asyncio.get_running_loop().time()
    answers = await deciders.ask(decider, [question_of(slip) for slip in asked])
    names.ASK_SECONDS.labels(kind).observe(asyncio.get_running_loop().time() - started)
    if unpriced := sum(not answer.is_cost_known for answer in answers):
        names.UNPRICED.labels(decider).inc(unpriced)
    for slip, answer in zip(asked, answers, strict=True):
        if isinstance(answer, Failed):  # all that was said, for who looks for a fault; no decision keeps it
            told = {"decision": slip.decision, "fault": answer.fault, "detail": answer.detail}
            log.debug("question.unanswered", decider=decider, **told)
    return answers


def asked_at(slip: Slip) -> datetime:
    """Return when the decision was asked, as its history has it."""
    return slip.events[0].at


def given_up_for(error: Exception) -> str:
    """Return why a message was given up, as its decision records it: without the words of a database error."""
    return str(error) if isinstance(error, Expired | Poison | TimedOut) else type(error).__name__


def question_of(slip: Slip) -> Question:
    """Return what a decider is shown."""
    space = slip.case.space
    return Question(
        id=str(slip.decision),
        type=slip.type,
        location=slip.location,
        evidence=msgspec.json.decode(slip.evidence),
        candidates=space.labels if isinstance(space, Labels) else (),
        space=space,
        attributes=slip.case.attributes,
        stake=slip.case.stake,
        subject=msgspec.json.decode(slip.subject),
    )


def _event(slip: Slip, answer: Answered | Failed, source: Source, plan: str, now: datetime) -> Opinion | Fault:
    if isinstance(answer, Failed):
        return Fault(
            at=now,
            stage=slip.stage,
            by=slip.decider,
            fault=answer.fault,
            detail=answer.recorded[:500],
            seconds=answer.seconds,
            cost_micros=answer.cost_micros,
            currency=answer.currency,
            plan=plan,
        )
    return Opinion(
        at=now,
        stage=slip.stage,
        by=slip.decider,
        source=source,
        answer=answer.answer,
        confidence=answer.confidence,
        distribution=answer.distribution,
        seconds=answer.seconds,
        cost_micros=answer.cost_micros,
        currency=answer.currency,
        plan=plan,
    )


def _result(event: Opinion | Fault) -> str:
    if isinstance(event, Fault):
        return event.fault
    return "abstained" if event.answer is None else "answered"


def read_slips(messages: Sequence[Message]) -> tuple[list[tuple[Slip, Message]], dict[str, Exception]]:
    """Return the slips, and by message id why others are none."""
    read: list[tuple[Slip, Message]] = []
    malformed: dict[str, Exception] = {}
    for message in messages:
        try:
            read.append((slips.read(message.body), message))
        except msgspec.MsgspecError as error:
            malformed[message.id] = error
    return read, malformed
