"""What comes of a batch of answers: settlements in one statement, everything else stepped on under its lock.

Where a stage has one decider and its answer settles the decision, this is the only time that asking touches the
database.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from adjudge.core.advance import Settle, advance
from adjudge.core.controls import Controls
from adjudge.core.events import Fault, HistoryEvent, Opinion
from adjudge.core.history import History
from adjudge.core.outcomes import Outcome
from adjudge.engine.clocks import Clock
from adjudge.engine.configuration.controls_in_force import ControlsInForce
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.deciding import notifying
from adjudge.engine.deciding.sending import Sender, count
from adjudge.engine.deciding.settling import new_outcome
from adjudge.engine.deciding.stepping import Effects, Finished, Stepper
from adjudge.engine.identifiers import NewId
from adjudge.engine.insisting import insist
from adjudge.engine.slips import Slip
from adjudge.store import outcomes
from adjudge.store.connecting import Pool
from adjudge.store.outcomes import NewOutcome, Verdicts
from adjudge.streams import Streams
from adjudge.telemetry import names, tracing


class Recorder:
    """Writes down what deciders have answered, and what follows; one for all deciders of a worker."""

    def __init__(
        self,
        pool: Pool,
        revisions: Revisions,
        stepper: Stepper,
        sender: Sender,
        streams: Streams,
        *,
        controls: ControlsInForce,
        now: Clock,
        new_id: NewId,
        rng: random.Random,
    ) -> None:
        self._pool = pool
        self._revisions = revisions
        self._stepper = stepper
        self._sender = sender
        self._streams = streams
        self._controls = controls
        self._now = now
        self._new_id = new_id
        self._rng = rng

    async def record(self, decider: str, answered: Sequence[tuple[Slip, Opinion | Fault]]) -> None:
        """Settle what these answers settle, step the rest on; all durable on return. Raises Stall."""
        settling: list[tuple[Slip, NewOutcome, Outcome]] = []
        stepping: list[tuple[Slip, Opinion | Fault]] = []
        now, controls, attempt = self._now(), self._controls.now(), self._new_id()
        for result, number in Counter(_result(event) for _, event in answered).items():
            names.OPINIONS.labels(decider, result).inc(number)
        for slip, event in answered:
            settled = self._settled(slip, event, controls, now, attempt)
            if settled is None:
                stepping.append((slip, event))
            else:
                settling.append((slip, *settled))
        if settling:
            stepping += await self._settle(decider, settling, {slip.decision: event for slip, event in answered})
        if stepping:
            await self.step(decider, stepping)

    def _settled(
        self, slip: Slip, event: Opinion | Fault, controls: Controls, now: datetime, attempt: UUID
    ) -> tuple[NewOutcome, Outcome] | None:
        """Return the outcome where this answer alone settles; other stages wait for the lock."""
        plan = self._revisions.plan(slip.revision, slip.location, slip.type, slip.plan)
        if len(plan.stage(slip.stage).deciders) > 1:
            return None
        history = History(slip.case, (*slip.events, event))
        step = advance(plan, history, controls, now)
        if not isinstance(step, Settle) or step.outcome.kind != "final":
            return None
        events = history.events + step.record
        return new_outcome(slip.decision, slip.stage, step.outcome, events, attempt=attempt), step.outcome

    async def _settle(
        self,
        decider: str,
        settling: Sequence[tuple[Slip, NewOutcome, Outcome]],
        events: Mapping[UUID, Opinion | Fault],
    ) -> list[tuple[Slip, Opinion | Fault]]:
        """Settle in one statement; return what was refused and must be stepped on."""
        rows = [row for _, row, _ in settling]
        with tracing.within("settle", decisions=len(rows)):
            verdicts = await insist(lambda: self._write(rows), decider=decider, rng=self._rng)
        won = [
            (slip, Finished(slip.decision, slip.type, slip.location, outcome, asked_at(slip), settled_at, slip.trace))
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

    async def step(self, decider: str, stepping: Sequence[tuple[Slip, Opinion | Fault]]) -> None:
        """Step these decisions on under their locks, and do what follows. Raises Stall."""
        inputs: dict[UUID, list[HistoryEvent]] = {}
        for slip, event in stepping:
            inputs.setdefault(slip.decision, []).append(event)
        with tracing.within("step", decisions=len(inputs)):
            effects = await insist(lambda: self._step_once(inputs), decider=decider, rng=self._rng)
        await self._sender.perform(effects)

    async def _step_once(self, inputs: Mapping[UUID, Sequence[HistoryEvent]]) -> Effects:
        async with self._pool.acquire() as connection, connection.transaction():
            return await self._stepper.step(connection, inputs)


def asked_at(slip: Slip) -> datetime:
    """Return when the decision was asked, as its history has it."""
    return slip.events[0].at


def _result(event: Opinion | Fault) -> str:
    if isinstance(event, Fault):
        return event.fault
    return "abstained" if event.answer is None else "answered"
