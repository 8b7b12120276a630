"""A running stack that may send to this machine."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from tests.configured import laid
from tests.receivers import Receiver, receiving
from tests.stacks import NUMBERS, Caller, Stack, database


@pytest.fixture(scope="module")
async def stack(servers, migrated_template, tmp_path_factory) -> AsyncIterator[Stack]:
    async with database(servers.database_url, migrated_template, f"stack_{next(NUMBERS)}") as url:
        async with Redis.from_url(servers.redis_url) as redis:
            await redis.flushall()
        folder = laid(tmp_path_factory.mktemp("project"))
        stack = Stack(folder, url, servers.redis_url, outbound_allow="127.0.0.0/8")
        try:
            await stack.open("api", "worker", "keeper")
            yield stack
        finally:
            await stack.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
async def nothing_left(stack) -> AsyncIterator[None]:
    """Endpoints of one test are not told of the next."""
    yield
    for webhook in (await stack.admin.get("/v1/webhooks")).json()["webhooks"]:
        await stack.admin("DELETE", f"/v1/webhooks/{webhook['id']}")


async def added(caller: Caller, receiver: Receiver, **wanted: object) -> str:
    """Add the receiver as an endpoint; return its id."""
    answer = await caller.post("/v1/webhooks", {"url": receiver.url, **wanted})
    assert answer.status_code == 201, answer.text
    receiver.secrets = [answer.json()["secret"]]
    return answer.json()["id"]
