"""The figures are those of the running system."""

import asyncio
import operator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from tests.configured import question
from tests.stacks import Stack
from tests.waiting import until

from adjudge.api import measuring
from adjudge.config import Configuration
from adjudge.engine.configuration.revisions import InForce, Revisions
from adjudge.engine.health.figures import Figures
from adjudge.engine.slips import STREAM_PREFIX
from adjudge.store import feed
from adjudge.streams.keys import Keys
from adjudge.telemetry import names


@pytest.fixture
def figures(stack: Stack) -> Figures:
    services = stack.services
    return Figures(services.pool, services.streams, services.revisions, now=services.clock)


async def test_a_request_is_counted_by_the_template_of_its_route_and_its_kind_of_answer(stack):
    before = requests("/v1/decisions/{decision}", "4xx"), requests("/v1/decisions", "2xx"), requests("none", "4xx")

    await stack.ask()
    await stack.admin.get("/v1/decisions/00000000-0000-7000-8000-000000000000")
    await stack.admin.get("/v1/strangers/path")

    after = requests("/v1/decisions/{decision}", "4xx"), requests("/v1/decisions", "2xx"), requests("none", "4xx")
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1]


async def test_the_audit_coin_is_counted_beside_what_it_should_give(stack):
    """Promise 8. Of 400 coins of 0.5 some 200 fall, 40 more or less in all but one run of ten thousand."""
    expected, marked = audits("expected"), audits("marked")

    await stack.ask_many(400)

    assert audits("expected") - expected == pytest.approx(200)
    assert 160 < audits("marked") - marked < 240


async def test_a_step_that_nobody_takes_is_overdue(stack, figures):
    await until(lambda: stack.rows("SELECT FROM work"), operator.not_)  # what was asked before is settled
    await stack.stop("keeper")
    asked = await stack.ask("person")
    await stack.rows(
        "UPDATE work SET due_at = clock_timestamp() - interval '1 min' WHERE decision_id = $1", asked["id"]
    )

    await figures.measure_open()

    assert value("adjudge_overdue_decisions") == 1
    assert value("adjudge_open_decisions", lane="standard") == 1
    await stack.start("keeper")
    await until(lambda: value("adjudge_overdue_decisions") == 0)


async def test_questions_wait_in_the_figures_though_no_worker_lives_to_tell(stack, figures):
    await stack.stop("worker")
    asked = [(await stack.ask())["id"] for _ in range(3)]

    async with asyncio.timeout(10):
        while value("adjudge_stream_unread", decider="sure@1", lane="standard") != 3:
            await figures.measure_streams()

    await stack.start("worker")
    await stack.settled(asked)


async def test_a_task_waits_for_its_pool_in_the_figures_and_the_vote_is_timed(stack, figures):
    votes = value("adjudge_vote_duration_seconds_count", pool="experts") or 0
    await stack.ask("expert")

    await figures.measure_queues()

    assert value("adjudge_queue_waiting", pool="experts") == 1
    await (await stack.reviewer("eva", "experts")).vote("pay")
    assert value("adjudge_vote_duration_seconds_count", pool="experts") == votes + 1


@pytest.mark.parametrize("began", ["before", "later"])
async def test_what_waits_for_a_pool_that_a_later_revision_dropped_is_in_the_figures(
    stack, figures, monkeypatch, began
):
    """A keeper that began later holds the newest revision alone."""
    await stack.ask("expert")
    old = stack.services.revisions.current
    newest = replace(old, revision=old.revision + 1, pools={})
    held = Revisions(
        old if began == "before" else newest,
        lambda documents, number, *_: replace(old, documents=documents, revision=number),
    )
    held.put_in_force(InForce(newest))
    monkeypatch.setattr(figures, "_revisions", held)
    names.QUEUE_WAITING.labels("experts").set(0)

    await figures.measure_queues()

    assert value("adjudge_queue_waiting", pool="experts") == 1
    await (await stack.reviewer("eva", "experts")).vote("pay")


async def test_what_is_configured_no_more_waits_for_nothing_in_the_figures(stack, figures, monkeypatch):
    """Whatever it stood at when it went, an alarm on it ends."""
    await stack.stop("keeper")
    old = stack.services.revisions.current
    for measure in (figures.measure_open, figures.measure_queues, figures.measure_streams, figures.measure_store):
        await measure()
    stood = (names.SUSPENDED, names.AUDITS_OLDEST), (names.QUEUE_OLDEST, names.QUEUE_WAITING)
    for gauge in stood[0]:
        gauge.labels("expert").set(7)
    for gauge in stood[1]:
        gauge.labels("experts").set(7)
    names.STREAM_DEAD.labels("sure@1").set(7)
    names.STREAM_OLDEST.labels("sure@1", "standard").set(7)
    monkeypatch.setattr(figures, "_revisions", Revisions(replace(old, types={}, pools={}, deciders={}), _compiled))

    for measure in (figures.measure_open, figures.measure_queues, figures.measure_streams):
        await measure()

    assert value("adjudge_suspended_slices", type="expert") == 0
    assert value("adjudge_audits_oldest_seconds", type="expert") == 0
    assert value("adjudge_queue_oldest_seconds", pool="experts") == 0
    assert value("adjudge_queue_waiting", pool="experts") == 0
    assert value("adjudge_stream_dead_letters", decider="sure@1") == 0
    assert value("adjudge_stream_oldest_seconds", decider="sure@1", lane="standard") == 0
    await stack.start("keeper")


def _compiled(*_: object) -> Configuration:
    raise AssertionError("nothing is to be compiled")


async def test_coverage_counts_what_models_settled_and_no_fallback(stack, figures):
    await stack.stop("keeper")
    asked = [(await stack.ask(kind))["id"] for kind in ("gated", "nobody.answer")]
    stack.open_gate()
    await stack.start("keeper")
    await stack.settled(asked)

    await figures.measure_store()

    assert value("adjudge_coverage_ratio", type="gated") == 1
    assert value("adjudge_coverage_ratio", type="nobody.answer") == 0


async def test_how_long_the_oldest_has_been_open_is_told_for_each_lane(stack, figures):
    asked = await stack.ask("person")
    await stack.rows("UPDATE work SET asked_at = asked_at - interval '1 hour' WHERE decision_id = $1", asked["id"])

    await figures.measure_open()
    waited = value("adjudge_oldest_open_seconds", lane="standard")
    assert (await stack.admin.post(f"/v1/decisions/{asked['id']}/cancel")).status_code == 200
    await figures.measure_open()

    assert 3_600 <= waited < 4_000
    assert value("adjudge_oldest_open_seconds", lane="standard") < 3_600
    assert value("adjudge_oldest_open_seconds", lane="realtime") == 0


async def test_what_is_refused_and_what_runs_out_is_counted(stack):
    refused = value("adjudge_decisions_refused_total", problem="unknown-type") or 0
    expired = value("adjudge_lease_expiries_total") or 0
    assert (await stack.admin.post("/v1/decisions", question("nonsense"))).status_code == 422
    asked, ben = await stack.ask("brief"), await stack.reviewer("ben", "brief")
    [_] = await ben.claim(wait=5)

    await until(lambda: (value("adjudge_lease_expiries_total") or 0) > expired)
    assert value("adjudge_decisions_refused_total", problem="unknown-type") == refused + 1
    await stack.admin.post(f"/v1/decisions/{asked['id']}/cancel")


async def test_dead_letters_are_told_while_they_lie_there(stack, figures):
    async with Redis.from_url(stack.redis_url) as redis:
        dead = Keys(f"{STREAM_PREFIX}sure@1").dead
        await redis.xadd(dead, {"d": "{}"})
        await figures.measure_streams()
        lying = value("adjudge_stream_dead_letters", decider="sure@1")
        await redis.delete(dead)
    await figures.measure_streams()

    assert (lying, value("adjudge_stream_dead_letters", decider="sure@1")) == (1, 0)


async def test_a_transaction_that_does_not_end_is_in_the_figures_though_nobody_follows(stack, figures, monkeypatch):
    """It holds back webhooks too, and readers that fetch pages; and when it has ended the figure falls."""
    await stack.stop("keeper")
    monkeypatch.setattr("adjudge.engine.health.figures.loop_time", iter(range(0, 1_000, 70)).__next__)
    writer = await asyncpg.connect(stack.observed_url)
    writing = writer.transaction()
    await writing.start()
    own = await writer.fetchval("SELECT pg_current_xact_id()")
    async with stack.db.acquire() as connection:  # others that began before are ending
        await until(lambda: feed.reach(connection), lambda reach: reach[0] == own)
    await figures.measure_feed()
    assert value("adjudge_feed_held_back_seconds") == 0, "nothing comes after it yet"
    await stack.value("SELECT pg_current_xact_id()")

    for held in (70, 140):
        await figures.measure_feed()
        assert value("adjudge_feed_held_back_seconds") == held
    await writing.rollback()
    await figures.measure_feed()

    assert value("adjudge_feed_held_back_seconds") == 0
    monkeypatch.undo()
    await writer.close()
    await stack.start("keeper")


async def test_the_store_tells_its_size_and_how_far_it_is_prepared(figures):
    await figures.measure_store()

    assert value("adjudge_database_bytes") > 1_000_000
    assert value("adjudge_partition_weeks_ahead", process="keeper") >= 1


async def test_a_keepers_duties_say_when_they_were_last_done(stack):
    started = stack.services.clock() - timedelta(seconds=1)

    for duty in (
        "timers",
        "sweeper",
        "leases",
        "tidy",
        *(f"figures-{part}" for part in ("open", "feed", "queues", "streams")),
    ):
        await until(
            lambda duty=duty: (
                (value("adjudge_duty_last_success_timestamp_seconds", duty=duty) or 0) > started.timestamp()
            )
        )


async def test_the_delay_of_the_event_loop_is_measured_in_each_process():
    for process in ("api", "worker", "keeper"):
        await until(lambda process=process: bool(value("adjudge_loop_delay_seconds_count", process=process)))


async def test_settling_a_batch_is_timed(stack):
    before = value("adjudge_settle_duration_seconds_count") or 0

    await stack.settled([(await stack.ask())["id"]])

    assert value("adjudge_settle_duration_seconds_count") > before


async def test_what_was_not_marked_is_counted_as_nothing_and_not_left_out(stack):
    """An alert compares it with what was expected: without a series there is nothing to compare."""
    seldom = ("person", "expert", "paused", "brief", "tie", "majority", "together", "claims")
    for kind in seldom:
        await stack.ask(kind)

    assert [kind for kind in seldom if value("adjudge_audits_marked_total", type=kind) is None] == []


def requests(route: str, status: str) -> float:
    measuring.write()
    return value("adjudge_http_request_duration_seconds_count", route=route, status=status) or 0


def audits(which: str) -> float:
    return value(f"adjudge_audits_{which}_total", type="model") or 0


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)
