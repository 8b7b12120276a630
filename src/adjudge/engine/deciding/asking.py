"""Asking a model: a batch of slips comes in, opinions come out, and `recording` writes down what follows."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
import structlog

from adjudge.core.answers import Labels
from adjudge.core.events import Fault, Opinion, Source
from adjudge.core.plans import Plan
from adjudge.deciders import Answered, Deciders, Failed, Question
from adjudge.engine import slips
from adjudge.engine.clocks import Clock
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.deciding.recording import Recorder
from adjudge.engine.insisting import insist
from adjudge.engine.slips import STREAM_PREFIX, Slip
from adjudge.store import work
from adjudge.store.connecting import Pool
from adjudge.streams import Expired, Message, Poison, TimedOut
from adjudge.telemetry import names, tracing

log = structlog.get_logger()
_T = TypeVar("_T")


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
        recorder: Recorder,
        now: Clock,
        rng: random.Random,
    ) -> None:
        self._decider = decider
        self._span = f"process {STREAM_PREFIX}{decider}"
        self._kind = kind
        self._source = deciders.source(decider)
        self._deciders = deciders
        self._pool = pool
        self._revisions = revisions
        self._recorder = recorder
        self._now = now
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
            await self._recorder.record(self._decider, list(zip(current, events, strict=True)))

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
        gone_on = [(slip, fault) for (slip, _), fault in zip(read, faults, strict=True)]
        await self._recorder.step(self._decider, gone_on)

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

    def _plan(self, slip: Slip) -> Plan:
        return self._revisions.plan(slip.revision, slip.location, slip.type, slip.plan)

    async def _insist(self, act: Callable[[], Awaitable[_T]]) -> _T:
        return await insist(act, decider=self._decider, rng=self._rng)


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
            log.debug("question.unanswered", decider=decider, trace=slip.trace, **told)
    return answers


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
