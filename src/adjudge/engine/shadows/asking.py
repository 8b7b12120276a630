"""Asks a decider in shadow. Its answer is recorded beside the decision, and used nowhere else."""

import random
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from adjudge.deciders import Answered, Deciders, Failed
from adjudge.engine.clocks import Clock
from adjudge.engine.deciding.asking import put, read_slips
from adjudge.engine.insisting import insist
from adjudge.engine.slips import Slip
from adjudge.store import shadows
from adjudge.store.connecting import Pool
from adjudge.store.shadows import ShadowOpinion, minute_of
from adjudge.streams import Message
from adjudge.telemetry import names

_encode: Final = msgspec.json.Encoder().encode


class ShadowAsking:
    """The handler of the stream of one decider in shadow."""

    def __init__(
        self, decider: str, *, kind: str, deciders: Deciders, pool: Pool, now: Clock, rng: random.Random
    ) -> None:
        self._decider = decider
        self._kind = kind
        self._deciders = deciders
        self._pool = pool
        self._now = now
        self._rng = rng

    async def __call__(self, messages: Sequence[Message]) -> Mapping[str, Exception] | None:
        """Ask for all that is still fresh, write it down; durable on return."""
        read, malformed = read_slips(messages)
        now = self._now()
        asked = list({slip.decision: slip for slip, _ in read if slip.until > now}.values())
        if late := [slip for slip, _ in read if slip.until <= now]:
            await insist(lambda: self._drop(late), decider=self._decider, rng=self._rng)
        if asked:
            opinions = await self._ask(asked)
            await insist(lambda: self._record(opinions), decider=self._decider, rng=self._rng)
        return malformed or None

    async def _ask(self, asked: Sequence[Slip]) -> list[ShadowOpinion]:
        answers = await put(self._deciders, self._decider, self._kind, asked)
        return [_opinion(slip, answer) for slip, answer in zip(asked, answers, strict=True)]

    async def _record(self, opinions: Sequence[ShadowOpinion]) -> None:
        async with self._pool.acquire() as connection:
            await shadows.record(connection, self._decider, opinions)
        for opinion in opinions:
            names.SHADOW_OPINIONS.labels(self._decider, _result(opinion)).inc()

    async def _drop(self, late: Sequence[Slip]) -> None:
        """What has waited so long that it stands in fresher questions' way is not asked."""
        dropped: dict[shadows.Bucket, int] = {}
        for slip in late:
            bucket = self._decider, minute_of(slip.decision)
            dropped[bucket] = dropped.get(bucket, 0) + 1
        async with self._pool.acquire() as connection:
            await shadows.expect(connection, {}, dropped)
        names.SHADOW_DROPPED.labels(self._decider, "late").inc(len(late))


def _opinion(slip: Slip, answer: Answered | Failed) -> ShadowOpinion:
    shared = (answer.seconds, answer.cost_micros, answer.currency)
    if isinstance(answer, Failed):
        return ShadowOpinion(slip.decision, None, None, None, answer.fault, answer.recorded[:500], *shared)
    distribution = None if answer.distribution is None else _encode(answer.distribution).decode()
    return ShadowOpinion(slip.decision, answer.answer, answer.confidence, distribution, None, "", *shared)


def _result(opinion: ShadowOpinion) -> str:
    if opinion.fault is not None:
        return opinion.fault
    return "abstained" if opinion.answer is None else "answered"
