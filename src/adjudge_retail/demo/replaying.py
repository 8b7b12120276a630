"""The replay: cases are asked at their times, reviewers work, outcomes and automation are followed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from adjudge.client import AsyncAdjudge, Problem
from adjudge_retail.demo.configuration import EDGE
from adjudge_retail.demo.earning import Earning, Key, Turn
from adjudge_retail.demo.ledger import Ledger
from adjudge_retail.demo.plans import POOL
from adjudge_retail.demo.release import Release
from adjudge_retail.demo.reviewers import Reviewer
from adjudge_retail.demo.script import MOST_OPEN, Scene, Script

POSTS_AT_ONCE: Final = 32
LOOK_SECONDS: Final = 0.5
GRACE_SECONDS: Final = 30.0
"""After the last deadline; what is open then is counted as lost."""
AUDITS_SECONDS: Final = 30.0
"""After the last outcome: audits that are still open then stay so."""
KEEPERS_SECONDS: Final = 2.0
"""Keepers look at what was audited last."""
MARGIN: Final = timedelta(seconds=2)
HELD_SECONDS: Final = 0.05

Picture = Callable[[Scene], str]


@dataclass(slots=True, kw_only=True)
class Replay:
    """One run of a script against a running system."""

    script: Script
    client: AsyncAdjudge
    operator: AsyncAdjudge
    """Who may look at the automation, and at the queues."""
    ledger: Ledger
    reviewers: Sequence[Reviewer]
    picture: Picture
    tell: Callable[[Turn | Release], None]
    earning: Earning = field(default_factory=Earning)
    release: Release = field(default_factory=Release)
    held_seconds: float = 0.0
    """So long the stream waited, because people had enough to do."""
    _audits_waiting: int = 0
    _started: float = 0.0

    async def run(self) -> None:
        """Play it to its end, or until the last deadline is well over."""
        self._started = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            working = [group.create_task(one.work(), name=one.name) for one in self.reviewers]
            following = group.create_task(self._follow(), name="follow outcomes")
            looking = group.create_task(self._look(), name="look at the automation")
            await self._ask_all()
            await self._await_outcomes()
            await self._await_audits()
            await asyncio.sleep(KEEPERS_SECONDS)
            for task in (following, looking, *working):
                task.cancel()
        await self._look_once()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return asyncio.get_running_loop().time() - self._started

    async def _await_outcomes(self) -> None:
        try:
            async with asyncio.timeout(self.script.setting.deadline + GRACE_SECONDS):
                await self.ledger.complete.wait()
        except TimeoutError:
            return  # the count in the database tells what is missing

    async def _await_audits(self) -> None:
        """Let auditors finish: what they know decides about certificates still."""
        try:
            async with asyncio.timeout(AUDITS_SECONDS):
                while await self.operator.automation.audits(limit=1):  # noqa: ASYNC110  it happens elsewhere
                    await asyncio.sleep(LOOK_SECONDS)
        except (TimeoutError, Problem):
            return

    async def _ask_all(self) -> None:
        """Ask each case at its time, whatever became of those before it; all wait while people have enough to do."""
        loop = asyncio.get_running_loop()
        free = asyncio.Semaphore(POSTS_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for number, scene in enumerate(self.script.scenes):
                await self._wait_for_people(loop.time)
                due = self._started + self.held_seconds + scene.seconds
                await asyncio.sleep(max(0.0, due - loop.time()))
                await free.acquire()
                if self.release.consider(number, self.seconds, self.ledger, self.earning):
                    self.tell(self.release)
                edge = self.release.edge_of(scene.case.store.group)
                group.create_task(self._ask(scene, due, edge)).add_done_callback(lambda _: free.release())

    async def _wait_for_people(self, now: Callable[[], float]) -> None:
        if max(self.ledger.open, self._audits_waiting) <= MOST_OPEN:
            return
        began = now()
        while max(self.ledger.open, self._audits_waiting) > MOST_OPEN:  # noqa: ASYNC110  two things are looked at
            await asyncio.sleep(HELD_SECONDS)
        self.held_seconds += now() - began

    async def _ask(self, scene: Scene, due: float, edge: str) -> None:
        case, late = scene.case, asyncio.get_running_loop().time() - due
        self.ledger.ask(case)
        try:
            decision = await self.client.decisions.create(
                case.source.type,
                evidence=case.evidence(datetime.now(UTC), self.picture(scene), edge),
                location=case.store.name,
                subject={"run": self.script.run, "event": case.event},
                candidates=case.candidates or None,
                stake=case.stake,
                idempotency_key=f"{self.script.run}/{case.event}",
            )
        except Problem as problem:
            self.ledger.refuse(case, str(problem))
        else:
            asked = due - self._started
            self.ledger.accept(case, decision, late, asked_seconds=asked, is_mixed_up=edge != EDGE)

    async def _follow(self) -> None:
        """Read the feed of outcomes: none is missed, in whatever order they were committed."""
        cursor, began = None, datetime.now(UTC) - MARGIN
        while True:
            feed = self.client.outcomes.follow(after=cursor, since=None if cursor else began)
            try:
                async for event in feed:
                    if (event.decision.subject or {}).get("run") == self.script.run:
                        self.ledger.hear(event.decision)
            except Problem:
                await asyncio.sleep(LOOK_SECONDS)  # and goes on where it was
            cursor = feed.cursor

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look_once()

    async def _look_once(self) -> None:
        """Ask how far each slice is automated, and how much waits for auditors."""
        try:
            found = await self.operator.automation.list()
            queues = await self.operator.reviews.queues()
        except Problem:  # the next look sees it
            return
        types = {source.type for source in self.script.setting.sources}
        own = [one for one in found if one.type in types]
        self._audits_waiting = sum(queue.waiting for queue in queues if queue.pool != POOL)
        for turn in self.earning.hear(own, self.seconds, self._audits):
            self.tell(turn)

    def _audits(self, key: Key) -> int:
        """Return how many decisions of a slice auditors have answered."""
        cases = self.ledger.cases
        return sum((cases[event].source.type, cases[event].store.group) == key for event in self.ledger.audit_votes)
