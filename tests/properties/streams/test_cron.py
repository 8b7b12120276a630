"""The ticks of an expression against a walk over all minutes."""

import itertools
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from adjudge.streams.cron import InvalidCron, parse

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata")
MINUTE, DAYS = timedelta(minutes=1), 3
CHANGES_2026 = [
    datetime(2026, *day, tzinfo=UTC) for day in ((3, 8), (3, 29), (4, 4), (10, 3), (10, 25), (11, 1), (6, 9))
]


def a_field(least, most):
    number = st.integers(least, most)
    pair = st.tuples(number, number).map(sorted)
    part = st.one_of(
        number.map(str),
        pair.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.tuples(pair, st.integers(1, 30)).map(lambda it: f"{it[0][0]}-{it[0][1]}/{it[1]}"),
        st.integers(1, 30).map(lambda step: f"*/{step}"),
    )
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


expressions = st.tuples(a_field(0, 59), a_field(0, 23), a_field(1, 31), st.just("*"), a_field(0, 7)).map(" ".join)


@cache
def numbers(field, least, most):
    """What a field means, read in another way than the parser does."""
    found = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        low, high = (least, most) if span == "*" else (int(first), int(last or first))
        found |= {n for n in range(least, most + 1) if low <= n <= high and (n - low) % int(step or 1) == 0}
    return found


def shown_by(text):
    """Whether a reading of the clock is one that the expression names."""
    minute, hour, day, month, weekday = text.split()
    minutes, hours, months = numbers(minute, 0, 59), numbers(hour, 0, 23), numbers(month, 1, 12)
    days, week = numbers(day, 1, 31), {number % 7 for number in numbers(weekday, 0, 7)}
    either = not day.startswith("*") and not weekday.startswith("*")

    def shows(local):
        if local.minute not in minutes or local.hour not in hours or local.month not in months:
            return False
        by_month, by_week = local.day in days, local.isoweekday() % 7 in week
        return (by_month or by_week) if either else (by_month and by_week)

    return shows


def walked(text, zone, start, end):
    """Every minute of real time, by cron's rule: intervals by the clock alone, fixed times once, late if skipped."""
    shows = shown_by(text)
    interval = any(field.startswith("*") for field in text.split()[:2])
    found, at = [], start - timedelta(hours=4)
    seen_local = at.astimezone(zone).replace(tzinfo=None) - MINUTE
    while at <= end:
        local = at.astimezone(zone).replace(tzinfo=None)
        if interval:
            due = shows(local)
        else:  # the clock's readings that are new, those that were jumped over included
            due = any(shows(seen_local + k * MINUTE) for k in range(1, (local - seen_local) // MINUTE + 1))
            seen_local = max(seen_local, local)
        if due and at > start:
            found.append(at)
        at += MINUTE
    return found


@given(expressions, st.sampled_from(ZONES), st.sampled_from(CHANGES_2026), st.integers(-36 * 60, 36 * 60))
def test_ticks_are_those_of_a_walk_over_all_minutes(text, zone, near, minutes):
    try:
        expression = parse(text, zone)
    except InvalidCron:
        assume(False)
    start = near + minutes * MINUTE
    end = start + timedelta(days=DAYS)

    found = list(itertools.takewhile(lambda at: at <= end, expression.after(start)))

    assert found == walked(text, ZoneInfo(zone), start, end)
