"""The demo's reviewers: each claims a task with a key of their own, works on it, and answers."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from adjudge.client import AsyncAdjudge, Conflict, Problem, Task
from adjudge_retail.demo.configuration import EXPERTS
from adjudge_retail.demo.crowd import Crowd
from adjudge_retail.demo.ledger import Ledger

NAMES: Final = (
    "anna", "ben", "carla", "dmitri", "emma", "farid", "greta", "hugo", "ines", "jonas", "kira", "luis",
    "mara", "noah", "olga", "pavel", "quinn", "rosa", "sven", "tara", "uma", "vera", "will", "yara",
)  # fmt: skip
CLAIM_WAIT_SECONDS: Final = 5
AT_ONCE: Final = 2
"""Tasks that a person takes: the next is at hand when one is done."""
PAUSE_SECONDS: Final = 1.0
"""After a refusal."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """One person at work."""

    name: str
    client: AsyncAdjudge
    pool: str
    crowd: Crowd
    ledger: Ledger
    speed: float
    audits: bool = False
    """Of a pool that answers audits alone."""
    sleep: Sleep = asyncio.sleep

    async def work(self) -> None:
        """Answer one task after the other, until cancelled."""
        while True:
            try:
                claim = await self.client.reviews.claim(AT_ONCE, wait=CLAIM_WAIT_SECONDS, pools=[self.pool])
                for task in claim.tasks:
                    with suppress(Conflict):  # the lease ended or the decision was settled meanwhile
                        await self._answer(task)
            except Problem:  # the client has been patient already
                await self.sleep(PAUSE_SECONDS)

    async def _answer(self, task: Task) -> None:
        case = self.ledger.cases.get(task.evidence.get("event", {}).get("id", ""))
        if case is None:
            await self.client.reviews.decline(task, "other", "no question of this demo")
            return
        given = self.crowd.answer(case, task.id, self.name, is_expert=self.pool == EXPERTS)
        seconds = given.seconds / self.speed
        await self.sleep(seconds)
        self.ledger.vote(case.event, audits=self.audits)
        await self.client.reviews.answer(task, given.answer, seconds=round(seconds, 3))
