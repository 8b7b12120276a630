"""What follows a commit: questions reach a broker that was away for a moment, and wait nowhere for one that is gone."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.waiting import until

from adjudge.engine.deciding import sending
from adjudge.engine.deciding.sending import BackgroundSender
from adjudge.streams import Entry, Full, Unavailable


class Broker:
    """As much of Streams as a sender needs: it answers as it is told, then takes all."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)
        self.asked: list[list[bytes]] = []

    async def publish(self, entries: Sequence[Entry]) -> list[object]:
        self.asked.append([entry.body for entry in entries])
        answer = self._answers.pop(0) if self._answers else "1-0"
        return [answer] * len(entries)


def an_entry(body: bytes) -> Entry:
    return Entry("ask:m@1", "standard", body, 1_000)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(sending, "PAUSE_SECONDS", 0.001)


async def sent(broker: Broker, *rounds: Sequence[bytes]) -> None:
    """Have a sender send these, one write after the other."""
    sender = BackgroundSender(broker)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(sender.run())
        for number, bodies in enumerate(rounds, 1):
            await sender.publish([an_entry(body) for body in bodies])
            await until(lambda number=number: len(broker.asked) >= number)
        await until(lambda: not sender._entries)
        running.cancel()


async def test_what_a_broker_that_starts_anew_did_not_answer_to_is_sent_once_it_does():
    """Else it waits until keepers see that no stream has it: five seconds, or the lease of a worker that has died."""
    broker = Broker(Unavailable("LOADING"), Unavailable("LOADING"))

    await sent(broker, [b"a", b"b"])

    assert broker.asked == [[b"a", b"b"]] * 3


async def test_nothing_is_kept_for_a_broker_that_is_gone(monkeypatch):
    monkeypatch.setattr(sending, "AGAIN_SECONDS", 0.0)
    broker = Broker(Unavailable("gone"))

    await sent(broker, [b"a"], [b"b"])

    assert broker.asked == [[b"a"], [b"b"]]


async def test_what_finds_no_room_is_left_to_the_keepers():
    broker = Broker(Full("ask:m@1"))

    await sent(broker, [b"a"], [b"b"])

    assert broker.asked == [[b"a"], [b"b"]]
