"""The keeper, put together."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from adjudge.cli.processes import readiness
from adjudge.cli.processes.grounds import Ground, grounded
from adjudge.cli.processes.webhooks import tell_webhooks
from adjudge.cli.settings import Settings
from adjudge.engine.audits.learning import Learner
from adjudge.engine.audits.rate_setting import RateSetter
from adjudge.engine.audits.sampling import Auditor
from adjudge.engine.certificates.certifying import Certifier
from adjudge.engine.coins import Coin, fresh_coin
from adjudge.engine.health.figures import Figures
from adjudge.engine.health.observing import StreamObserver
from adjudge.engine.health.readiness import Health, Serve
from adjudge.engine.health.upkeep import Upkeep
from adjudge.engine.keeping.housekeeping import Housekeeping
from adjudge.engine.keeping.retaining import Ages
from adjudge.engine.keeping.sweeping import Sweeper
from adjudge.engine.keeping.timers import Timers
from adjudge.engine.shadows.watching import ShadowWatch
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
        health = Health(
            is_alive=lambda: True,  # it answers
            is_draining=stop.is_set,
            look=ground.standing(needs_broker=False).look,
        )
        background = {
            "configuration": ground.lookout.run(ground.streams),
            **_duties(ground, coin),
            "probe": serve(health),
            "ready-file": readiness.tell(settings.ready_file, health.look),
        }
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each, name=name) for name, each in background.items()]
            with LoopWatch(StreamObserver("keeper")):
                await stop.wait()
            for task in tasks:
                task.cancel()


def _duties(ground: Ground, coin: Coin) -> dict[str, Coroutine[Any, Any, None]]:
    """Return what a keeper sees to, by name."""
    pool, streams, revisions, now = ground.pool, ground.streams, ground.revisions, ground.clock
    settings = ground.settings
    ages = Ages.of_days(decisions=settings.keep_decisions_days, evidence=settings.keep_evidence_days)
    timers = Timers(pool, streams, ground.stepper, ground.sender, deciders=revisions.serving, lanes=LANES, now=now)
    return {
        "timers": timers.run(),
        "sweeper": Sweeper(pool, streams, ground.sender, now=now).run(),
        "upkeep": Upkeep(pool, now, process=ground.name).run(),
        "housekeeping": Housekeeping(pool, ground.stepper, ground.sender, now=now, ages=ages).run(),
        "figures": Figures(pool, streams, revisions, now=now).run(),
        "shadow-watch": ShadowWatch(pool, revisions, now=now).run(),
        "audits": Auditor(pool, streams, revisions, coin=coin, now=now, new_id=ground.new_id).run(),
        "certificates": Certifier(pool, revisions, owner=ground.name, now=now).run(),
        "audit-rates": RateSetter(pool, revisions, owner=ground.name, now=now).run(),
        "learning": Learner(pool, revisions, owner=ground.name, now=now).run(),
        "webhooks": tell_webhooks(ground),
    }


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
