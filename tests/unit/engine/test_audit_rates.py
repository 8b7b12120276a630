"""Rates of the audit coin: known before it falls, within the budget, and tenfold where the watch is worried."""

import random

import pytest

from adjudge.core.audits import AuditSpec
from adjudge.engine.audits.rate_setting import a_day, differ, rate_of
from adjudge.store.automation.audited import Volume

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
        (Volume(1_000, 0.5, 0), None, 2_000),
        (Volume(1_000, 0.5, 0), Volume(1_000, 0.5, 0), 2_000),
        (Volume(700, 5 / 86_400, 0), Volume(700, 5 / 86_400, 0), 24 * 700),
        (Volume(1_000, 1, 0), Volume(7_000, 7, 1_000), 1_000),
        (Volume(3_000, 1, 0), Volume(7_000, 7, 3_000), 3_000),
        (Volume(20, 3 / 86_400, 0), Volume(2_000, 2, 1_000), 1_000),
        (None, Volume(7_000, 7, 1_000), 1_000),
        (Volume(1_000, 1, 0), Volume(107_000, 7, 1_100), 1_100),
        (None, Volume(600, 6, 300), 100),
    ],
)
def test_what_comes_in_a_day_is_told_by_the_last_day_and_the_last_week(lately, of_week, expected):
    assert a_day(lately, of_week) == (pytest.approx(expected) if expected is not None else None)


def volume(drawn: list[tuple[float, float]], now: float, days: int) -> Volume | None:
    """`drawn`: when, in days, and at which rate."""
    there = [(now - at, 1 / rate) for at, rate in drawn if now - at < days]
    by_day = [0.0] * days
    for age, weight in there:
        by_day[int(age)] += weight
    second = sorted(by_day)[-2] if days > 1 else 0.0
    return Volume(sum(by_day), max(1e-9, there[0][0]), second) if there else None


@pytest.mark.parametrize("every", [1, 3])
def test_a_burst_every_few_nights_is_audited_up_to_the_budget(every):
    """300 decisions within a minute, a quarter of an hour sooner or later each time; rates follow every two seconds."""
    spec = AuditSpec(pool=None, expert="experts", rate=0.05, votes=0, budget=150)
    chance = random.Random(7)
    drawn: list[tuple[float, float]] = []
    by_night = []
    for night in range(0, 14 * every, every):
        begins = night + chance.uniform(0, 30) / 1_440
        before = len(drawn)
        for second in range(0, 60, 2):
            now = begins + second / 86_400
            rate = rate_of(spec, a_day(volume(drawn, now, 1), volume(drawn, now, 7)), lacks=True, boost=1)
            drawn += [(now, rate) for _ in range(10) if chance.random() < rate]
        by_night.append(len(drawn) - before)

    later = by_night[7:]
    assert min(later) > 75, by_night
    assert sum(later) / len(later) / every <= 150, by_night


@pytest.mark.parametrize("burst_on", [0, 7])
def test_a_burst_is_forgotten_once_the_days_are_ordinary_again(burst_on):
    """100,000 decisions within a quarter of an hour, else 1,000 spread over each day."""
    spec = AuditSpec(pool=None, expert="experts", rate=0.05, votes=0, budget=40)
    chance = random.Random(7)
    drawn: list[tuple[float, float]] = []

    by_day = []
    for day in range(burst_on + 7):
        before = len(drawn)
        moments = [day + minute / 1_440 for minute in range(0, 1_440, 15)]
        for number, now in enumerate(moments):
            rate = rate_of(spec, a_day(volume(drawn, now, 1), volume(drawn, now, 7)), lacks=True, boost=1)
            came = 10 + (number % 12 < 5)
            drawn += [(now, rate) for _ in range(came) if chance.random() < rate]
            if day == burst_on and number == 30:
                drawn += [(now, rate) for _ in range(100_000) if chance.random() < rate]
        by_day.append(len(drawn) - before)

    later = by_day[burst_on + 2 :]
    assert sum(later) / len(later) > 20, by_day
    assert max(later) < 80, by_day


def test_rates_are_published_only_where_they_move():
    held = {("t", "all"): 0.10}

    assert not differ(held, {("t", "all"): 0.105})
    assert differ(held, {("t", "all"): 0.12})
    assert differ(held, {})
    assert differ({}, held)
