"""What every process is built on: connections, and clock, ids and chance, which are made here and passed in."""

import asyncio
import functools
import os
import random
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog
from prometheus_client import CollectorRegistry, generate_latest, multiprocess

from adjudge import __version__
from adjudge.cli.addresses import why_unusable
from adjudge.cli.folders import Folder
from adjudge.cli.processes.beginning import begun, keep, kept
from adjudge.cli.processes.brokers import broker
from adjudge.cli.refusing import Refused
from adjudge.cli.settings import Settings
from adjudge.engine.clocks import DatabaseClock
from adjudge.engine.configuration.controls_in_force import ControlsInForce
from adjudge.engine.configuration.lookout import Check, Lookout
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.deciding.sending import BackgroundSender, Sender
from adjudge.engine.deciding.stepping import Stepper
from adjudge.engine.health.readiness import Standing
from adjudge.engine.identifiers import Identifiers
from adjudge.store import connecting, migrations
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.streams import Streams
from adjudge.telemetry import names as telemetry

log = structlog.get_logger()

T = TypeVar("T")

DATABASE_SECONDS = 30.0
"""How long a starting process waits for its database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every process stands on."""

    name: str
    settings: Settings
    pool: Pool
    streams: Streams
    revisions: Revisions
    lookout: Lookout
    clock: DatabaseClock
    new_id: Identifiers
    rng: random.Random
    controls: ControlsInForce
    sender: Sender
    stepper: Stepper
    folder: Path
    """Where Python deciders are looked for."""

    async def begun(self, read: Callable[[Connection], Awaitable[T]]) -> T:
        """Return what a role reads before it begins, once the database answers: it may be there before it.

        Cancelled by whoever is told to stop meanwhile.
        """
        while True:
            try:
                await self.lookout.begin()
                async with self.pool.acquire() as connection:
                    return await read(connection)
            except UNAVAILABLE as error:
                log.warning("database.unseen", error=repr(error))
                await asyncio.sleep(1)

    def standing(self, *, needs_broker: bool) -> Standing:
        """Return what a probe looks at."""
        return Standing(
            pool=self.pool,
            streams=self.streams,
            clock=self.clock,
            lookout=self.lookout,
            needs_broker=needs_broker,
        )


@asynccontextmanager
async def grounded(role: str, settings: Settings) -> AsyncIterator[Ground]:
    """Open what every process stands on. Raises Refused, InvalidConfiguration, Unsafe, UnknownSchema."""
    if settings.database_url is None or settings.redis_url is None:
        raise Refused("set DATABASE_URL and REDIS_URL, or run everything with `adjudge up`")
    folder = Folder(settings.config, Path.cwd())
    rng = random.SystemRandom() if settings.seed is None else random.Random(settings.seed)  # noqa: S311
    name = f"{role}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
    async with AsyncExitStack() as stack:
        copied = functools.partial(kept, settings.revision_copy, folder)
        pool, held = await _pool(stack, settings, name, copied)
        clock = DatabaseClock()
        check: Check | None = functools.partial(_fit, clock, unsafe=settings.unsafe)
        if held is None:
            held = await _read(pool, settings, clock, folder, role)
            check = None
        controls = ControlsInForce()
        drift = folder.drift(held.current)
        if drift is not None:
            log.warning("configuration.drift", revision=held.current.revision, drift=drift)
        copy = settings.revision_copy
        lookout = Lookout(
            pool,
            held,
            controls,
            process=name,
            drift=drift,
            check=check,
            keep=None if copy is None else functools.partial(keep, copy),
        )
        streams = await stack.enter_async_context(broker(settings.redis_url, rng))
        new_id = Identifiers(clock, random.Random(rng.getrandbits(256)))  # noqa: S311 - ids are no secrets
        telemetry.BUILD.labels(__version__).set(1)
        yield Ground(
            name=name,
            settings=settings,
            pool=pool,
            streams=streams,
            revisions=held,
            lookout=lookout,
            clock=clock,
            new_id=new_id,
            rng=rng,
            controls=controls,
            sender=BackgroundSender(streams) if role == "api" else Sender(streams),
            stepper=Stepper(held, now=clock, new_id=new_id),
            folder=folder.base,
        )


def render_metrics() -> bytes:
    """Return the figures of this process, or of all that share a folder (PROMETHEUS_MULTIPROC_DIR)."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


async def _fit(clock: DatabaseClock, connection: Connection, *, unsafe: bool) -> None:
    """Check that the database is one to work on, and take its time. Raises UnknownSchema, Unsafe."""
    await migrations.require_known(connection)
    if not unsafe:
        await connecting.require_durable(connection)
    clock.offset = await connecting.clock_offset(connection, clock())


async def _pool(
    stack: AsyncExitStack, settings: Settings, name: str, copied: Callable[[], Revisions | None]
) -> tuple[Pool, Revisions | None]:
    """Open the pool, waiting for a database that is only starting; with a copy of what was in force, not for it."""
    opened = functools.partial(connecting.open_pool, str(settings.database_url), size=settings.pool_size, name=name)
    deadline = _deadline()
    while True:
        try:
            return await stack.enter_async_context(opened()), None
        except ValueError as error:  # no address, or a certificate that is not trusted: waiting mends neither
            raise Refused(f"DATABASE_URL cannot be used: {why_unusable(error)}") from error
        except UNAVAILABLE as error:
            held = copied()
            if held is not None:
                log.warning("configuration.from_copy", revision=held.current.revision, error=repr(error))
                return await stack.enter_async_context(opened(lazily=True)), held
            await _wait_for_database(deadline, error)


async def _read(pool: Pool, settings: Settings, clock: DatabaseClock, folder: Folder, role: str) -> Revisions:
    """Read what is in force, from the beginning where the connection is lost meanwhile."""
    deadline = _deadline()
    while True:
        try:
            async with pool.acquire() as connection:
                await _require_sessions(connection, settings)
                await _fit(clock, connection, unsafe=settings.unsafe)
                return await begun(connection, folder, role)
        except UNAVAILABLE as error:
            await _wait_for_database(deadline, error)


async def _require_sessions(connection: Connection, settings: Settings) -> None:
    async with connecting.open_connection(str(settings.database_url)) as other:
        if not await connecting.keeps_sessions(connection, other, secrets.token_hex(8)):
            raise Refused(
                "DATABASE_URL is a pooler that lends sessions out: it must keep one for each connection "
                "(PgBouncer: pool_mode = session)"
            )


def _deadline() -> float:
    return asyncio.get_running_loop().time() + DATABASE_SECONDS


async def _wait_for_database(deadline: float, error: Exception) -> None:
    if asyncio.get_running_loop().time() > deadline:
        raise Refused(f"PostgreSQL does not answer: {error}") from error
    log.warning("database.unseen", error=repr(error))
    await asyncio.sleep(0.5)
