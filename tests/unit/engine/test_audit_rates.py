"""Rates of the audit coin: known before it falls, within the budget, and tenfold where the watch is worried."""

import random

import pytest

from adjudge.core.audits import AuditSpec
from adjudge.engine.audit_rates import a_day, differ, rate_of

SPEC = AuditSpec(pool=None, expert="experts", rate=0.05, votes=0)
DAY = 10_000.0
"""So many decisions in a day."""


@pytest.mark.parametrize(
    ("budget", "volume", "lacks", "boost", "rate"),
    [
        (None, DAY, True, 1, 0.05),
        (2_000, None, True, 1, 0.05),
        (2_000, DAY, True, 1, 0.2),
        (2_000, DAY, False, 1, 0.05),
        (100, DAY, False, 1, 0.01),
        (2_000, 2 * DAY, True, 1, 0.1),
        (10**6, DAY, True, 1, 1.0),
        (None, DAY, False, 10, 0.5),
        (None, DAY, False, 100, 1.0),
    ],
)
def test_a_rate_follows_budget_volume_and_watch(budget, volume, lacks, boost, rate):
    spec = AuditSpec(pool=None, expert="experts", rate=0.05, votes=0, budget=budget)

    assert rate_of(spec, volume, lacks=lacks, boost=boost) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("lately", "of_week", "expected"),
    [
        (None, None, None),
        ((1_000.0, 0.5), None, 2_000),
        ((1_000.0, 0.5), (1_000.0, 0.5), 2_000),
        ((700.0, 5 / 86_400), (700.0, 5 / 86_400), 24 * 700),
        ((1_000.0, 1.0), (7_000.0, 7.0), 1_000),
        ((3_000.0, 1.0), (7_000.0, 7.0), 3_000),
        ((20.0, 3 / 86_400), (2_000.0, 2.0), 1_000),
        (None, (7_000.0, 7.0), 1_000),
    ],
)
def test_what_comes_in_a_day_is_told_by_the_last_day_and_the_last_week(lately, of_week, expected):
    assert a_day(lately, of_week) == (pytest.approx(expected) if expected is not None else None)


@pytest.mark.parametrize("every", [1, 3])
def test_a_burst_every_few_nights_is_audited_up_to_the_budget(every):
    """300 decisions within a minute, a quarter of an hour sooner or later each time; rates follow every two seconds."""
    spec = AuditSpec(pool=None, expert="experts", rate=0.05, votes=0, budget=150)
    chance = random.Random(7)
    drawn: list[tuple[float, float]] = []
    """When, in days, and at which rate."""

    def volume(now: float, days: float) -> tuple[float, float] | None:
        there = [(at, rate) for at, rate in drawn if now - at < days]
        return (sum(1 / rate for _, rate in there), max(1e-9, now - there[0][0])) if there else None

    by_night = []
    for night in range(0, 14 * every, every):
        begins = night + chance.uniform(0, 30) / 1_440
        before = len(drawn)
        for second in range(0, 60, 2):
            now = begins + second / 86_400
            rate = rate_of(spec, a_day(volume(now, 1), volume(now, 7)), lacks=True, boost=1)
            drawn += [(now, rate) for _ in range(10) if chance.random() < rate]
        by_night.append(len(drawn) - before)

    later = by_night[7:]
    assert min(later) > 75, by_night
    assert sum(later) / len(later) / every <= 150, by_night


def test_rates_are_published_only_where_they_move():
    held = {("t", "all"): 0.10}

    assert not differ(held, {("t", "all"): 0.105})
    assert differ(held, {("t", "all"): 0.12})
    assert differ(held, {})
    assert differ({}, held)
