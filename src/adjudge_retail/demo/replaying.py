"""The replay: cases are asked at their times, reviewers work, outcomes are followed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from adjudge.client import AsyncAdjudge, Problem
from adjudge_retail.demo.ledger import Ledger
from adjudge_retail.demo.reviewers import Reviewer
from adjudge_retail.demo.script import Scene, Script

POSTS_AT_ONCE: Final = 32
LOOK_SECONDS: Final = 0.5
GRACE_SECONDS: Final = 30.0
"""After the last deadline; what is open then is counted as lost."""
MARGIN: Final = timedelta(seconds=2)

Picture = Callable[[Scene], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One run of a script against a running system."""

    script: Script
    client: AsyncAdjudge
    ledger: Ledger
    reviewers: Sequence[Reviewer]
    picture: Picture

    async def run(self) -> None:
        """Play it to its end, or until the last deadline is well over."""
        async with asyncio.TaskGroup() as group:
            working = [group.create_task(one.work(), name=one.name) for one in self.reviewers]
            following = group.create_task(self._follow(), name="follow outcomes")
            await self._ask_all()
            await self._await_outcomes()
            for task in (following, *working):
                task.cancel()

    async def _await_outcomes(self) -> None:
        try:
            async with asyncio.timeout(self.script.setting.deadline + GRACE_SECONDS):
                await self.ledger.complete.wait()
        except TimeoutError:
            return  # the count in the database tells what is missing

    async def _ask_all(self) -> None:
        """Ask each case at its time, whatever became of those before it."""
        loop = asyncio.get_running_loop()
        started, free = loop.time(), asyncio.Semaphore(POSTS_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for scene in self.script.scenes:
                due = started + scene.seconds
                await asyncio.sleep(max(0.0, due - loop.time()))
                await free.acquire()
                group.create_task(self._ask(scene, due)).add_done_callback(lambda _: free.release())

    async def _ask(self, scene: Scene, due: float) -> None:
        case, late = scene.case, asyncio.get_running_loop().time() - due
        self.ledger.ask(case)
        try:
            decision = await self.client.decisions.create(
                case.source.type,
                evidence=case.evidence(datetime.now(UTC), self.picture(scene)),
                location=case.store.name,
                subject={"run": self.script.run, "event": case.event},
                candidates=case.candidates or None,
                stake=case.stake,
                idempotency_key=f"{self.script.run}/{case.event}",
            )
        except Problem as problem:
            self.ledger.refuse(case, str(problem))
        else:
            self.ledger.accept(case, decision, late)

    async def _follow(self) -> None:
        """Read what became of the decisions since the oldest that is open."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            since = self.ledger.oldest_open
            if since is None:
                continue
            try:
                async for decision in self.client.decisions.list(since=since - MARGIN):
                    self.ledger.hear(decision)
            except Problem:  # the next look sees it
                continue
