"""Questions on the side are dropped first, counted always, and recorded once."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from tests.builders import a_case

from adjudge.deciders import Answered
from adjudge.engine import slips
from adjudge.engine.shadows import sending
from adjudge.engine.shadows.asking import ShadowAsking
from adjudge.engine.shadows.sending import Shadows
from adjudge.engine.shadows.watching import ShadowWatch
from adjudge.engine.slips import Slip
from adjudge.store import shadows
from adjudge.store.connecting import Pool, open_pool
from adjudge.store.partitions import first_id
from adjudge.store.shadows import ShadowOpinion, Tally
from adjudge.streams import Message, Streams

ASIDE = "new@1"


def now() -> datetime:
    """Return the moment: tallies of minutes are kept by PostgreSQL's clock."""
    return datetime.now(UTC)


def an_id(asked_at=None) -> UUID:
    return UUID(int=UUID(first_id(asked_at or now())).int | uuid4().int & ((1 << 74) - 1))


def a_slip(*, until=None, asked_at=None) -> Slip:
    return Slip(
        decision=an_id(asked_at),
        revision=1,
        type="claim.pay",
        location="default",
        stage=slips.NO_STAGE,
        decider=ASIDE,
        version=0,
        case=a_case(),
        events=(),
        evidence=b"{}",
        subject=b"{}",
        trace=None,
        until=until or now() + timedelta(minutes=1),
        reply=None,
    )


@pytest.fixture
async def pool(database_url) -> AsyncIterator[Pool]:
    async with open_pool(database_url, size=4, name="test") as pool:
        yield pool


@pytest.fixture
async def streams(redis_url) -> AsyncIterator[Streams]:
    async with Streams(redis_url, rng=random.Random(7)) as streams:
        yield streams


@pytest.fixture
def api(pool, streams) -> Shadows:
    return Shadows(pool, streams)


async def tally(pool) -> Tally:
    async with pool.acquire() as connection:
        found = await shadows.tallied(connection, timedelta(minutes=30), timedelta(minutes=-1))
    return found.get(ASIDE, Tally())


async def sent(streams) -> int:
    depth = await streams.depth(f"ask:{ASIDE}", (slips.SHADOW_LANE,))
    return depth.lanes[slips.SHADOW_LANE].lag + depth.lanes[slips.SHADOW_LANE].pending


async def ran(api, asked, *, pressed=False):
    """Ask, and run until nothing waits."""
    running = asyncio.create_task(api.run(lambda: pressed))
    api.ask(asked)
    async with asyncio.timeout(10):
        while api._waiting or api._wake.is_set():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await api.tally()


class Says:
    """Deciders that always say the same, and count."""

    def __init__(self, *, is_cost_known: bool = True) -> None:
        self.asked = 0
        self._said = Answered(
            answer="pay",
            confidence=1.0,
            distribution=None,
            seconds=0.001,
            cost_micros=3,
            currency="USD",
            is_cost_known=is_cost_known,
        )

    async def ask(self, decider, questions):
        self.asked += len(questions)
        return [self._said] * len(questions)


def a_worker(pool, deciders=None) -> ShadowAsking:
    return ShadowAsking(
        ASIDE,
        kind="python",
        deciders=deciders or Says(),
        pool=pool,
        now=now,
        rng=random.Random(7),
    )


def a_message(slip) -> Message:
    entry = slips.aside(slip)
    return Message(id="1-1", name=entry.name, lane=entry.lane, body=entry.body)


async def test_answers_whose_price_nobody_tells_are_counted(pool):
    """By the same hand as those of deciders that serve."""

    def counted() -> float:
        return REGISTRY.get_sample_value("adjudge_unpriced_answers_total", {"decider": ASIDE}) or 0

    before = counted()

    await a_worker(pool)([a_message(a_slip())])
    assert counted() == before

    await a_worker(pool, Says(is_cost_known=False))([a_message(a_slip()) for _ in range(3)])
    assert counted() == before + 3


async def test_while_what_is_served_waits_nothing_is_sent_and_all_is_counted(api, pool, streams):
    await ran(api, [a_slip() for _ in range(30)], pressed=True)

    assert await sent(streams) == 0
    assert (await tally(pool)).expected == 30
    assert (await tally(pool)).dropped == 30


async def test_without_pressure_all_is_sent(api, pool, streams):
    await ran(api, [a_slip() for _ in range(30)])

    assert await sent(streams) == 30
    assert (await tally(pool)).dropped == 0


async def test_a_stream_that_is_full_takes_no_more(api, pool, streams, monkeypatch):
    monkeypatch.setattr(slips, "LARGEST_SHADOW", 10)

    await ran(api, [a_slip() for _ in range(30)])

    assert await sent(streams) == 10
    assert (await tally(pool)).dropped == 20


async def test_what_waits_to_be_sent_has_a_bound(api, pool, monkeypatch):
    monkeypatch.setattr(sending, "MOST_WAITING", 5)

    api.ask([a_slip() for _ in range(8)])

    assert len(api._waiting) == 5
    await api.tally()
    assert (await tally(pool)).dropped == 3


async def test_what_could_not_be_written_down_is_counted_the_next_time(api, pool):
    class Away:
        def acquire(self):
            raise ConnectionRefusedError

    api.ask([a_slip()])
    api._pool, usual = Away(), api._pool
    with pytest.raises(ConnectionRefusedError):
        await api.tally()
    api._pool = usual
    api.ask([a_slip()])
    await api.tally()

    assert (await tally(pool)).expected == 2


async def test_a_question_delivered_twice_is_recorded_and_counted_once(pool):
    slip, worker = a_slip(), a_worker(pool)

    for _ in range(2):
        await worker([a_message(slip)])

    async with pool.acquire() as connection:
        [said] = await shadows.of_decision(connection, slip.decision)
    assert (said["answer"], said["cost_micros"]) == ("pay", 3)
    assert (await tally(pool)).answered == 1


async def test_the_same_opinions_recorded_twice_at_once_neither_deadlock_nor_count_twice(pool):
    """As when a lease ends while its worker is only slow."""

    async def record(opinions):
        async with pool.acquire() as connection:
            await shadows.record(connection, ASIDE, opinions)

    for _ in range(10):
        said = [ShadowOpinion(an_id(), "pay", 0.9, None, None, "", 0.01, 0, "USD") for _ in range(1_000)]
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            for order in (said, said[::-1]) * 2:
                group.create_task(record(order))

    assert (await tally(pool)).answered == 10_000


async def test_a_question_that_has_waited_too_long_is_not_asked(pool):
    says = Says()
    fresh, stale = a_slip(), a_slip(until=now() - timedelta(seconds=1))

    await a_worker(pool, says)([a_message(fresh), a_message(stale)])

    assert says.asked == 1
    found = await tally(pool)
    assert (found.answered, found.dropped) == (1, 1)


async def test_what_is_no_slip_is_handed_back_alone(pool):
    good = a_message(a_slip())
    bad = Message(id="9-9", name=good.name, lane=good.lane, body=b"nonsense")

    failed = await a_worker(pool)([bad, good])

    assert set(failed) == {"9-9"}
    assert (await tally(pool)).answered == 1


def missing(decider) -> float | None:
    return REGISTRY.get_sample_value("adjudge_shadow_missing_ratio", {"decider": decider})


class Current:
    """As much of the revisions as the watch looks at."""

    def __init__(self, *deciders) -> None:
        self.in_force = self
        self._names = deciders

    def in_shadow(self):
        return dict.fromkeys(self._names)

    def without(self, decider):
        self._names = tuple(name for name in self._names if name != decider)


async def test_a_shadow_that_does_not_answer_is_told_of_once_and_again_after_it_has(pool):
    watch = ShadowWatch(pool, Current(ASIDE, "other@1"), now=now)
    minute = shadows.minute_of(an_id(now() - timedelta(minutes=5)))

    with capture_logs() as logs:
        async with pool.acquire() as connection:
            await shadows.expect(connection, {(ASIDE, minute): 100}, {})
        for _ in range(3):
            await watch.look()

    assert [entry["decider"] for entry in logs if entry["event"] == "shadow.missing"] == [ASIDE]
    assert missing(ASIDE) == 1.0
    assert missing("other@1") == 0.0
    asked_at = now() - timedelta(minutes=5)
    await a_worker(pool)([a_message(a_slip(asked_at=asked_at)) for _ in range(95)])
    with capture_logs() as logs:
        await watch.look()
    assert missing(ASIDE) == pytest.approx(0.05)
    assert not [entry for entry in logs if entry["event"] == "shadow.missing"]


async def test_a_shadow_that_is_wanted_no_more_is_missed_no_more(pool):
    """The alarm on it would never end."""
    current = Current(ASIDE)
    watch = ShadowWatch(pool, current, now=now)
    async with pool.acquire() as connection:
        await shadows.expect(connection, {(ASIDE, shadows.minute_of(an_id(now() - timedelta(minutes=5)))): 100}, {})
    await watch.look()
    assert missing(ASIDE) == 1.0

    current.without(ASIDE)
    await watch.look()

    assert missing(ASIDE) == 0.0


async def test_the_minutes_that_may_still_change_alarm_nobody(pool):
    watch = ShadowWatch(pool, Current(ASIDE), now=now)

    async with pool.acquire() as connection:
        await shadows.expect(connection, {(ASIDE, shadows.minute_of(an_id())): 100}, {})
    await watch.look()

    assert missing(ASIDE) == 0.0


async def test_old_tallies_are_forgotten(pool):
    old = shadows.minute_of(an_id(now() - shadows.KEPT - timedelta(hours=1)))
    async with pool.acquire() as connection:
        await shadows.expect(connection, {(ASIDE, old): 1, (ASIDE, shadows.minute_of(an_id())): 1}, {})

        await shadows.forget(connection)

        assert await connection.fetchval("SELECT count(*) FROM shadow_tally") == 1
