"""The API process, put together."""

import asyncio
import functools
import secrets as random_bytes
import signal
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any, NamedTuple

import asyncpg
import structlog

from adjudge.api import measuring
from adjudge.api.application import create_app
from adjudge.api.authentication import Authentication
from adjudge.api.media import Media
from adjudge.api.services import Services
from adjudge.api.tracing import Traced
from adjudge.cli.ports import require_free
from adjudge.cli.processes import ending
from adjudge.cli.processes.grounds import Ground, grounded, render_metrics
from adjudge.cli.processes.hosting import served
from adjudge.cli.settings import Settings
from adjudge.engine.admission.admitting import Admission
from adjudge.engine.admission.limiting import Limiter
from adjudge.engine.admission.measuring import BacklogWatch
from adjudge.engine.clocks import loop_time
from adjudge.engine.coins import Coin, fresh_coin
from adjudge.engine.deciding.amending import Amending
from adjudge.engine.deciding.cancelling import Cancelling
from adjudge.engine.deciding.notifying import Waiters
from adjudge.engine.deciding.sending import BackgroundSender
from adjudge.engine.feed.cursors import Cursors
from adjudge.engine.feed.following import Feed
from adjudge.engine.health.observing import StreamObserver
from adjudge.engine.health.upkeep import Upkeep
from adjudge.engine.intake.group_commit import GroupCommit
from adjudge.engine.intake.opening import Intake
from adjudge.engine.shadows.sending import Shadows
from adjudge.outbound import parse_permitted
from adjudge.review.answering import Answering
from adjudge.store import connecting, decisions, secrets
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.streams import Streams
from adjudge.streams.loop_watch import LoopWatch
from adjudge.telemetry import tracing

log = structlog.get_logger()


async def run_api(settings: Settings) -> None:
    """Serve until a signal; then drain. What stands against a start is raised, as for every role.

    Raises CancelledError at SIGTERM before it serves, Refused where its port is taken.
    """
    require_free(settings.host, settings.port)
    closing_seconds = settings.drain_seconds + ending.CLOSING_SECONDS
    serves = ending.cancelled_by_sigterm(closing_seconds)
    async with api_services(settings) as services:
        app = create_app(lambda: nullcontext(services))

        def end() -> None:
            app.stop(settings.drain_seconds / 2)
            ending.end_within(closing_seconds)

        server = served(
            Traced(app) if tracing.is_on() else app,
            settings.host,
            settings.port,
            drain_seconds=settings.drain_seconds,
            on_stop=end,
        )
        serves(server)  # which listens to signals itself, and raises them again once it has drained
        await server.serve()


class Keys(NamedTuple):
    """What all API processes share, so that each knows what another has signed or drawn."""

    coin: Coin
    evidence: bytes
    media: bytes
    cursors: bytes


@asynccontextmanager
async def api_services(settings: Settings) -> AsyncIterator[Services]:
    """Open an API process, its background tasks included."""
    async with (
        grounded("api", settings) as ground,
        Streams(str(settings.redis_url), rng=ground.rng) as aside,
    ):
        keys = await ground.begun(_keys)
        shadows = Shadows(ground.pool, aside)
        commit = GroupCommit(
            functools.partial(_connect, str(settings.database_url), ground.name),
            key_window_seconds=settings.key_window_seconds,
            rng=ground.rng,
            publish=ground.sender.publish,
            ask_aside=shadows.ask,
        )
        services = _services(ground, commit, keys)
        upkeep = Upkeep(
            ground.pool,
            ground.clock,
            process=ground.name,
            admission=services.admission,
        )
        backlogs = BacklogWatch(ground.streams, services.admission, deciders=ground.revisions.serving)
        with suppress(*UNAVAILABLE):  # it looks again soon
            await upkeep.look()
        await backlogs.look()
        assert isinstance(ground.sender, BackgroundSender)
        background = {
            "commit": commit.run(),
            "sender": ground.sender.run(),
            "waiters": services.waiters.run(ground.streams),
            "feed": services.feed.run(),
            "upkeep": upkeep.run(),
            "backlogs": backlogs.run(),
            "configuration": ground.lookout.run(aside),
            "limits": services.limiter.run(),
            "shadows": shadows.run(services.admission.is_pressed),
        }
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_or_end(each), name=name) for name, each in background.items()]
            with LoopWatch(StreamObserver("api")):
                yield services
            measuring.write()
            with suppress(*UNAVAILABLE):
                await shadows.tally()
            for task in tasks:
                task.cancel()


def _services(ground: Ground, commit: GroupCommit, keys: Keys) -> Services:
    """Return what the routes stand on."""
    settings = ground.settings
    return Services(
        pool=ground.pool,
        streams=ground.streams,
        revisions=ground.revisions,
        lookout=ground.lookout,
        intake=Intake(
            commit,
            ground.revisions,
            now=ground.clock,
            new_id=ground.new_id,
            coin=keys.coin,
            controls=ground.controls,
            audit_rate=settings.audit_rate,
            evidence_key=keys.evidence,
        ),
        admission=Admission(commit, monotonic=time.monotonic),
        waiters=Waiters(ground.new_id().hex, functools.partial(_settled_among, ground.pool)),
        feed=Feed(ground.pool, Cursors(keys.cursors)),
        stepper=ground.stepper,
        answering=Answering(ground.revisions, ground.stepper, now=ground.clock),
        sender=ground.sender,
        cancelling=Cancelling(ground.pool, ground.sender, now=ground.clock, new_id=ground.new_id),
        amending=Amending(ground.pool, ground.revisions, now=ground.clock, new_id=ground.new_id),
        authentication=Authentication(ground.pool),
        limiter=Limiter(ground.pool, process=ground.name, monotonic=loop_time),
        media=Media(keys.media),
        permitted=parse_permitted(settings.outbound_allow),
        clock=ground.clock,
        new_id=ground.new_id,
        chance=ground.rng.random,
        render_metrics=render_metrics,
    )


async def _keys(connection: Connection) -> Keys:
    async def shared(kind: str) -> bytes:
        _, key = await secrets.newest(connection, kind, ("1", random_bytes.token_bytes(32)))
        return key

    coin = Coin(*await secrets.newest(connection, "coin", fresh_coin()))
    return Keys(coin, await shared("evidence"), await shared("media"), await shared("cursor"))


async def _or_end(background: Coroutine[Any, Any, None]) -> None:
    """End the process when what it stands on fails: started again, it is whole; half alive, it is silent."""
    try:
        await background
    except Exception as error:
        log.error("api.background_failed", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


async def _connect(database_url: str, name: str) -> Connection:
    connection = await asyncpg.connect(
        database_url,
        timeout=5,
        command_timeout=connecting.STATEMENT_SECONDS,
        target_session_attrs=connecting.THAT_WRITES,
        server_settings={"application_name": f"adjudge {name} intake", "timezone": "UTC"},
    )
    try:
        await connecting.limit_session(connection)
        # planning the insert anew costs as much as a small flush
        await connection.execute("SET plan_cache_mode = force_generic_plan")
    except BaseException:
        connection.terminate()
        raise
    return connection


async def _settled_among(pool: Pool, ids: Any) -> Any:
    async with pool.acquire() as connection:
        return await decisions.settled_among(connection, ids)
