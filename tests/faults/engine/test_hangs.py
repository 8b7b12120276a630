"""PostgreSQL stands still without dying: every wait has an end, and it goes on by itself."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from functools import partial
from operator import eq
from pathlib import Path

from tests.configured import question
from tests.waiting import until

from adjudge.store import connecting
from adjudge.store.migrations import upgrade

SECONDS = 1.0
"""For a statement and for a connection, in this test."""


async def test_a_hung_postgresql_is_answered_for_in_time_loses_nothing_and_resumes(
    private_postgres, build_stack, monkeypatch
):
    """SIGSTOP to all of its processes, for three times as long as a statement may take."""
    monkeypatch.setattr(connecting, "STATEMENT_SECONDS", SECONDS)
    monkeypatch.setattr(connecting, "ACQUIRE_SECONDS", SECONDS)
    postgres = await private_postgres()
    await upgrade(postgres.url)
    stack = await build_stack("api", "worker", "keeper", database_url=postgres.url)
    # who has no database as it opens ends, to be started again: that is not meant here
    await until(stack.fleet, lambda found: {"api", "worker", "keeper"} <= set(found))
    before = await stack.ask_many(20, "model")
    taken: dict[int, float] = {}

    async def post(n: int):
        started = time.monotonic()
        body = {**question("model"), "subject": {"post": str(n)}}
        answer = await stack.admin.post("/v1/decisions", body, Idempotency_Key=f"k-{n}")
        taken[n] = time.monotonic() - started
        return answer

    with frozen(postgres.pid):
        hung_at = time.monotonic()
        during = await asyncio.gather(*(post(n) for n in range(20)), stack.admin.get("/v1/decisions"))
        longest = max(taken.values())
        await asyncio.sleep(max(0.0, 3 * SECONDS - (time.monotonic() - hung_at)))
    thawed_at = time.monotonic()
    await until(lambda: post(0), lambda found: found.status_code != 503)
    resumed = time.monotonic() - thawed_at
    after = await asyncio.gather(*(post(n) for n in range(20)))
    await stack.settled({*before, *(answer.json()["id"] for answer in after)}, seconds=30)

    for answer in during:
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
    assert longest < 6 * SECONDS
    assert resumed < 5
    assert await stack.value("SELECT count(*) FROM decision WHERE subject ? 'post'") == 20


async def test_a_keeper_that_begins_while_its_coin_cannot_be_read_waits_for_it(build_stack, monkeypatch):
    """Longer than a statement may take: the wait is begun again, and the keeper does not end."""
    monkeypatch.setattr(connecting, "STATEMENT_SECONDS", 0.3)
    stack = await build_stack("api")
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'secret'::regclass"
    async with stack.db.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE secret IN ACCESS EXCLUSIVE MODE")
        await stack.start("keeper")
        for expected in (1, 0, 1):  # it waits, its time is over, it waits again
            await until(lambda: stack.value(waiting), partial(eq, expected))

        async with asyncio.timeout(5):
            await stack.stop("keeper")  # it heeds that while it waits


async def test_an_api_that_begins_while_its_keys_cannot_be_read_waits_for_them(build_stack, monkeypatch):
    monkeypatch.setattr(connecting, "STATEMENT_SECONDS", 0.3)
    stack = await build_stack()
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'secret'::regclass"
    async with asyncio.TaskGroup() as group, asyncio.timeout(20):
        async with stack.db.acquire() as other, other.transaction():
            await other.execute("LOCK TABLE secret IN ACCESS EXCLUSIVE MODE")
            begun = group.create_task(stack.start("api"))
            for expected in (1, 0, 1):
                await until(lambda: stack.value(waiting), partial(eq, expected))
        await begun


class frozen:  # noqa: N801  a context manager
    """Stop a process and all below it; let them go on afterwards, those first that others wait for."""

    def __init__(self, pid: int) -> None:
        self._pids = below(pid)

    def __enter__(self) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def below(pid: int) -> list[int]:
    """Return the process and all below it, by what Linux knows of its threads' children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in below(int(child)))]
