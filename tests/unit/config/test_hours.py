"""Hours on the clock of a location: days, dates, nights, and both changes of the clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adjudge.config.documents.cursors import Cursor
from adjudge.config.documents.faults import Faults, InvalidConfiguration
from adjudge.config.documents.nodes import parse
from adjudge.config.sections.hours import Hours, read_hours

NEW_YORK = ZoneInfo("America/New_York")


def hours(text: str) -> Hours:
    faults = Faults()
    node = parse("hours.yaml", text, "organisation", faults)
    assert node is not None
    found = read_hours(Cursor(node, "hours", faults))
    faults.raise_any()
    return found


def minutes(found: Hours, begins: datetime, zone: ZoneInfo, length: timedelta = timedelta(days=1)) -> list[str]:
    """Return the runs of real minutes in which the hours hold: first and last as the wall shows them, and how many."""
    runs: list[list[datetime]] = []
    number = int(length / timedelta(minutes=1))
    for at in (begins.astimezone(UTC) + timedelta(minutes=each) for each in range(number)):
        if found.hold(at.astimezone(zone)):
            if runs and at - runs[-1][-1] == timedelta(minutes=1):
                runs[-1].append(at)
            else:
                runs.append([at])
    return [f"{run[0].astimezone(zone):%a %H:%M}-{run[-1].astimezone(zone):%H:%M} {len(run)}" for run in runs]


def test_what_names_fewer_days_counts_before_what_names_more():
    found = hours("{daily: 06:00-23:00, mon-fri: 07:00-22:00, wed: none, 2026-03-06: [08:00-09:00, 10:00-11:00]}")

    monday = datetime(2026, 3, 2, tzinfo=UTC)
    assert minutes(found, monday, ZoneInfo("UTC"), timedelta(days=7)) == [
        *("Mon 07:00-21:59 900", "Tue 07:00-21:59 900", "Thu 07:00-21:59 900", "Fri 08:00-08:59 60"),
        *("Fri 10:00-10:59 60", "Sat 06:00-22:59 1020", "Sun 06:00-22:59 1020"),
    ]


def test_a_night_goes_on_into_the_next_day_and_into_a_date_with_hours_of_its_own():
    found = hours("{fri-sat: 22:00-02:00, 2026-03-08: 10:00-11:00}")

    friday = datetime(2026, 3, 6, tzinfo=UTC)
    assert minutes(found, friday, ZoneInfo("UTC"), timedelta(days=4)) == [
        "Fri 22:00-01:59 240",
        "Sat 22:00-01:59 240",
        "Sun 10:00-10:59 60",
    ]


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ("02:15-02:45", []),  # the clock never shows it
        ("01:30-03:30", ["Sun 01:30-03:29 60"]),
        ("03:00-04:00", ["Sun 03:00-03:59 60"]),
        ("00:00-24:00", ["Sun 00:00-23:59 1380"]),
    ],
)
def test_where_the_clock_goes_forward_the_skipped_hour_holds_for_nobody(written: str, held: list[str]):
    """New York, 8 March 2026: 02:00 is 03:00."""
    begins = datetime(2026, 3, 8, tzinfo=NEW_YORK)

    assert minutes(hours(f"{{daily: {written}}}"), begins, NEW_YORK, timedelta(hours=23)) == held


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ("01:15-01:45", ["Sun 01:15-01:44 30", "Sun 01:15-01:44 30"]),
        ("00:30-01:30", ["Sun 00:30-01:29 60", "Sun 01:00-01:29 30"]),
        ("01:30-02:30", ["Sun 01:30-01:59 30", "Sun 01:30-02:29 60"]),
        ("00:00-24:00", ["Sun 00:00-23:59 1500"]),
    ],
)
def test_where_the_clock_goes_back_a_repeated_hour_holds_twice(written: str, held: list[str]):
    """New York, 1 November 2026: 02:00 is 01:00 again."""
    begins = datetime(2026, 11, 1, tzinfo=NEW_YORK)

    assert minutes(hours(f"{{daily: {written}}}"), begins, NEW_YORK, timedelta(hours=25)) == held


@pytest.mark.parametrize(
    ("one", "other", "when"),
    [
        ("{mon: 10:00-12:00}", "{mon: 12:00-13:00}", None),
        ("{mon: 10:00-12:00}", "{daily: 11:30-13:00}", "mon 11:30"),
        ("{sun: 22:00-02:00}", "{mon: 01:00-03:00}", "mon 01:00"),
        ("{mon: 10:00-12:00}", "{tue: 10:00-12:00, 2026-03-09: 11:00-11:30}", "2026-03-09 11:00"),
        ("{mon: 10:00-12:00, 2026-03-09: none}", "{tue: 10:00-12:00, 2026-03-09: 11:00-11:30}", None),
        ("{2026-03-09: 23:00-01:00}", "{2026-03-10: 00:30-02:00}", "2026-03-10 00:30"),
    ],
)
def test_when_two_hours_hold_at_once_is_found(one: str, other: str, when: str | None):
    assert hours(one).overlap(hours(other)) == when
    assert hours(other).overlap(hours(one)) == when


SPANS = st.tuples(st.integers(0, 23), st.integers(0, 23)).filter(lambda pair: pair[0] != pair[1])
KEYS = st.sampled_from(["mon", "fri-sun", "daily", "2026-03-04", "2026-03-06"])
HOURS = st.dictionaries(KEYS, SPANS, min_size=1, max_size=3)


@settings(deadline=None, max_examples=60)
@given(one=HOURS, other=HOURS)
def test_hours_overlap_if_and_only_if_some_minute_is_of_both(one, other):
    """As looking at every half hour of the weeks around has it."""

    def written(found):
        return "{" + ", ".join(f"{key}: {a:02}:00-{b:02}:00" for key, (a, b) in found.items()) + "}"

    try:
        first, second = hours(written(one)), hours(written(other))
    except InvalidConfiguration:  # hours that overlap among themselves
        return
    begins = datetime(2026, 2, 22)
    shared = [
        at for at in (begins + timedelta(minutes=30 * n) for n in range(48 * 28)) if first.hold(at) and second.hold(at)
    ]

    assert (first.overlap(second) is not None) == bool(shared)
