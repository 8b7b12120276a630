"""The part of a worker that asks on the side: its own deciders, connections and consumers.

It begins after what serves, and when it fails it begins again: nothing that is served waits for it.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

import structlog

from adjudge.cli.processes.grounds import Ground
from adjudge.cli.processes.outbound import outbound_of
from adjudge.cli.processes.staffing import batch_ms
from adjudge.core.specifications import DeciderSpec
from adjudge.deciders import Deciders, open_deciders
from adjudge.engine.clocks import loop_time
from adjudge.engine.health.breaker_log import BreakerLog
from adjudge.engine.health.observing import StreamObserver
from adjudge.engine.health.upkeep import report_deciders
from adjudge.engine.shadows.asking import ShadowAsking
from adjudge.engine.slips import SHADOW_LANE, STREAM_PREFIX
from adjudge.store.connecting import UNAVAILABLE
from adjudge.streams import Streams, Subscription, Worker

log = structlog.get_logger()

REPORT_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 1.0
RESTART_SECONDS: Final = 5.0
DRAIN_SECONDS: Final = 1.0
"""What is not done by then is handed back: it is not worth waiting for."""


async def run_shadows(ground: Ground, stop: asyncio.Event) -> None:
    """Ask deciders in shadow, and others of audited decisions, until `stop`: those of the revision in force."""
    while not stop.is_set():
        asked = ground.revisions.in_force.asked_aside()
        specs = {name: replace(spec, isolate="process") if spec.python else spec for name, spec in asked.items()}
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(_until_others(ground, asked, stop, over), name="shadow-change")
            if specs:
                await _tried(ground, specs, over)
            await over.wait()


async def _until_others(
    ground: Ground, asked: Mapping[str, DeciderSpec], stop: asyncio.Event, over: asyncio.Event
) -> None:
    """Set `over` when the worker stops, or others are to be asked."""
    while not stop.is_set() and ground.revisions.in_force.asked_aside() == asked:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await stop.wait()
    over.set()


async def _tried(ground: Ground, specs: Mapping[str, DeciderSpec], over: asyncio.Event) -> None:
    while not over.is_set():
        try:
            await _ask_until(ground, specs, over)
        except Exception as error:  # an experiment must not hurt (promise 6)
            log.error("shadow.failed", exc_info=error)
            with suppress(TimeoutError):
                async with asyncio.timeout(RESTART_SECONDS):
                    await over.wait()


async def _ask_until(ground: Ground, specs: Mapping[str, DeciderSpec], over: asyncio.Event) -> None:
    settings = ground.settings
    async with (
        Streams(str(settings.redis_url), rng=ground.rng) as streams,
        open_deciders(
            specs.values(),
            folder=ground.folder,
            clock=loop_time,
            now=ground.clock,
            rng=ground.rng,
            strict=False,
            outbound=outbound_of(settings),
        ) as deciders,
    ):
        subscriptions = [_subscription(ground, name, spec, deciders) for name, spec in specs.items()]
        worker = Worker(
            streams, subscriptions, stop=over, drain_seconds=DRAIN_SECONDS, observer=StreamObserver("worker")
        )
        async with asyncio.TaskGroup() as group:
            reporting = group.create_task(_report(ground, deciders), name="shadow-report")
            await worker.run()
            reporting.cancel()


def _subscription(ground: Ground, decider: str, spec: DeciderSpec, deciders: Deciders) -> Subscription:
    return Subscription(
        name=f"{STREAM_PREFIX}{decider}",
        lanes={SHADOW_LANE: 1},
        handler=ShadowAsking(
            decider, kind=spec.kind, deciders=deciders, pool=ground.pool, now=ground.clock, rng=ground.rng
        ),
        batch=spec.batch,
        linger_ms=spec.linger_ms,
        batch_ms=batch_ms(spec),
        concurrency=spec.concurrency,
        lease_seconds=ground.settings.lease_seconds,
    )


async def _report(ground: Ground, deciders: Deciders) -> None:
    breakers = BreakerLog()
    while True:
        in_shadow = ground.revisions.in_force.in_shadow()
        breakers.look(state for state in deciders.states() if state.id in in_shadow)
        try:
            async with ground.pool.acquire() as connection:
                await report_deciders(connection, ground.name, deciders.states(), only=in_shadow)
        except UNAVAILABLE as error:
            log.warning("shadow.stalled", error=repr(error))
        await asyncio.sleep(REPORT_SECONDS)
