"""Rows to be flushed, and a database that answers when the test says so."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from adjudge.engine.intake.flushing import Flusher
from adjudge.engine.intake.group_commit import GroupCommit
from adjudge.store.intake import Beginning, NewDecision, Terms

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
T = TypeVar("T", Flusher, GroupCommit)


class Database:
    """Stands for PostgreSQL: each statement is answered once it is let go."""

    def __init__(self) -> None:
        self.statements: list[tuple[int, asyncio.Event]] = []
        self.came = asyncio.Event()

    async def connect(self) -> "Database":
        return self

    async def fetch(self, _: str, ids: list[UUID], *__: object) -> list[tuple[UUID, datetime]]:
        let_go = asyncio.Event()
        self.statements.append((len(ids), let_go))
        self.came.set()
        await let_go.wait()
        return [(each, NOON) for each in ids]

    def terminate(self) -> None:
        pass

    async def statement(self, number: int) -> int:
        """Return how many rows the statement of this number has, once it has come."""
        async with asyncio.timeout(5):
            while len(self.statements) < number:
                self.came.clear()
                await self.came.wait()
        return self.statements[number - 1][0]

    def let_go(self, number: int) -> None:
        self.statements[number - 1][1].set()


def made(kind: type[T], database: Database) -> T:
    """Return what commits rows into this database, and sends nothing."""

    async def publish(_: object) -> None:
        pass

    return kind(database.connect, key_window_seconds=60, rng=random.Random(1), publish=publish)


@asynccontextmanager
async def at_work(kind: type[T], database: Database) -> AsyncIterator[T]:
    """Yield it while it flushes."""
    found = made(kind, database)
    running = asyncio.create_task(found.run())
    yield found
    running.cancel()
    await asyncio.wait([running])


def a_row(n: int, *, lane: str = "realtime") -> NewDecision:
    return NewDecision(
        id=UUID(int=n),
        terms=replace(TERMS, lane=lane),
        beginning=BEGINNING,
        key_hash=None,
        fingerprint=b"",
        subject="{}",
        stake_minor=None,
        stake_currency=None,
        facts="{}",
        evidence="{}",
        evidence_hash=b"",
        trace=None,
        audit_role="",
    )


TERMS = Terms(
    principal="k-1",
    limited=False,
    type="t",
    location="default",
    groups=(),
    lane="realtime",
    revision=1,
    plan_hash="",
    audit_rate=0.0,
    audit_key="1",
    audit_policy=1,
)
BEGINNING = Beginning(deadline=NOON, deadline_shown=False, stage=0, waiting_for="{}", stage_until=NOON, history="[]")
