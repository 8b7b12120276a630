"""The real servers of the test session: one PostgreSQL and one Valkey for all tests, and private ones to kill.

`database_url` and `redis_url` are clean for every test; nothing is started for tests that ask for neither.
"""

import gc
import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import asyncpg
import pytest
import structlog
from hypothesis import settings
from redis.asyncio import Redis
from tests.ports import free_port

from adjudge.stack import Servers, embedded, valkey
from adjudge.stack.folders import laid_out
from adjudge.stack.identity import installation
from adjudge.stack.postgres import postgres_program
from adjudge.stack.server import Program, Server
from adjudge.stack.valkey import valkey_program
from adjudge.store.migrations import upgrade

pytest_plugins = ["adjudge.streams.testing.plugin"]

if broker := os.environ.get("ADJUDGE_TEST_BROKER"):
    valkey.valkey_binary = lambda: Path(broker)  # by hand, on a Redis

TEMPLATE = "template_of_tests"
ROOMY_BYTES = 8 * 1024**3
numbers = itertools.count()

LONGEST = (
    "test_first_hour.py",
    "test_fleet.py",
    "test_outages.py",
    "test_any_request.py",
    "test_remedies.py",
    "test_life_of_changes.py",
    "test_exploring.py",
    "test_certificates.py",
    "test_demo.py",
    "test_learning.py",
    "test_rolling_upgrade.py",
    "test_documents.py",
    "test_cluster.py",
    "test_embedded.py",
    "test_identities.py",
    "test_feed.py",
    "test_limits.py",
    "test_shadow_faults.py",
    "test_roles.py",
)
"""Files that take longest: begun first, so that no process is left with one at the end while the other is idle."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no rubbish while tests are collected: nearly all stays, and is then left out of every later look."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; within a file, and among the others, the order stays."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))


settings.register_profile("adjudge", deadline=None)  # a busy machine is no fault
settings.load_profile("adjudge")


class PrivateServer(Protocol):
    """A running server of one test, to be killed and started again; its data stays."""

    url: str

    @property
    def pid(self) -> int | None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def kill(self) -> None: ...


Private = Callable[[], Awaitable[PrivateServer]]


@pytest.fixture
def unused_tcp_port() -> int:
    """Instead of pytest-asyncio's, which an outgoing connection may take before it is listened at."""
    return free_port()


@pytest.fixture(scope="session")
async def servers() -> AsyncIterator[Servers]:
    """Shared: leave its settings alone and its connections alive."""
    with tempfile.TemporaryDirectory(prefix="adjudge-tests-", dir=_roomy_memory()) as folder:
        async with embedded(Path(folder), report=lambda _: None, stop_timeout=5) as running:
            yield running


@pytest.fixture(scope="session")
async def migrated_template(servers: Servers) -> str:
    """The name of a database with the whole schema, to be copied."""
    assert servers.database_url is not None
    async with _connected(servers.database_url) as connection:
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    await upgrade(_database(servers.database_url, TEMPLATE))
    return TEMPLATE


@pytest.fixture
async def database_url(servers: Servers, migrated_template: str) -> AsyncIterator[str]:
    """A fresh database with the schema, dropped after the test."""
    assert servers.database_url is not None
    name = f"test_{next(numbers)}"
    async with _connected(servers.database_url) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template} STRATEGY FILE_COPY")
    yield _database(servers.database_url, name)
    async with _connected(servers.database_url) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def redis_url(servers: Servers) -> str:
    """The shared Valkey, emptied."""
    assert servers.redis_url is not None
    client = Redis.from_url(servers.redis_url)
    await client.flushall()
    await client.aclose()
    return servers.redis_url


@pytest.fixture
async def private_postgres() -> AsyncIterator[Private]:
    """Builds running PostgreSQL servers of the test's own, without the schema."""
    async with _private_servers(_a_postgres) as build:
        yield build


@pytest.fixture
async def private_valkey() -> AsyncIterator[Private]:
    """Builds running Valkey servers of the test's own."""
    async with _private_servers(_a_valkey) as build:
        yield build


async def _a_postgres(folder: Path) -> Program:
    layout = laid_out(folder)
    return await postgres_program(layout, await installation(layout))


async def _a_valkey(folder: Path) -> Program:
    return valkey_program(laid_out(folder))


@asynccontextmanager
async def _private_servers(program: Callable[[Path], Awaitable[Program]]) -> AsyncIterator[Private]:
    async with AsyncExitStack() as stack:

        async def build() -> Server:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="adjudge-private-", dir=_roomy_memory()))
            server = Server(await program(Path(folder)), stop_timeout=5)
            stack.push_async_callback(server.stop)
            await server.start()
            return server

        yield build


def _roomy_memory() -> str | None:
    """Where servers of tests keep their data: in memory where there is room, as they end with us; else on the disk.

    Each test's database is made and dropped, which on a disk waits for it a second or more.
    """
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > ROOMY_BYTES else None


def _database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        yield connection
    finally:
        await connection.close(timeout=10)


@pytest.fixture
def logging_kept() -> Generator[None]:
    """Puts the logs of this process back as they were, after a test in which a role has configured them.

    Otherwise what later tests log goes to the output that was captured here, which is closed by then.
    """
    handlers, level, configuration = logging.root.handlers[:], logging.root.level, structlog.get_config()
    yield
    structlog.configure(**configuration)
    structlog.contextvars.clear_contextvars()
    logging.basicConfig(handlers=handlers, level=level, force=True)
