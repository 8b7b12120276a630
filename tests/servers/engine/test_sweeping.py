"""A broker that lost its data: everything is sent again, by whoever notices first."""

import asyncio

from redis.asyncio import Redis
from tests.stacks import build_stack
from tests.waiting import until

from adjudge.engine.deciding.sending import Sender
from adjudge.engine.keeping.sweeping import Sweeper
from adjudge.engine.slips import STREAM_PREFIX
from adjudge.store import measuring

__all__ = ["build_stack"]


async def test_two_keepers_that_notice_the_same_loss_send_each_question_again_once(build_stack):
    """Twice would be harmless for the outcome, and dear for the model."""
    stack = await build_stack("api")
    services = stack.services
    keepers = [Sweeper(services.pool, services.streams, Sender(services.streams), now=services.clock) for _ in range(2)]
    await asyncio.gather(*(keeper.look() for keeper in keepers))
    asked = await stack.ask_many(700, "model")  # more than a page
    await until(lambda: waiting_in(services.streams), lambda found: found >= len(asked))
    async with Redis.from_url(stack.redis_url) as redis:
        await redis.flushall()

    resent = await asyncio.gather(*(keeper.look() for keeper in keepers))
    again = await asyncio.gather(*(keeper.look() for keeper in keepers))
    sent = await waiting_in(services.streams)
    await stack.start("worker")
    await stack.settled(asked)

    assert (sorted(resent), again, sent) == ([0, 700], [0, 0], 700)
    assert sorted(stack.asked("sure@1")) == sorted(asked)
    assert await stack.value("SELECT count(*) FROM outcome") == 700


async def waiting_in(streams) -> int:
    """Return how many questions to `sure@1` nobody has read."""
    depth = await streams.depth(f"{STREAM_PREFIX}sure@1", measuring.LANES)
    return sum(lane.lag for lane in depth.lanes.values())
