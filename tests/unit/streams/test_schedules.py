"""Which ticks are published, and which are left out."""

import pytest

from adjudge.streams.schedules import GRACE_SECONDS, Cron, Every, Missed, Schedule, Tick, due

MINUTE = 60_000
GRACE = round(GRACE_SECONDS * 1000)


def a_schedule(**options):
    return Schedule(**{"id": "s", "lane": "standard", "when": Every(60), **options})


def ticks(last, now, **options):
    return list(due(a_schedule(**options), last, now).ticks)


@pytest.mark.parametrize("missed", Missed)
def test_a_tick_in_time_is_published_under_every_policy(missed):
    assert ticks(0, MINUTE, missed=missed) == [MINUTE]


def test_nothing_is_due_before_its_time():
    found = due(a_schedule(), 0, MINUTE - 1)

    assert (list(found.ticks), found.reached, found.next_ms) == ([], 0, MINUTE)


def test_one_publishes_the_latest_missed_tick():
    found = due(a_schedule(missed=Missed.ONE), 0, 5 * MINUTE + 30_000)

    assert (list(found.ticks), found.dropped, found.reached) == ([5 * MINUTE], 4, 5 * MINUTE)
    assert found.next_ms == 6 * MINUTE


def test_skip_leaves_a_late_tick_out_and_moves_on():
    found = due(a_schedule(missed=Missed.SKIP), 0, 5 * MINUTE + GRACE + 1)

    assert (list(found.ticks), found.dropped, found.reached) == ([], 5, 5 * MINUTE)


def test_skip_keeps_a_tick_that_another_worker_would_have_published():
    assert ticks(0, 5 * MINUTE + GRACE, missed=Missed.SKIP) == [5 * MINUTE]


def test_all_publishes_the_latest_within_its_limit_oldest_first():
    assert ticks(0, 5 * MINUTE, missed=Missed.ALL, limit=3) == [3 * MINUTE, 4 * MINUTE, 5 * MINUTE]


def test_what_is_too_old_is_dropped():
    assert ticks(0, 10 * MINUTE, missed=Missed.ALL, within_seconds=120) == [9 * MINUTE, 10 * MINUTE]


def test_a_clock_that_went_back_repeats_nothing():
    found = due(a_schedule(), 10 * MINUTE, 8 * MINUTE)

    assert (list(found.ticks), found.reached, found.next_ms) == ([], 10 * MINUTE, 11 * MINUTE)


def test_a_millisecond_interval_after_a_day_costs_no_day():
    assert len(due(a_schedule(when=Every(0.001), missed=Missed.ALL), 0, 86_400_000).ticks) == 100


def test_cron_ticks_are_due_on_the_minute():
    assert ticks(0, 2 * MINUTE, when=Cron.parse("* * * * *"), missed=Missed.ALL) == [MINUTE, 2 * MINUTE]


def test_a_body_names_the_schedule_and_its_time():
    assert a_schedule().body(Tick("s", 1.5)) == b'{"schedule":"s","at":1.5}'
