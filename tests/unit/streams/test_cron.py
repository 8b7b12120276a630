"""Which minutes an expression means, above all in the two nights when clocks change (Berlin 2026: 29 March at 2:00,
25 October at 3:00)."""

import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from adjudge.streams.cron import InvalidCron, parse

BERLIN = ZoneInfo("Europe/Berlin")


def ticks(text, after, count, zone="Europe/Berlin"):
    start = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    found = itertools.islice(parse(text, zone).after(start), count)
    return [at.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes") for at in found]


def test_working_hours_end_on_friday_and_begin_on_monday():
    assert ticks("*/30 8-20 * * mon-fri", "2026-11-27T20:00", 3) == [
        "2026-11-27T20:30+01:00",
        "2026-11-30T08:00+01:00",
        "2026-11-30T08:30+01:00",
    ]


def test_a_fixed_time_in_the_skipped_hour_comes_at_its_end():
    assert ticks("30 2 * * *", "2026-03-28T12:00", 2) == ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]


def test_several_fixed_times_in_the_skipped_hour_come_once():
    assert ticks("10,20,30 2 * * *", "2026-03-28T12:00", 2) == ["2026-03-29T03:00+02:00", "2026-03-30T02:10+02:00"]


def test_a_fixed_time_in_the_repeated_hour_comes_in_the_first_pass_only():
    assert ticks("30 2 * * *", "2026-10-24T12:00", 2) == ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]


def test_an_interval_does_not_run_in_the_skipped_hour():
    assert ticks("*/30 * * * *", "2026-03-29T01:15", 3) == [
        "2026-03-29T01:30+01:00",
        "2026-03-29T03:00+02:00",
        "2026-03-29T03:30+02:00",
    ]


def test_an_interval_runs_in_both_passes_of_the_repeated_hour():
    assert ticks("*/30 * * * *", "2026-10-25T01:45", 5) == [
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T02:30+01:00",
        "2026-10-25T03:00+01:00",
    ]


def test_a_look_between_the_two_passes_finds_the_second():
    start = datetime(2026, 10, 25, 2, 40, tzinfo=BERLIN)

    first = next(parse("30 * * * *", "Europe/Berlin").after(start))

    assert first == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_half_an_hour_is_a_change_too():
    assert ticks("15 2 * * *", "2026-10-03T12:00", 1, "Australia/Lord_Howe") == ["2026-10-04T02:30+11:00"]


def test_either_day_field_is_enough_when_both_are_restricted():
    assert ticks("0 0 13 * fri", "2026-11-09T00:00", 3, "UTC") == [
        "2026-11-13T00:00+00:00",
        "2026-11-20T00:00+00:00",
        "2026-11-27T00:00+00:00",
    ]


def test_both_sundays_are_one():
    assert parse("0 0 * * 0").weekdays == parse("0 0 * * 7").weekdays == parse("0 0 * * SUN").weekdays


def test_the_leap_day_is_found_years_ahead():
    assert ticks("0 0 29 2 *", "2026-03-01T00:00", 1, "UTC") == ["2028-02-29T00:00+00:00"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("* * * *", "4 fields"),
        ("60 * * * *", "'60' is no minute"),
        ("* * 0 * *", "no day of the month"),
        ("*/0 * * * *", "holds no minute"),
        ("5-1 * * * *", "holds no minute"),
        ("* * * foo *", "no month"),
        ("* * ,1 * *", "no day of the month"),
        ("* * 31 2 *", "never comes"),
        ("@daily * * * *", "no minute"),
        ("- * * * *", "no minute"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text, says):
    with pytest.raises(InvalidCron, match=says):
        parse(text)


def test_an_unknown_zone_is_refused():
    with pytest.raises(InvalidCron, match="Mars/Olympus"):
        parse("* * * * *", "Mars/Olympus")
