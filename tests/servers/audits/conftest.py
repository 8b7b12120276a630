"""Stacks of these tests: one in which types are audited in different ways, and others of a test's own."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from tests import promises
from tests.configured import laid
from tests.servers.audits.auditing import SHARED, audited
from tests.stacks import Stack, build_stack, database

__all__ = ["build_stack"]

NUMBERS = itertools.count()


@pytest.fixture(scope="module")
async def stack(servers: Any, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """For the tests of one module, each of which leaves no audit open."""
    async with database(servers.database_url, migrated_template, f"audited_{next(NUMBERS)}") as url:
        async with Redis.from_url(servers.redis_url) as redis:
            await redis.flushall()
        found = Stack(
            laid(tmp_path_factory.mktemp("project"), **audited(**SHARED)), url, servers.redis_url, audit_rate=1.0
        )
        try:
            await found.open("api", "worker", "keeper")
            yield found
            await promises.hold(found)
        finally:
            await found.close()
