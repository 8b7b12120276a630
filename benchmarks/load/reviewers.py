"""People who answer over HTTP, as fast as tasks come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from adjudge.client import AsyncAdjudge
from load.starting import Project

POOL: Final = "shelf"
ANSWER: Final = "orange"
WAIT_SECONDS: Final = 5


@asynccontextmanager
async def at_work(project: Project, people: int) -> AsyncIterator[None]:
    """Let so many people work as long as the context lasts."""
    async with AsyncAdjudge(url=project.url, key=project.key) as admin:
        added = [await admin.reviewers.add(f"person-{n}", [POOL]) for n in range(people)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_answer(project.url, str(each.key))) for each in added]
        yield
        for task in tasks:
            task.cancel()


async def _answer(url: str, key: str) -> None:
    async with AsyncAdjudge(url=url, key=key) as person:
        while True:
            claimed = await person.reviews.claim(wait=WAIT_SECONDS)
            for task in claimed.tasks:
                await person.reviews.answer(task, ANSWER, seconds=1.0)
