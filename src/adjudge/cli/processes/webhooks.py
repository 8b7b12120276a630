"""The webhooks of a keeper, put together: how outcomes reach the endpoints of callers."""

import asyncio

from adjudge.cli.processes.grounds import Ground
from adjudge.engine.clocks import loop_time
from adjudge.engine.webhooks.delivering import Deliverer
from adjudge.engine.webhooks.fanning import FanOut
from adjudge.engine.webhooks.posting import Poster
from adjudge.engine.webhooks.upkeep import look_after_webhooks
from adjudge.outbound import parse_permitted
from adjudge.outbound.client import open_client


async def tell_webhooks(ground: Ground) -> None:
    """Fan out and deliver until cancelled."""
    async with open_client(parse_permitted(ground.settings.outbound_allow)) as client:
        poster = Poster(client, now=ground.clock, monotonic=loop_time)
        deliverer = Deliverer(
            ground.pool,
            poster,
            monotonic=loop_time,
            chance=ground.rng.random,
            lease_seconds=ground.settings.lease_seconds,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(FanOut(ground.pool, now=ground.clock).run(), name="fan-out")
            group.create_task(deliverer.run(), name="deliver")
            group.create_task(look_after_webhooks(ground.pool), name="webhook-upkeep")
