"""Learns what votes are worth while people vote, and publishes numbered snapshots. One keeper at a time.

Only question types with a stage of people that has `prices` are learnt about. It needs numpy, so only keepers import
it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from adjudge.automation import learning
from adjudge.automation.learning import Asking, Voted
from adjudge.config import Configuration
from adjudge.core.answers import Boolean, Labels
from adjudge.core.audits import ModelSaid
from adjudge.engine.clocks import Clock
from adjudge.engine.configuration.revisions import InForce, Revisions
from adjudge.engine.giving_way import giving_way
from adjudge.store import duties
from adjudge.store.automation import learning as store
from adjudge.store.automation.learning import AuditedVotes
from adjudge.store.connecting import UNAVAILABLE, Pool
from adjudge.telemetry import names

log = structlog.get_logger()

DUTY: Final = "learning"
EVERY_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 60.0
IDLE: Final = 10
"""Learning takes at most one part of so many of a keeper's time."""
LEASE: Final = timedelta(seconds=60)
MOST_AUDITS: Final = 5_000
MOST_VOTES: Final = 10_000
"""Of each pool, bought before there was a snapshot: what is older is learnt from no more."""


@dataclass(slots=True)
class Subject:
    """A question type that is learnt about."""

    pools: set[str] = field(default_factory=set)
    stages: dict[str, Asking] = field(default_factory=dict)
    """By `Plan.learnt_as`."""


class Learner:
    """A keeper's duty."""

    def __init__(self, pool: Pool, revisions: Revisions, *, owner: str, now: Clock) -> None:
        self._pool = pool
        self._revisions = revisions
        self._owner = owner
        self._now = now
        self._in_force: InForce | None = None
        self._subjects: dict[str, Subject] = {}
        self._seen: dict[str, tuple[datetime | None, ...]] = {}

    async def run(self) -> None:
        """Learn until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                if await self.tick():
                    names.DUTY_AT.labels(DUTY).set(self._now().timestamp())
            except UNAVAILABLE as error:
                log.warning("votes.stalled", error=repr(error))
            except Exception as error:  # a type that cannot be learnt about must not end the keeper
                log.error("votes.failed", exc_info=error)
            await asyncio.sleep(min(max(EVERY_SECONDS, IDLE * (loop.time() - began)), LONGEST_SECONDS))

    async def tick(self) -> bool:
        """Learn where there is other evidence than before; return whether the duty is this keeper's."""
        async with self._pool.acquire() as connection:
            if not await duties.hold(connection, DUTY, self._owner, LEASE):
                return False
        if self._in_force is not self._revisions.in_force:
            self._in_force = self._revisions.in_force
            self._subjects, self._seen = subjects(self._in_force.all()), {}
        for question_type, subject in self._subjects.items():
            await self._learn(question_type, subject)
        return True

    async def _learn(self, question_type: str, subject: Subject) -> None:
        async with self._pool.acquire() as connection:
            last = await store.last(connection, question_type, sorted(subject.pools))
            if self._seen.get(question_type) == last:
                return
            audits = await store.calibrate_audits(connection, question_type, MOST_AUDITS)
            votes = await store.blind_votes(connection, question_type, sorted(subject.pools), MOST_VOTES)
        items = [*(Voted(votes=given.votes, truth=given.truth) for given in votes), *map(voted, audits)]
        fresh = await giving_way(learning.learnt, items, subject.stages)
        if fresh is not None:
            async with self._pool.acquire() as connection, connection.transaction():
                if not await duties.hold(connection, DUTY, self._owner, LEASE):
                    return  # another's by now, who has looked since
                if learning.is_news(await store.newest(connection, question_type), fresh):
                    number = await store.publish(connection, question_type, fresh)
                    names.SNAPSHOTS.labels(question_type).inc()
                    log.info("votes.learnt", type=question_type, snapshot=number, votes=fresh.votes)
        self._seen[question_type] = last


def subjects(configurations: Sequence[Configuration]) -> dict[str, Subject]:
    """Return the question types of which some plan buys votes by their price."""
    found: dict[str, Subject] = {}
    plans = {(kind, plan.hash): plan for each in configurations for _, kind, plan in each.every_plan()}
    for (question_type, _), plan in plans.items():
        for index in range(len(plan.stages) + len(plan.escalations)):
            stage = plan.stage(index)
            if stage.pool is None or stage.votes.prices is None:
                continue
            subject = found.setdefault(question_type, Subject())
            subject.pools.add(stage.pool)
            subject.stages[plan.learnt_as(index)] = Asking(
                deciders=plan.models_before(index), prices=stage.votes.prices, votes=stage.votes.maximum
            )
    return found


def voted(audit: AuditedVotes) -> Voted:
    """Return an audit as it is learnt from. A consensus is no truth about people, who are the consensus."""
    return Voted(
        votes=tuple((vote.reviewer, vote.answer) for vote in audit.votes),
        labels=_labels(audit),
        truth=audit.truth,
        is_sure=audit.truth_by != "consensus",
        said={name: _distribution(said) for name, said in audit.said.items() if said.answer is not None},
    )


def _labels(audit: AuditedVotes) -> tuple[str, ...]:
    match audit.case.space:
        case Labels(labels):
            return labels
        case Boolean():
            return ("true", "false")
        case _:
            return ()


def _distribution(said: ModelSaid) -> dict[str, float]:
    return said.distribution or {str(said.answer): said.confidence}
