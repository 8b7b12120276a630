"""The worker and the keeper, put together."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

import structlog

from adjudge.cli import readiness
from adjudge.cli.grounds import Ground, grounded
from adjudge.cli.settings import Settings
from adjudge.config import Configuration
from adjudge.deciders import Deciders, open_deciders
from adjudge.engine.admission import loop_time
from adjudge.engine.asking import Asking
from adjudge.engine.housekeeping import Housekeeping, Upkeep
from adjudge.engine.observing import StreamObserver
from adjudge.engine.slips import STREAM_PREFIX
from adjudge.engine.sweeping import Sweeper
from adjudge.engine.timers import Timers
from adjudge.streams import Subscription, Worker
from adjudge.streams.loop_watch import LoopWatch

log = structlog.get_logger()

LANES: Mapping[str, int] = {"realtime": 8, "standard": 4, "bulk": 1}
"""Weights: of what a worker handles, where all lanes wait."""

Serve: TypeAlias = Callable[[Callable[[], bool]], Coroutine[Any, Any, None]]
"""Serves probes until cancelled; given what tells whether the process is alive."""


async def run_worker(settings: Settings, stop: asyncio.Event, serve: Serve) -> None:
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
            upkeep = Upkeep(
                ground.pool,
                ground.clock,
                ground.controls,
                process=ground.name,
                streams=ground.streams,
                deciders=deciders,
            )
            subscriptions = [_subscription(ground, name, deciders) for name in configuration.deciders]
            observer, patience = StreamObserver(), _patience(configuration)
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
            log.info("worker.started", deciders=sorted(configuration.deciders), revision=configuration.revision)
            async with asyncio.TaskGroup() as group:
                background = [
                    group.create_task(upkeep.run(), name="upkeep"),
                    group.create_task(serve(lambda: _is_alive(worker, patience)), name="probe"),
                ]
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
            deciders=ground.revisions.current.deciders,
            lanes=tuple(LANES),
            now=ground.clock,
        )
        sweeper = Sweeper(ground.pool, ground.streams, ground.sender, now=ground.clock)
        upkeep = Upkeep(ground.pool, ground.clock, ground.controls, process=ground.name, streams=ground.streams)
        housekeeping = Housekeeping(ground.pool, ground.revisions)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(timers.run(), name="timers"),
                group.create_task(sweeper.run(), name="sweeper"),
                group.create_task(upkeep.run(), name="upkeep"),
                group.create_task(housekeeping.run(), name="housekeeping"),
                group.create_task(serve(lambda: True), name="probe"),
            ]
            with readiness.told(settings.ready_file):
                await stop.wait()
            for task in tasks:
                task.cancel()


def _subscription(ground: Ground, decider: str, deciders: Deciders) -> Subscription:
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


def _is_alive(worker: Worker, patience: float) -> bool:
    return worker.trouble is None and worker.silent_seconds < patience


def _patience(configuration: Configuration) -> float:
    """Return for how long a worker may be silent: longer than the slowest decider's time-out."""
    slowest = max((spec.timeout.total_seconds() for spec in configuration.deciders.values()), default=0.0)
    return 60.0 + 2 * slowest
