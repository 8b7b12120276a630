"""Hours: when something holds, by days of the week and by dates, on the clock of a location.

They are times on the wall: where clocks go forward, what they skip holds for nobody; where they go back, a
repeated hour holds twice.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from adjudge.config.documents.cursors import Cursor, Misread, described
from adjudge.config.documents.faults import nearest
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.readers import text

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY: Final = 24 * 60
"""Minutes."""
MOST_SPANS: Final = 24
MOST_DATES: Final = 400

_SPAN: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24:00))")
_RANGE: Final = re.compile(rf"({'|'.join(DAYS)})-({'|'.join(DAYS)})")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_EXAMPLE: Final = "`mon-fri: 11:30-13:30`, `sat: none` or `2026-12-24: 09:00-14:00`"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Minutes of a day, the end not included; past 24:00 it goes on into the next day."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{_clock(self.start)}-{_clock(self.end) if self.end <= DAY else _clock(self.end - DAY)}"


@dataclass(frozen=True, slots=True)
class Hours:
    """What holds on each day of the week, and on dates instead of that."""

    week: tuple[tuple[Span, ...], ...]
    """Monday first."""
    dates: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)

    def hold(self, local: datetime) -> bool:
        """Return whether they hold at a time of the location's clock."""
        minute, today = local.hour * 60 + local.minute, local.date()
        return any(span.start <= minute < span.end for span in self._whole(today))

    def overlap(self, other: "Hours") -> str | None:
        """Return when both hold first, such as `mon 11:30`; None: never."""
        for day in self._telling_days(other):
            for one in self._whole(day):
                for two in other._whole(day):
                    start = max(one.start, two.start)
                    if start < min(one.end, two.end):
                        return f"{_named(day)} {_clock(start)}"
        return None

    def _of(self, day: date) -> tuple[Span, ...]:
        return self.dates.get(day, self.week[day.weekday()])

    def _whole(self, day: date) -> tuple[Span, ...]:
        """Return what holds on a day, that which began the day before included."""
        late = (span.end - DAY for span in self._of(day - timedelta(days=1)) if span.end > DAY)
        return (*(Span(0, end) for end in late), *self._of(day))

    def _telling_days(self, other: "Hours") -> Iterator[date]:
        """Yield a week far from all dates, then each date and the day after it."""
        yield from (_FAR + timedelta(days=number) for number in range(len(DAYS)))
        for day in sorted(self.dates.keys() | other.dates.keys()):
            yield from (day, day + timedelta(days=1))


def _named(day: date) -> str:
    return DAYS[day.weekday()] if day.year == _FAR.year else day.isoformat()


_FAR: Final = date(1900, 1, 1)
"""A Monday before every date that is read."""
ALWAYS: Final = Hours(((Span(0, DAY),),) * 7)


def read_hours(at: Cursor) -> Hours:
    """Read days, ranges of days, `daily` and dates. What names fewer days counts before what names more."""
    found: dict[str, tuple[Span, ...]] = {}
    dates: dict[date, tuple[Span, ...]] = {}
    by_day: dict[int, dict[int, str]] = {}
    for key, child in at.entries().items():
        spans = child.read(_spans, ())
        if _DATE.fullmatch(key):
            _add_date(dates, key, spans, child)
            continue
        days = _days(key)
        if not days:
            child.fault(f"`{key[:80]}` names no day: {_EXAMPLE}", nearest(key, ["daily", *DAYS]))
        for day in days:
            other = by_day.setdefault(day, {}).setdefault(len(days), key)
            if other != key:
                child.fault(f"`{other}` and `{key}` both say what holds on {DAYS[day]}, and neither names fewer days")
        found[key] = spans
    if isinstance(at.node.value, dict) and not at.node.value:
        at.fault(f"no day is named: {_EXAMPLE}")
    week = tuple(found[by_day[day][min(by_day[day])]] if day in by_day else () for day in range(7))
    hours = Hours(week, dates)
    _check_spans(hours, at)
    return hours


def _check_spans(hours: Hours, at: Cursor) -> None:
    for day in hours._telling_days(hours):
        whole = sorted(hours._whole(day))
        if any(before.end > after.start for before, after in pairwise(whole)):
            at.fault(f"hours overlap on {_named(day)}: {', '.join(map(str, whole))}")
            return


def _add_date(dates: dict[date, tuple[Span, ...]], key: str, spans: tuple[Span, ...], at: Cursor) -> None:
    try:
        day = date.fromisoformat(key)
    except ValueError:
        at.fault(f"`{key}` is no date")
        return
    if not 2000 <= day.year < 2200:
        at.fault(f"`{key}` is not between the years 2000 and 2199")
        return  # the calendar may end beside it
    if len(dates) >= MOST_DATES:
        at.fault(f"at most {MOST_DATES} dates are named")
    dates[day] = spans


def _days(key: str) -> tuple[int, ...]:
    if key == "daily":
        return tuple(range(7))
    if key in DAYS:
        return (DAYS.index(key),)
    between = _RANGE.fullmatch(key)
    if between is None:
        return ()
    first, last = DAYS.index(between[1]), DAYS.index(between[2])
    return tuple((first + number) % 7 for number in range((last - first) % 7 + 1))


def _spans(node: Node) -> tuple[Span, ...]:
    if node.value == "none":
        return ()
    if isinstance(node.value, list):
        if not 0 < len(node.value) <= MOST_SPANS:
            raise Misread(f"a day has 1 to {MOST_SPANS} spans, or `none`")
        return tuple(_span(item) for item in node.value)
    return (_span(node),)


def _span(node: Node) -> Span:
    if isinstance(node.value, dict | list | None):
        raise Misread(f"hours are wanted here, such as `11:30-13:30`, not {described(node)}", node=node)
    written = _SPAN.fullmatch(text(node))
    if written is None:
        raise Misread(f"{described(node)} is not a span of hours, such as `11:30-13:30`", node=node)
    start = int(written[1]) * 60 + int(written[2])
    end = DAY if written[5] else int(written[3]) * 60 + int(written[4])
    if end == start:
        raise Misread(f"{described(node)} is empty; the whole day is `00:00-24:00`", node=node)
    return Span(start, end if end > start else end + DAY)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
