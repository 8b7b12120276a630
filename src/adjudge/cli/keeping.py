"""The keeper, put together."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from adjudge.cli import readiness
from adjudge.cli.grounds import grounded
from adjudge.cli.settings import Settings
from adjudge.cli.telling import tell_webhooks
from adjudge.engine.audit_rates import RateSetter
from adjudge.engine.auditing import Auditor
from adjudge.engine.certifying import Certifier
from adjudge.engine.coins import Coin, fresh_coin
from adjudge.engine.figures import Figures
from adjudge.engine.housekeeping import Housekeeping, Upkeep
from adjudge.engine.learning import Learner
from adjudge.engine.observing import StreamObserver
from adjudge.engine.readiness import Health, Serve
from adjudge.engine.retaining import Ages
from adjudge.engine.shadow_watch import ShadowWatch
from adjudge.engine.sweeping import Sweeper
from adjudge.engine.timers import Timers
from adjudge.store import secrets
from adjudge.store.connecting import Connection
from adjudge.store.measuring import LANES
from adjudge.streams.loop_watch import LoopWatch

T = TypeVar("T")


async def run_keeper(settings: Settings, stop: asyncio.Event, serve: Serve) -> None:
    """Move on what stands still until `stop`."""
    async with grounded("keeper", settings) as ground:
        coin = await _unless(stop, ground.begun(_coin))
        if coin is None:
            return
        timers = Timers(
            ground.pool,
            ground.streams,
            ground.stepper,
            ground.sender,
            deciders=ground.revisions.serving,
            lanes=LANES,
            now=ground.clock,
        )
        sweeper = Sweeper(ground.pool, ground.streams, ground.sender, now=ground.clock)
        upkeep = Upkeep(ground.pool, ground.clock, process=ground.name, streams=ground.streams)
        ages = Ages.of_days(decisions=settings.keep_decisions_days, evidence=settings.keep_evidence_days)
        housekeeping = Housekeeping(ground.pool, now=ground.clock, ages=ages)
        shadow_watch = ShadowWatch(ground.pool, ground.revisions, now=ground.clock)
        figures = Figures(ground.pool, ground.streams, ground.revisions, now=ground.clock)
        auditor = Auditor(
            ground.pool, ground.streams, ground.revisions, coin=coin, now=ground.clock, new_id=ground.new_id
        )
        rate_setter = RateSetter(ground.pool, ground.revisions, now=ground.clock)
        certifier = Certifier(ground.pool, ground.revisions, owner=ground.name, now=ground.clock)
        learner = Learner(ground.pool, ground.revisions, owner=ground.name, now=ground.clock)
        health = Health(
            is_alive=lambda: True,  # it answers
            is_draining=stop.is_set,
            look=ground.standing(needs_broker=False).look,
        )
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(ground.watch.run(ground.streams), name="configuration"),
                group.create_task(timers.run(), name="timers"),
                group.create_task(sweeper.run(), name="sweeper"),
                group.create_task(upkeep.run(), name="upkeep"),
                group.create_task(housekeeping.run(), name="housekeeping"),
                group.create_task(figures.run(), name="figures"),
                group.create_task(shadow_watch.run(), name="shadow-watch"),
                group.create_task(auditor.run(), name="audits"),
                group.create_task(certifier.run(), name="certificates"),
                group.create_task(rate_setter.run(), name="audit-rates"),
                group.create_task(learner.run(), name="learning"),
                group.create_task(tell_webhooks(ground), name="webhooks"),
                group.create_task(serve(health), name="probe"),
                group.create_task(readiness.tell(settings.ready_file, health.look), name="ready-file"),
            ]
            with LoopWatch(StreamObserver("keeper")):
                await stop.wait()
            for task in tasks:
                task.cancel()


async def _unless(stop: asyncio.Event, beginning: Coroutine[Any, Any, T]) -> T | None:
    """Return what a role begins with; None: it was told to stop before it had begun."""
    async with asyncio.TaskGroup() as group:
        told, begun = group.create_task(stop.wait(), name="stop"), group.create_task(beginning, name="begin")
        await asyncio.wait((told, begun), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not begun.done():
            begun.cancel()
            return None
    return begun.result()


async def _coin(connection: Connection) -> Coin:
    """Return the coin that all keepers share."""
    return Coin(*await secrets.newest(connection, "coin", fresh_coin()))
