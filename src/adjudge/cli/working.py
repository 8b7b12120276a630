"""The worker and the keeper, put together."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

import structlog

from adjudge.cli import readiness
from adjudge.cli.grounds import Ground, grounded
from adjudge.cli.outbound import outbound_of
from adjudge.cli.settings import Settings
from adjudge.cli.shadowing import run_shadows
from adjudge.cli.telling import tell_webhooks
from adjudge.config import Configuration
from adjudge.deciders import Deciders, open_deciders
from adjudge.engine.admission import loop_time
from adjudge.engine.asking import Asking
from adjudge.engine.auditing import Auditor
from adjudge.engine.coins import Coin, fresh_coin
from adjudge.engine.figures import Figures
from adjudge.engine.housekeeping import Housekeeping, Upkeep
from adjudge.engine.observing import StreamObserver
from adjudge.engine.readiness import Health
from adjudge.engine.shadow_watch import ShadowWatch
from adjudge.engine.slips import STREAM_PREFIX
from adjudge.engine.sweeping import Sweeper
from adjudge.engine.timers import Timers
from adjudge.store import secrets
from adjudge.streams import Subscription, Worker
from adjudge.streams.loop_watch import LoopWatch

log = structlog.get_logger()

LANES: Mapping[str, int] = {"realtime": 8, "standard": 4, "bulk": 1}
"""Weights: of what a worker handles, where all lanes wait."""

Serve: TypeAlias = Callable[[Health], Coroutine[Any, Any, None]]
"""Serves probes until cancelled."""


async def run_worker(settings: Settings, stop: asyncio.Event, serve: Serve) -> None:
    """Ask deciders and settle until `stop`; then drain."""
    async with grounded("worker", settings) as ground:
        configuration = ground.revisions.current
        async with open_deciders(
            configuration.serving.values(),
            folder=ground.folder,
            clock=loop_time,
            now=ground.clock,
            rng=ground.rng,
            strict=False,
            outbound=outbound_of(settings),
        ) as deciders:
            upkeep = Upkeep(
                ground.pool,
                ground.clock,
                ground.controls,
                process=ground.name,
                streams=ground.streams,
                deciders=deciders,
            )
            subscriptions = [_subscription(ground, name, deciders) for name in configuration.serving]
            observer, patience = StreamObserver("worker"), _patience(configuration)
            loop_watch = LoopWatch(observer, stall_seconds=patience)
            worker = Worker(
                ground.streams,
                subscriptions,
                stop=stop,
                drain_seconds=settings.drain_seconds,
                observer=observer,
                stall_seconds=patience,
                loop_watch=loop_watch,
            )
            health = Health(
                is_alive=lambda: _is_alive(worker, patience),
                is_draining=stop.is_set,
                look=ground.standing(needs_broker=True).look,
            )
            log.info("worker.started", deciders=sorted(configuration.serving), revision=configuration.revision)
            async with asyncio.TaskGroup() as group:
                background = [
                    group.create_task(upkeep.run(), name="upkeep"),
                    group.create_task(serve(health), name="probe"),
                ]
                group.create_task(run_shadows(ground, stop), name="shadows")
                with loop_watch, readiness.told(settings.ready_file):
                    if subscriptions:
                        await worker.run()
                    await stop.wait()
                for task in background:
                    task.cancel()


async def run_keeper(settings: Settings, stop: asyncio.Event, serve: Serve) -> None:
    """Move on what stands still until `stop`."""
    async with grounded("keeper", settings) as ground:
        timers = Timers(
            ground.pool,
            ground.streams,
            ground.stepper,
            ground.sender,
            deciders=ground.revisions.current.serving,
            lanes=tuple(LANES),
            now=ground.clock,
        )
        sweeper = Sweeper(ground.pool, ground.streams, ground.sender, now=ground.clock)
        upkeep = Upkeep(ground.pool, ground.clock, ground.controls, process=ground.name, streams=ground.streams)
        housekeeping = Housekeeping(ground.pool, now=ground.clock, ages=settings.ages)
        shadow_watch = ShadowWatch(ground.pool, ground.revisions, now=ground.clock)
        figures = Figures(ground.pool, ground.streams, ground.revisions, now=ground.clock)
        async with ground.pool.acquire() as connection:
            coin = Coin(*await secrets.newest(connection, "coin", fresh_coin()))
        auditor = Auditor(
            ground.pool, ground.streams, ground.revisions, coin=coin, now=ground.clock, new_id=ground.new_id
        )
        health = Health(
            is_alive=lambda: True,  # it answers
            is_draining=stop.is_set,
            look=ground.standing(needs_broker=False).look,
        )
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(timers.run(), name="timers"),
                group.create_task(sweeper.run(), name="sweeper"),
                group.create_task(upkeep.run(), name="upkeep"),
                group.create_task(housekeeping.run(), name="housekeeping"),
                group.create_task(figures.run(), name="figures"),
                group.create_task(shadow_watch.run(), name="shadow-watch"),
                group.create_task(auditor.run(), name="audits"),
                group.create_task(tell_webhooks(ground), name="webhooks"),
                group.create_task(serve(health), name="probe"),
            ]
            with LoopWatch(StreamObserver("keeper")), readiness.told(settings.ready_file):
                await stop.wait()
            for task in tasks:
                task.cancel()


def _subscription(ground: Ground, decider: str, deciders: Deciders) -> Subscription:
    spec = ground.revisions.current.deciders[decider]
    asking = Asking(
        decider,
        kind=spec.kind,
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
        linger_ms=spec.linger_ms,
        concurrency=spec.concurrency,
        lease_seconds=ground.settings.lease_seconds,
        on_dead=asking.gave_up,
    )


def _is_alive(worker: Worker, patience: float) -> bool:
    return worker.trouble is None and worker.silent_seconds < patience


def _patience(configuration: Configuration) -> float:
    """Return for how long a worker may be silent: longer than the slowest decider's time-out."""
    slowest = max((spec.timeout.total_seconds() for spec in configuration.serving.values()), default=0.0)
    return 60.0 + 2 * slowest
