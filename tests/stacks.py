"""A whole stack for tests: api, worker and keeper on a configuration folder of the test's own.

Roles run in this process, where they start in a moment, or as processes that can be killed.
"""

import asyncio
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import httpx
import pytest
import structlog
from redis.asyncio import Redis
from tests import promises
from tests.configured import configuration, laid, question
from tests.ports import free_port
from tests.waiting import until

from adjudge.api.application import create_app
from adjudge.cli.processes import keeping, working
from adjudge.cli.processes.serving import api_services
from adjudge.cli.settings import Settings
from adjudge.config import hash_of
from adjudge.engine.configuration.lookout import CHANGED
from adjudge.store import keys
from adjudge.store.configuration import receipts, revisions
from adjudge.store.configuration.revisions import EVERYWHERE, Revision, Terms
from adjudge.store.scope import SYSTEM

NUMBERS = itertools.count()
# A trace drawn with all its locals holds the loop up for seconds.
structlog.configure(
    processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer(sort_keys=True)],
    wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
)


class Caller:
    """The API as the holder of one key sees it."""

    def __init__(self, client: httpx.AsyncClient, key: str | None) -> None:
        self._client = client
        self.key = key

    async def __call__(
        self, method: str, path: str, body: object = None, *, content: bytes | None = None, **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            named["Authorization"] = f"Bearer {self.key}"
        given: dict[str, Any] = {} if body is None else {"json": body}
        if content is not None:
            given["content"] = content
            named.setdefault("Content-Type", "application/json")
        return await self._client.request(method, path, headers=named, **given)

    async def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        return await self("POST", path, body, **headers)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self("GET", path, **headers)

    async def claim(self, count: int = 1, wait: int = 0, **body: Any) -> list[dict[str, Any]]:
        answer = await self.post("/v1/reviews/claim", {"count": count, **body}, Prefer=f"wait={wait}")
        assert answer.status_code == 200, answer.text
        return answer.json()["tasks"]

    async def answer(self, task: Mapping[str, Any], value: object, **more: Any) -> httpx.Response:
        return await self.post(f"/v1/reviews/{task['id']}/answer", {"answer": value, "token": task["token"], **more})

    async def vote(self, value: object, wait: int = 5) -> dict[str, Any]:
        """Claim the next task and answer it; return the task."""
        [task] = await self.claim(wait=wait)
        answered = await self.answer(task, value)
        assert answered.status_code == 200, answered.text
        return task


class Role:
    """A process of ours."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    def last_words(self) -> str:
        """Return how the log of its role ends."""
        return self._log.read_text(errors="replace")[-2000:]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    async def kill(self) -> None:
        """As the kernel does when memory is short."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def ended(self) -> int:
        """Wait until it has ended by itself; return the status."""
        return await self._process.wait()

    async def terminate(self) -> int:
        """As a supervisor does; return the status."""
        self._process.terminate()
        return await self._process.wait()


class Stack:
    """What a test sees of a running stack."""

    def __init__(
        self, folder: Path, database_url: str, redis_url: str, *, through: str | None = None, **settings: Any
    ) -> None:
        """`through`: another way to the same database, for the stack but not for its observer."""
        self.folder = folder
        self.observed_url = database_url
        self.database_url = through or database_url
        self.redis_url = redis_url
        self._given = settings
        self._stops: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._roles: list[Role] = []
        self._app: Any = None
        self.db: asyncpg.Pool
        self.admin: Caller
        self.client: httpx.AsyncClient

    @property
    def settings(self) -> Settings:
        return Settings(
            database_url=self.database_url, redis_url=self.redis_url, config=self.folder / "config", **self._given
        )

    @property
    def services(self) -> Any:
        """The services of the API in this process."""
        return self._app.services

    async def open(self, *roles: str) -> None:
        """Start roles in this process: `api` first, the others beside it."""
        self.db = await asyncpg.create_pool(self.observed_url, min_size=0, max_size=30, timeout=10, command_timeout=20)
        secret = keys.new_secret()
        async with self.db.acquire() as connection:
            await keys.create(
                connection, id=keys.new_key_id(), name="tests", role="admin", secret=secret, created_by="tests"
            )
        for role in roles:
            await self.start(role)
        if self._app is not None:
            self.client = httpx.AsyncClient(
                transport=httpx.ASGITransport(app=self._app, raise_app_exceptions=False),
                base_url="http://stack",
                timeout=60,
            )
            self.admin = Caller(self.client, secret)
        self._secret = secret

    async def reach(self, url: str) -> None:
        """Speak to an API process, once it is ready."""
        self.client = httpx.AsyncClient(base_url=url, timeout=20, verify=False, limits=httpx.Limits(max_connections=50))
        self.admin = Caller(self.client, self._secret)
        await until(self._is_ready, seconds=30)

    async def _is_ready(self) -> bool:
        try:
            return (await self.client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    async def start(self, role: str) -> None:
        stop = self._stops[role] = asyncio.Event()
        if role == "api":
            self._app = create_app(lambda: api_services(self.settings))
            started = asyncio.get_running_loop().create_future()
            self._tasks[role] = asyncio.create_task(_lifespan(self._app, started, stop), name=role)
            async with asyncio.timeout(20):
                await started
            return
        run = {"worker": working.run_worker, "keeper": keeping.run_keeper}[role]
        self._tasks[role] = asyncio.create_task(run(self.settings, stop, _forever), name=role)

    async def stop(self, role: str) -> None:
        self._stops.pop(role).set()
        async with asyncio.timeout(20):
            await self._tasks.pop(role)

    async def spawn(self, role: str, **environment: str) -> Role:
        """Start a role as a process of its own."""
        env = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "ADJUDGE_CONFIG": str(self.folder / "config"),
            **({"ADJUDGE_PORT": str(free_port())} if role == "api" else {}),
            **{f"ADJUDGE_{name.upper()}": str(value) for name, value in self._given.items()},
            **environment,
        }
        path = self.folder / f"{role}.log"
        with path.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "adjudge", role, env=env, cwd="/", stdout=log, stderr=log
            )
        self._roles.append(Role(process, path))
        return self._roles[-1]

    async def close(self) -> None:
        """End all of it, even where a part fails: what is left alive takes the next test's messages."""
        async with AsyncExitStack() as exits:
            exits.push_async_callback(self._close_database)
            if hasattr(self, "client"):
                exits.push_async_callback(self.client.aclose)
            for name in self._tasks:
                exits.push_async_callback(self.stop, name)
            for role in self._roles:
                await role.kill()
            self.open_gate()

    async def _close_database(self) -> None:
        await asyncio.wait_for(self.db.close(), 10)

    # -- callers

    async def key(self, role: str = "client", **bounds: Any) -> Caller:
        answer = await self.admin.post("/v1/keys", {"name": f"{role}-{time.monotonic_ns()}", "role": role, **bounds})
        assert answer.status_code == 201, answer.text
        return Caller(self.client, answer.json()["key"])

    async def reviewer(self, name: str, *pools: str) -> Caller:
        unique = f"{name}-{time.monotonic_ns()}"
        answer = await self.admin.post("/v1/reviewers", {"name": unique, "pools": pools or ("agents",)})
        assert answer.status_code == 201, answer.text
        return Caller(self.client, answer.json()["key"])

    # -- decisions

    async def ask(self, kind: str = "model", *, wait: int = 0, by: Caller | None = None, **more: Any) -> dict[str, Any]:
        """Ask one question; return the decision as answered."""
        answer = await (by or self.admin).post("/v1/decisions", question(kind, **more), Prefer=f"wait={wait}")
        assert answer.status_code in (200, 202), answer.text
        return answer.json()

    async def ask_many(self, count: int, kind: str = "model", **more: Any) -> list[str]:
        """Ask in bulk; return the ids of all that were accepted."""
        accepted = []
        for start in range(0, count, 500):
            items = [question(kind, n=n, **more) for n in range(start, min(count, start + 500))]
            answer = await self.admin.post("/v1/decisions/bulk", {"items": items})
            assert answer.status_code == 200, answer.text
            accepted += [item["decision"]["id"] for item in answer.json()["items"] if "decision" in item]
        return accepted

    async def read(self, decision: str, wait: int = 0) -> dict[str, Any]:
        answer = await self.admin.get(f"/v1/decisions/{decision}", Prefer=f"wait={wait}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def path(self, decision: str) -> list[dict[str, Any]]:
        return (await self.admin.get(f"/v1/decisions/{decision}/path")).json()["events"]

    async def until(self, decision: str, status: str, seconds: float = 10) -> dict[str, Any]:
        """Return the decision once it has the status. There is no event for `held`."""
        return await until(lambda: self.read(decision), lambda found: found["status"] == status, seconds=seconds)

    async def settled(self, ids: Iterable[str], seconds: float = 30) -> float:
        """Wait until all have their final outcome; return how long it took. There is no event for many."""
        started = time.monotonic()
        wanted = [UUID(decision) for decision in ids]
        await until(lambda: self.count_final(wanted), lambda found: found >= len(wanted), seconds=seconds)
        return time.monotonic() - started

    async def count_final(self, wanted: Sequence[UUID]) -> int:
        return await self.value(
            "SELECT count(*) FROM outcome WHERE kind = 'final' AND decision_id = ANY($1::uuid[])", wanted
        )

    async def value(self, sql: str, *arguments: object) -> Any:
        async with self.db.acquire() as connection:
            return await connection.fetchval(sql, *arguments)

    async def rows(self, sql: str, *arguments: object) -> list[Any]:
        async with self.db.acquire() as connection:
            return await connection.fetch(sql, *arguments)

    # -- configuration

    async def publish(self, *, hinted: bool = True, terms: Terms = EVERYWHERE, **more: Any) -> Revision:
        """Put other documents in force, past all checks; `more` replaces top-level keys of the configuration."""
        documents = {"all.yaml": json.dumps(configuration(**more))}
        async with self.db.acquire() as connection:
            published = await revisions.publish(connection, SYSTEM, hash_of(documents), documents, terms)
        if hinted:
            async with Redis.from_url(self.redis_url) as redis:
                await redis.publish(f"adjudge:{CHANGED}", b"")
        return published

    async def fleet(self) -> Mapping[str, receipts.Member]:
        """Return who lives, by role."""
        async with self.db.acquire() as connection:
            return {each.role: each for each in await receipts.fleet(connection) if each.is_live}

    async def until_run(self, number: int, *roles: str, seconds: float = 20) -> Mapping[str, receipts.Member]:
        """Return who lives, once these roles run the revision or have refused it; all roles where none is named."""
        async with asyncio.timeout(seconds):
            while True:
                found = await self.fleet()
                awaited = [each for role, each in found.items() if not roles or role in roles]
                if all(number in (each.revision, each.refused) for each in awaited):
                    return found
                await asyncio.sleep(0.02)

    # -- deciders

    def asked(self, decider: str) -> list[str]:
        """Return the ids of all questions put to a decider, in order."""
        log = self.folder / "config" / "asked.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.split()[1] for line in lines if line.split()[0] == decider]

    async def until_asked(self, decider: str, count: int = 1, seconds: float = 15) -> None:
        await until(lambda: len(set(self.asked(decider))) >= count, seconds=seconds)

    def open_gate(self) -> None:
        (self.folder / "config" / "gate").touch()

    def shut_gate(self) -> None:
        (self.folder / "config" / "gate").unlink(missing_ok=True)


@asynccontextmanager
async def database(servers_url: str, template: str, name: str) -> AsyncIterator[str]:
    """A database with the schema, for longer than one test."""
    admin = await asyncpg.connect(servers_url, timeout=10)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        yield urlsplit(servers_url)._replace(path=f"/{name}").geturl()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close(timeout=10)


async def _lifespan(app: Any, started: "asyncio.Future[None]", stop: asyncio.Event) -> None:
    """Speak the ASGI lifespan protocol."""
    begun = False

    async def receive() -> dict[str, str]:
        nonlocal begun
        if not begun:
            begun = True
            return {"type": "lifespan.startup"}
        await stop.wait()
        return {"type": "lifespan.shutdown"}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "lifespan.startup.complete":
            started.set_result(None)
        elif message["type"].endswith(".failed"):
            failure = RuntimeError(message.get("message"))
            if started.done():
                raise failure
            started.set_exception(failure)

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)


async def _forever(_: object) -> None:
    await asyncio.Event().wait()


@pytest.fixture(scope="module")
async def stack(servers: Any, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Everything on the shared servers, for the tests of one module; afterwards every path must replay."""
    async with database(servers.database_url, migrated_template, f"stack_{next(NUMBERS)}") as url:
        async with Redis.from_url(servers.redis_url) as redis:
            await redis.flushall()
        stack = Stack(laid(tmp_path_factory.mktemp("project")), url, servers.redis_url, audit_rate=0.5)
        try:
            await stack.open("api", "worker", "keeper")
            yield stack
            await promises.hold(stack)
        finally:
            await stack.close()


Build = Callable[..., Awaitable[Stack]]


@pytest.fixture
async def build_stack(
    servers: Any, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Build]:
    """Builds stacks of one test: on the shared servers, or on those given; every path must replay afterwards."""
    async with AsyncExitStack() as exits:

        async def build(
            *roles: str,
            database_url: str | None = None,
            redis_url: str | None = None,
            documents: Mapping[str, Any] | None = None,
            **settings: Any,
        ) -> Stack:
            """`documents` replaces top-level keys of the configuration."""
            if database_url is None:
                fresh = database(servers.database_url, migrated_template, f"stack_{next(NUMBERS)}")
                database_url = await exits.enter_async_context(fresh)
            if redis_url is None:
                redis_url = servers.redis_url
                async with Redis.from_url(redis_url) as redis:
                    await redis.flushall()
            folder = laid(tmp_path_factory.mktemp("project"), **(documents or {}))
            stack = Stack(folder, database_url, redis_url, **settings)
            exits.push_async_callback(stack.close)
            await stack.open(*roles)
            built.append(stack)
            return stack

        built: list[Stack] = []
        yield build
        for stack in built:
            await promises.hold(stack)
