"""Each process, put together: clock, ids and chance are made here and passed in."""

import asyncio
import functools
import os
import random
import secrets as random_bytes
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from prometheus_client import CollectorRegistry, generate_latest, multiprocess

from adjudge.api.authentication import Authentication
from adjudge.api.media import Media
from adjudge.api.services import Services
from adjudge.cli.refusing import Refused
from adjudge.cli.settings import Settings
from adjudge.config import Configuration, base_of, compile_documents, read_folder
from adjudge.deciders import open_deciders
from adjudge.engine.admission import Admission, loop_time
from adjudge.engine.asking import Asking
from adjudge.engine.clocks import DatabaseClock
from adjudge.engine.coins import Coin
from adjudge.engine.flushing import Flusher
from adjudge.engine.housekeeping import Housekeeping, Upkeep
from adjudge.engine.identifiers import Identifiers
from adjudge.engine.intake import ControlsInForce, Intake
from adjudge.engine.notifying import Waiters
from adjudge.engine.observing import StreamObserver
from adjudge.engine.revisions import Revisions
from adjudge.engine.sending import Sender
from adjudge.engine.slips import STREAM_PREFIX
from adjudge.engine.stepping import Stepper
from adjudge.engine.sweeping import Sweeper
from adjudge.engine.timers import Timers
from adjudge.store import connecting, decisions, revisions, secrets
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.streams import Streams, Subscription, Worker

log = structlog.get_logger()

LANES: Mapping[str, int] = {"realtime": 8, "standard": 4, "bulk": 1}
"""Weights: of what a worker handles, where all lanes wait."""
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
    clock: DatabaseClock
    new_id: Identifiers
    rng: random.Random
    controls: ControlsInForce
    sender: Sender
    stepper: Stepper
    folder: Path
    """Where Python deciders are looked for."""


@asynccontextmanager
async def grounded(role: str, settings: Settings) -> AsyncIterator[Ground]:
    """Open what every process stands on. Raises Refused, InvalidConfiguration, Unsafe."""
    if settings.database_url is None or settings.redis_url is None:
        raise Refused("set DATABASE_URL and REDIS_URL, or run everything with `adjudge up`")
    base = base_of(settings.config, Path.cwd())
    documents = read_folder(settings.config.resolve(), relative_to=base)
    compiled = compile_documents(documents, base=base)
    rng = random.SystemRandom() if settings.seed is None else random.Random(settings.seed)  # noqa: S311
    name = f"{role}-{socket.gethostname()}-{os.getpid()}"
    async with AsyncExitStack() as stack:
        pool = await _pool(stack, settings, name)
        clock = DatabaseClock()
        async with pool.acquire() as connection:
            if not settings.unsafe:
                await connecting.require_durable(connection)
            clock.offset = await connecting.clock_offset(connection, clock())
            number = await revisions.publish(connection, compiled.hash, documents, author=role)
            await revisions.receipt(connection, name, number)
        held = Revisions(
            compile_documents(documents, revision=number, base=base), functools.partial(_compiled, base=base)
        )
        streams = await stack.enter_async_context(Streams(settings.redis_url, rng=rng))
        new_id = Identifiers(clock, rng)
        yield Ground(
            name=name,
            settings=settings,
            pool=pool,
            streams=streams,
            revisions=held,
            clock=clock,
            new_id=new_id,
            rng=rng,
            controls=ControlsInForce(),
            sender=Sender(streams),
            stepper=Stepper(held, now=clock, new_id=new_id),
            folder=base,
        )


@asynccontextmanager
async def api_services(settings: Settings) -> AsyncIterator[Services]:
    """Open an API process, its background tasks included."""
    async with grounded("api", settings) as ground:
        async with ground.pool.acquire() as connection:
            fresh = (random_bytes.token_hex(4), random_bytes.token_bytes(32))
            coin = Coin(*await secrets.newest(connection, "coin", fresh))
            _, evidence_key = await secrets.newest(connection, "evidence", ("1", random_bytes.token_bytes(32)))
            _, media_key = await secrets.newest(connection, "media", ("1", random_bytes.token_bytes(32)))
        flusher = Flusher(
            functools.partial(_connect, str(settings.database_url), ground.name),
            key_window_seconds=settings.key_window_seconds,
            rng=ground.rng,
            publish=ground.sender.publish,
        )
        waiters = Waiters(ground.new_id().hex, functools.partial(_settled_among, ground.pool))
        admission = Admission(flusher, monotonic=loop_time)
        upkeep = Upkeep(ground.pool, ground.clock, ground.controls, process=ground.name, admission=admission)
        services = Services(
            pool=ground.pool,
            streams=ground.streams,
            revisions=ground.revisions,
            intake=Intake(
                flusher,
                ground.revisions,
                now=ground.clock,
                new_id=ground.new_id,
                coin=coin,
                controls=ground.controls,
                audit_rate=settings.audit_rate,
                evidence_key=evidence_key,
            ),
            admission=admission,
            waiters=waiters,
            stepper=ground.stepper,
            sender=ground.sender,
            authentication=Authentication(ground.pool),
            media=Media(media_key),
            clock=ground.clock,
            new_id=ground.new_id,
            render_metrics=render_metrics,
        )
        await upkeep.look()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(flusher.run(), name="flusher"),
                group.create_task(waiters.run(ground.streams), name="waiters"),
                group.create_task(upkeep.run(), name="upkeep"),
            ]
            yield services
            for task in tasks:
                task.cancel()


async def run_worker(settings: Settings, stop: asyncio.Event, serve: Any) -> None:
    """Ask deciders and settle until `stop`; then drain."""
    async with grounded("worker", settings) as ground:
        configuration = ground.revisions.current
        async with open_deciders(
            configuration.deciders.values(),
            folder=ground.folder,
            clock=loop_time,
            now=ground.clock,
            rng=ground.rng,
            strict=False,
        ) as deciders:
            upkeep = Upkeep(ground.pool, ground.clock, ground.controls, process=ground.name, deciders=deciders)
            subscriptions = [_subscription(ground, name, deciders) for name in configuration.deciders]
            worker = Worker(
                ground.streams,
                subscriptions,
                stop=stop,
                drain_seconds=settings.drain_seconds,
                observer=StreamObserver(),
            )
            log.info("worker.started", deciders=sorted(configuration.deciders), revision=configuration.revision)
            async with asyncio.TaskGroup() as group:
                background = [
                    group.create_task(upkeep.run(), name="upkeep"),
                    group.create_task(serve(lambda: worker.silent_seconds < _patience(configuration)), name="probe"),
                ]
                if subscriptions:
                    await worker.run()
                await stop.wait()
                for task in background:
                    task.cancel()


async def run_keeper(settings: Settings, stop: asyncio.Event, serve: Any) -> None:
    """Move on what stands still until `stop`."""
    async with grounded("keeper", settings) as ground:
        timers = Timers(
            ground.pool, ground.streams, ground.stepper, ground.sender, lanes=tuple(LANES), now=ground.clock
        )
        sweeper = Sweeper(ground.pool, ground.streams, ground.sender, now=ground.clock)
        upkeep = Upkeep(ground.pool, ground.clock, ground.controls, process=ground.name)
        housekeeping = Housekeeping(ground.pool, ground.revisions)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(timers.run(), name="timers"),
                group.create_task(sweeper.run(), name="sweeper"),
                group.create_task(upkeep.run(), name="upkeep"),
                group.create_task(housekeeping.run(), name="housekeeping"),
                group.create_task(serve(lambda: True), name="probe"),
            ]
            await stop.wait()
            for task in tasks:
                task.cancel()


def render_metrics() -> bytes:
    """Return the figures of this process, or of all that share a folder (PROMETHEUS_MULTIPROC_DIR)."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _subscription(ground: Ground, decider: str, deciders: Any) -> Subscription:
    spec = ground.revisions.current.deciders[decider]
    asking = Asking(
        decider,
        kind="python",
        deciders=deciders,
        pool=ground.pool,
        revisions=ground.revisions,
        stepper=ground.stepper,
        sender=ground.sender,
        streams=ground.streams,
        controls=ground.controls,
        now=ground.clock,
        new_id=ground.new_id,
        rng=ground.rng,
    )
    return Subscription(
        name=f"{STREAM_PREFIX}{decider}",
        lanes=LANES,
        handler=asking,
        batch=spec.batch,
        concurrency=spec.concurrency,
        lease_seconds=ground.settings.lease_seconds,
        on_dead=asking.gave_up,
    )


def _patience(configuration: Configuration) -> float:
    """Return for how long a worker may be silent: longer than the slowest decider's time-out."""
    slowest = max((spec.timeout.total_seconds() for spec in configuration.deciders.values()), default=0.0)
    return 60.0 + 2 * slowest


async def _pool(stack: AsyncExitStack, settings: Settings, name: str) -> Pool:
    """Open the pool, waiting for a database that is only starting."""
    deadline = asyncio.get_running_loop().time() + DATABASE_SECONDS
    while True:
        try:
            return await stack.enter_async_context(
                connecting.open_pool(str(settings.database_url), size=settings.pool_size, name=name)
            )
        except UNAVAILABLE as error:
            if asyncio.get_running_loop().time() > deadline:
                raise Refused(f"PostgreSQL does not answer: {error}") from error
            await asyncio.sleep(0.5)


async def _connect(database_url: str, name: str) -> Connection:
    return await asyncpg.connect(
        database_url,
        timeout=5,
        command_timeout=connecting.STATEMENT_SECONDS,
        server_settings={"application_name": f"adjudge {name} intake", "timezone": "UTC", "jit": "off"},
    )


async def _settled_among(pool: Pool, ids: Any) -> Any:
    async with pool.acquire() as connection:
        return await decisions.settled_among(connection, ids)


def _compiled(documents: Mapping[str, str], number: int, *, base: Path) -> Configuration:
    return compile_documents(documents, revision=number, base=base)
