"""A follower of the feed has every outcome, whatever is killed while it reads."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from tests.configured import question
from tests.ports import free_port
from tests.stacks import Role, Stack
from tests.waiting import until

from adjudge.client import AsyncAdjudge, Patience, Unavailable
from adjudge.store.migrations import upgrade

IMPATIENT = Patience(total_seconds=1.0)
TOLD_SECONDS = 20
"""Less than a long poll, whose end would bring what it was not told of."""


async def an_api(stack: Stack) -> tuple[str, Role]:
    port = free_port()
    role = await stack.spawn("api", ADJUDGE_PORT=str(port))
    url = f"http://127.0.0.1:{port}"
    await stack.reach(url)
    return url, role


async def follow(urls: Sequence[str], key: str | None, after: str, seen: list[str]) -> None:
    """Follow at one replica; when it is gone, go on from the cursor at the next, until cancelled."""
    cursor: str | None = after
    for url in itertools.cycle(urls):
        async with AsyncAdjudge(url, key, patience=IMPATIENT) as adjudge:
            with suppress(Unavailable):
                async for event in adjudge.outcomes.follow(after=cursor):
                    seen.append(event.id)
                    cursor = event.cursor


async def edge(stack: Stack) -> str:
    return (await stack.admin.get("/v1/outcomes?since=2100-01-01T00:00:00Z")).json()["next"]


async def what_holds_it_back(stack: Stack, seen: Sequence[str], asked: Sequence[str]) -> str:
    """Return what a follower lacks, and the transactions before whose end it is not told of it."""
    lacking = {f"{decision}.1" for decision in asked} - set(seen)
    open_ = await stack.rows("SELECT datname, state, xact_start, query FROM pg_stat_activity WHERE backend_xid <> '0'")
    return f"{len(lacking)} not seen: {sorted(lacking)[:5]}; open: {[tuple(row) for row in open_]}"


async def test_a_follower_of_three_workers_misses_nothing_while_they_and_its_server_are_killed(build_stack):
    """Two replicas of the API; the follower's own is killed, and one worker in the midst of its work."""
    stack = await build_stack("keeper", lease_seconds=1.0)
    (first, its_process), (second, _) = await an_api(stack), await an_api(stack)
    workers = [await stack.spawn("worker") for _ in range(3)]
    after, seen = await edge(stack), []
    async with asyncio.TaskGroup() as group:
        following = group.create_task(follow((first, second), stack.admin.key, after, seen))
        asked = await stack.ask_many(400)
        asked += await stack.ask_many(400, "nobody.answer")
        await stack.until_asked("sure@1", seconds=60)
        await workers[0].kill()
        await its_process.kill()
        asked += await stack.ask_many(400)
        await stack.settled(asked, seconds=60)

        with suppress(AssertionError):
            await until(lambda: len(set(seen)) >= len(asked), seconds=TOLD_SECONDS)
        following.cancel()
    assert Counter(seen) == Counter(f"{decision}.1" for decision in asked), await what_holds_it_back(stack, seen, asked)


async def test_a_follower_outlives_its_database(private_postgres, build_stack):
    """Killed and started again while it waits: the stream of outcomes goes on, nothing is missed."""
    postgres = await private_postgres()
    await upgrade(postgres.url)
    stack = await build_stack("api", "worker", "keeper", database_url=postgres.url)
    before = [decision["id"] for decision in [await stack.ask("model", wait=10) for _ in range(3)]]
    after = (await stack.admin.get("/v1/outcomes?limit=1")).json()["next"]
    waiting = asyncio.create_task(stack.admin.get(f"/v1/outcomes?after={await edge(stack)}", Prefer="wait=30"))
    await until(lambda: stack.services.feed._tail is not None)

    await postgres.kill()
    await postgres.start()
    answer = await until(lambda: stack.admin.post("/v1/decisions", question()), lambda found: not found.is_error)

    async with asyncio.timeout(30):
        waited = (await waiting).json()["items"]
    assert answer.json()["id"] in {item["subject"] for item in waited}
    rest = (await stack.admin.get(f"/v1/outcomes?after={after}")).json()["items"]
    assert [item["subject"] for item in rest][:2] == before[1:]


async def test_a_replica_that_stops_does_not_wait_for_those_who_follow_it(build_stack):
    """SIGTERM with a stream open; the reader has a cursor to go on elsewhere."""
    stack = await build_stack()
    url, role = await an_api(stack)
    headers = {"Authorization": f"Bearer {stack.admin.key}", "Accept": "text/event-stream"}
    async with stack.client.stream("GET", f"{url}/v1/outcomes", headers=headers) as response:
        lines = response.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        role._process.terminate()

        async with asyncio.timeout(5):
            rest = [line async for line in lines]
            await role.ended()

    assert any(line.startswith("id: ") for line in rest)
