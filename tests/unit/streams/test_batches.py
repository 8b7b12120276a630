"""How much of one lane is handled at once, while something more urgent may come."""

import asyncio

from adjudge.streams import Entry, Subscription, Worker
from adjudge.streams.testing import simulated

NAME = "ask:m@1"


class OneAfterTheOther:
    """A model of 5 ms a question, whoever asks; notes the lane and the size of each batch."""

    def __init__(self) -> None:
        self.batches = []
        self._lock = asyncio.Lock()

    async def __call__(self, messages):
        self.batches.append((messages[0].lane, len(messages)))
        async with self._lock:
            await asyncio.sleep(0.005 * len(messages))

    def largest(self, lane):
        """Forget what was handled; return the largest batch of it."""
        batches, self.batches = self.batches, []
        return max(size for of, size in batches if of == lane)


def test_a_lane_has_short_batches_for_as_long_as_something_more_urgent_is_reckoned_with():
    async def story(simulation):
        model, stop = OneAfterTheOther(), asyncio.Event()
        subscription = Subscription(name=NAME, lanes={"standard": 4, "bulk": 1}, handler=model, batch_ms=100)
        worker = asyncio.create_task(Worker(simulation.streams, [subscription], stop=stop).run())
        await simulation.streams.publish([Entry(NAME, "bulk", b"x", 100_000)] * 10_000)

        await simulation.advance(5)
        assert model.largest("bulk") >= 10

        for _ in range(10):
            await simulation.streams.publish([Entry(NAME, "standard", b"x", 100_000)])
            await simulation.advance(1)
        model.largest("bulk")  # the first one waited for a long one
        for _ in range(2):
            await simulation.streams.publish([Entry(NAME, "standard", b"x", 100_000)])
            await simulation.advance(8)
        assert model.largest("bulk") <= 8

        await simulation.advance(10)
        assert model.largest("bulk") >= 10

        stop.set()
        await worker

    simulated(story)
