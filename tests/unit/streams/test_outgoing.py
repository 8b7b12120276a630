"""What is published at the same time goes in one write."""

import asyncio

import pytest

from adjudge.streams import Entry, Unavailable
from adjudge.streams.outgoing import Outgoing


class Publisher:
    """Answers bodies, when it is let."""

    def __init__(self) -> None:
        self.writes = []
        self.go = asyncio.Event()
        self.asked = asyncio.Event()

    async def publish(self, entries):
        self.writes.append([entry.body for entry in entries])
        self.asked.set()
        await self.go.wait()
        return [entry.body.decode() for entry in entries]


def entry(number):
    return Entry("n", "standard", b"%d" % number, 10)


async def test_those_that_come_during_a_write_share_the_next():
    publisher = Publisher()
    outgoing = Outgoing(publisher)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        first = group.create_task(outgoing.publish(entry(0)))
        await publisher.asked.wait()
        others = [group.create_task(outgoing.publish(entry(n))) for n in range(1, 5)]
        await asyncio.sleep(0)
        publisher.go.set()

    assert publisher.writes == [[b"0"], [b"1", b"2", b"3", b"4"]]
    assert [first.result(), *(task.result() for task in others)] == ["0", "1", "2", "3", "4"]


async def test_whoever_shared_an_interrupted_write_learns_that_nothing_is_known():
    publisher = Publisher()
    outgoing = Outgoing(publisher)
    async with asyncio.timeout(5):
        await outgoing._turn.acquire()
        tasks = [asyncio.create_task(outgoing.publish(entry(n))) for n in range(2)]
        await asyncio.sleep(0)
        outgoing._turn.release()
        await publisher.asked.wait()
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]

        assert isinstance(await tasks[1], Unavailable)
    assert publisher.writes == [[b"0", b"1"]]


class Silent:
    """A broker that does not answer."""

    def __init__(self) -> None:
        self.writes = 0

    async def publish(self, entries):
        self.writes += 1
        await asyncio.sleep(0)
        return [Unavailable("silence")] * len(entries)


async def test_a_silent_broker_is_waited_for_twice_at_most_however_many_publish():
    broker = Silent()
    outgoing = Outgoing(broker)

    answers = await asyncio.gather(*(outgoing.publish(entry(n)) for n in range(3000)))

    assert {type(answer) for answer in answers} == {Unavailable}
    assert broker.writes == 2


async def test_what_is_cancelled_before_its_turn_is_not_written():
    publisher = Publisher()
    outgoing = Outgoing(publisher)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(outgoing.publish(entry(0)))
        await publisher.asked.wait()
        waiting = group.create_task(outgoing.publish(entry(1)))
        await asyncio.sleep(0)
        waiting.cancel()
        publisher.go.set()

    assert publisher.writes == [[b"0"]]
