"""The live audit sample: people who are blind to the models answer the decisions that the coin drew.

A keeper's duty. Several keepers may do it at once; each takes audits that no other holds. A vote or a decline only
marks its audit as due for a look, so nothing here delays a caller or a reviewer.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, assert_never
from uuid import UUID

import structlog

from adjudge.core.audits import (
    AuditSpec,
    Close,
    Heard,
    Lose,
    ModelSaid,
    SeatExpert,
    SeatPeople,
    Standing,
    Stay,
    next_step,
)
from adjudge.core.history import History
from adjudge.core.plans import Plan
from adjudge.engine import slips
from adjudge.engine.clocks import Clock
from adjudge.engine.coins import Coin
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.deciding.stepping import drawn
from adjudge.engine.identifiers import NewId
from adjudge.engine.slips import Slip
from adjudge.store.automation import audits
from adjudge.store.automation.audits import ClosedAudit, LateTruth, NextLook, OpenAudit, Seats, written
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.store.review import tasks
from adjudge.streams import Streams, Unavailable
from adjudge.telemetry import names

log = structlog.get_logger()

EVERY_SECONDS: Final = 0.25
PAGE: Final = 200
LOOK_AGAIN: Final = timedelta(minutes=5)
"""How often an audit that waits for people is looked at: whoever holds its seat may have gone without a word."""
MODELS_PATIENCE: Final = timedelta(seconds=90)
"""How long a truth that is known waits for what models are still to say."""
MODELS_PAUSE: Final = timedelta(seconds=1)
USUAL_TIME: Final = timedelta(hours=1)
"""What a reviewer is shown as the time of an audit whose pool decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """An open audit, with all that a look at it reads."""

    audit: OpenAudit
    spec: AuditSpec
    seats: Seats
    members: tuple[int, int]
    """Of the pool that is asked: how many there are, and how many of these have not been shown it."""
    heard: Heard
    late: LateTruth | None

    @property
    def standing(self) -> Standing:
        audit, seats = self.audit, self.seats
        return Standing(
            opened_at=audit.asked_at,
            has_evidence=audit.has_evidence,
            expert_asked=audit.round == audits.EXPERT,
            seats=seats.made,
            leased=seats.leased,
            votes=seats.votes,
            expert=seats.expert,
            members=self.members[0],
            left=self.members[1],
            late=self.late.answer if self.late is not None else None,
        )


@dataclass(slots=True)
class _Writes:
    """What a page of audits writes."""

    waiting: list[NextLook] = field(default_factory=list)
    seats: list[tasks.NewTask] = field(default_factory=list)
    to_expert: list[UUID] = field(default_factory=list)
    closing: list[ClosedAudit] = field(default_factory=list)
    asking: list[tuple[OpenAudit, tuple[str, ...]]] = field(default_factory=list)


class Auditor:
    """Steps open audits on."""

    def __init__(
        self, pool: Pool, streams: Streams, revisions: Revisions, *, coin: Coin, now: Clock, new_id: NewId
    ) -> None:
        self._pool = pool
        self._streams = streams
        self._revisions = revisions
        self._coin = coin
        self._now = now
        self._new_id = new_id

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            handled = 0
            try:
                handled = await self.tick()
                names.DUTY_AT.labels("audits").set(self._now().timestamp())
            except (*UNAVAILABLE, Unavailable) as error:
                log.warning("audits.stalled", error=repr(error))
            if handled < PAGE:
                await asyncio.sleep(EVERY_SECONDS)

    async def tick(self) -> int:
        """Step a page of audits on; return how many it had. Raises what connection and broker raise."""
        writes = _Writes()
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                found = await audits.ready(connection, PAGE)
                missing = self._revisions.missing({audit.revision for audit in found})
                if found and not missing:
                    await self._step(connection, found, writes)
                    asked = await audits.to_ask(connection, [audit.id for audit, _ in writes.asking])
            if missing:  # compiled by itself, which takes long: the feed waits for a transaction that has locked rows
                await self._revisions.load(connection, missing)
                return len(found)
        if not found:
            return 0
        self._count(writes.closing)
        aside = [
            slips.aside(self._slip(audit, decider, asked[audit.id]))
            for audit, deciders in writes.asking
            if audit.id in asked
            for decider in deciders
        ]
        if aside:
            await self._streams.publish(aside)
        return len(found)

    async def _step(self, connection: Connection, found: Sequence[OpenAudit], writes: _Writes) -> None:
        specs = {audit.id: self._spec(audit) for audit in found}
        seats = await audits.seats(connection, found)
        asked = {
            audit.id: pool
            for audit in found
            if (spec := specs[audit.id]) and (pool := spec.expert if audit.round == audits.EXPERT else spec.pool)
        }
        members = await audits.members(connection, asked)
        ids = [audit.id for audit in found]
        heard, late = await audits.heard(connection, ids), await audits.late(connection, ids)
        for audit in found:
            spec = specs[audit.id]
            if spec is None:  # nobody is configured any more to answer: it waits for a configuration that has somebody
                writes.waiting.append(NextLook(audit.id, audit.round, self._now() + LOOK_AGAIN))
                continue
            looked = _Looked(
                audit=audit,
                spec=spec,
                seats=seats[audit.id],
                members=members.get(audit.id, (0, 0)),
                heard=heard[audit.id],
                late=late.get(audit.id),
            )
            self._take(looked, writes)
        await audits.close_seats(connection, writes.to_expert, leased=False)
        await tasks.create(connection, writes.seats)
        await audits.wait(connection, writes.waiting)
        await audits.close_seats(connection, [audit.decision_id for audit in writes.closing], leased=True)
        await audits.close(connection, writes.closing)

    def _take(self, looked: _Looked, writes: _Writes) -> None:
        audit, spec, now = looked.audit, looked.spec, self._now()
        expert_too = self._coin.toss(audit.id, "audit-expert") < spec.expert_share
        step = next_step(spec, looked.standing, expert_too=expert_too, now=now)
        missing = self._missing(audit, looked.heard.said)
        first = audit.round == audits.PEOPLE and not looked.seats.made
        if first and missing and not isinstance(step, Lose):
            writes.asking.append((audit, missing))
        match step:
            case SeatPeople(purposes):
                writes.seats += [self._task(audit, str(spec.pool), n, p) for n, p in enumerate(purposes)]
                writes.waiting.append(NextLook(audit.id, audits.PEOPLE, now + LOOK_AGAIN))
            case SeatExpert(why):
                writes.seats.append(self._task(audit, str(spec.expert), 0, "truth", of=audits.EXPERT))
                writes.to_expert.append(audit.id)
                writes.waiting.append(NextLook(audit.id, audits.EXPERT, now + LOOK_AGAIN, why))
            case Stay(until):
                writes.waiting.append(NextLook(audit.id, audit.round, min(until, now + LOOK_AGAIN)))
            case Close() if missing and now < audit.asked_at + MODELS_PATIENCE:
                writes.waiting.append(NextLook(audit.id, audit.round, now + MODELS_PAUSE))
            case Close() | Lose():
                writes.closing.append(self._closed(looked, step, expert_too=expert_too))
            case _:
                assert_never(step)

    def _closed(self, looked: _Looked, step: Close | Lose, *, expert_too: bool) -> ClosedAudit:
        audit, spec, seats, heard = looked.audit, looked.spec, looked.seats, looked.heard
        said_late = looked.late.source if looked.late is not None else ""
        answers = [vote.answer for vote in seats.votes if vote.purpose == "truth"]
        agreed = len(answers) == spec.votes and len(set(answers)) == 1
        coin = {"key": self._coin.key_id, "rate": spec.expert_share, "drawn": expert_too}
        return ClosedAudit(
            decision_id=audit.id,
            number=audit.number,
            type=audit.type,
            location=audit.location,
            slice=audit.case.slice,
            role=audit.role,
            rate=audit.rate,
            policy=audit.policy,
            asked_at=audit.asked_at,
            truth=step.truth if isinstance(step, Close) else None,
            truth_by=step.by if isinstance(step, Close) else "lost",
            unanimous=answers[0] if agreed else None,
            why=step.why if isinstance(step, Lose) else said_late if step.by == "late" else audit.why_expert,
            expert_coin=written(coin),
            votes=written((*seats.votes, *([seats.expert] if seats.expert else []))),
            opinions=written(heard.said),
            facts=written(audit.case),
            prefixes=written(self._plan(audit).prefixes),
            people=spec.people,
            stage_votes=written(heard.voted),
        )

    def _spec(self, audit: OpenAudit) -> AuditSpec | None:
        return self._revisions.configuration(audit.revision).question_type(audit.location, audit.type).audits

    def _plan(self, audit: OpenAudit) -> Plan:
        return self._revisions.plan(audit.revision, audit.location, audit.type, audit.plan_hash)

    def _missing(self, audit: OpenAudit, said: Mapping[str, ModelSaid]) -> tuple[str, ...]:
        """Return who of those that can be asked on the side, of the plan's own and in shadow, has not been heard."""
        plan, aside = self._plan(audit), self._revisions.current.asked_aside
        return tuple(name for name in (*sorted(plan.deciders()), *plan.shadows) if name in aside and name not in said)

    def _task(
        self, audit: OpenAudit, pool: str, seat: int, vote_purpose: str, *, of: int = audits.PEOPLE
    ) -> tasks.NewTask:
        """Return a seat that looks like those of decisions: so nobody knows which this is."""
        task, plan = self._new_id(), self._plan(audit)
        usual = next((stage.timeout for stage in (*plan.stages, *plan.escalations) if stage.pool == pool), USUAL_TIME)
        question = self._revisions.configuration(audit.revision).question_type(audit.location, audit.type)
        now = self._now()
        return tasks.NewTask(
            id=task,
            decision_id=audit.id,
            stage=of,
            seat=seat,
            pool=pool,
            type=audit.type,
            location=audit.location,
            priority=-(now + usual).timestamp(),
            candidates=drawn(question, History(audit.case), task),
            due_at=now + min(usual, audit.case.deadline - audit.asked_at),
            purpose="audit",
            vote_purpose=vote_purpose,
        )

    def _slip(self, audit: OpenAudit, decider: str, asked: audits.ToAsk) -> Slip:
        return Slip(
            decision=audit.id,
            revision=audit.revision,
            type=audit.type,
            location=audit.location,
            stage=slips.NO_STAGE,
            decider=decider,
            version=0,
            case=audit.case,
            events=(),
            evidence=asked.evidence.encode(),
            subject=asked.subject.encode(),
            trace=asked.trace,
            until=self._now() + slips.SHADOW_PATIENCE,
            reply=None,
        )

    @staticmethod
    def _count(closed: Sequence[ClosedAudit]) -> None:
        for (question_type, by), number in Counter((audit.type, audit.truth_by) for audit in closed).items():
            names.AUDITS_CLOSED.labels(question_type, by).inc(number)
        for audit in closed:
            log.info("audit.closed", decision=str(audit.decision_id), by=audit.truth_by, why=audit.why)
