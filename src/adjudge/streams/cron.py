"""Five-field cron expressions in a time zone, with cron's own rule for the two nights when clocks change.

A schedule whose minute or hour field begins with `*` runs at intervals: it follows real time, so it does not run
in the hour that is skipped, and runs in both passes of the hour that is repeated. Any other runs at fixed times:
one that falls into the skipped hour runs at once after it, and one in the repeated hour runs in the first pass
only. (Vixie and Debian cron, cron(8); their limit of three hours for such a change is ours too.)
"""

import heapq
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LARGEST_CHANGE = timedelta(hours=3)
_HORIZON_YEARS = 8
"""29 February comes after eight years at the latest."""
_PART = re.compile(r"(?:(\*)|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/([0-9]+))?")


class InvalidCron(ValueError):
    """The text is no cron expression, or one that never comes true."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    names: Mapping[str, int]


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of the week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)


@dataclass(frozen=True, slots=True)
class CronExpression:
    """Minutes that match `minute hour day-of-month month day-of-week`, by the clocks of a time zone.

    Lists, ranges, steps and English names; Sunday is 0 and 7. If both day fields are restricted, either may
    match, as in every cron. Build it with `parse`.
    """

    text: str
    zone: ZoneInfo
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    either_day: bool
    """Both day fields are restricted: one of them is enough."""
    is_interval: bool
    """It follows real time through a change of the clocks."""

    def after(self, instant: datetime) -> Iterator[datetime]:
        """All instants (UTC) that match, after this one, in order; ends at the horizon of eight years."""
        start = instant.astimezone(self.zone).replace(tzinfo=None) - _LARGEST_CHANGE
        waiting: list[datetime] = []
        given = instant.astimezone(UTC)
        for local in self._local_times(start):
            while waiting and waiting[0] <= self._settled(local):
                due = heapq.heappop(waiting)
                if due > given:  # equal ones: several fixed times of one skipped hour
                    given = due
                    yield due
            for at in self._instants(local):
                heapq.heappush(waiting, at)
        yield from sorted({at for at in waiting if at > given})

    def matches_day(self, day: date) -> bool:
        """Whether the day's three fields match."""
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (by_month or by_week if self.either_day else by_month and by_week)

    def _local_times(self, start: datetime) -> Iterator[datetime]:
        """Matching readings of the clock, from `start` on, as if it were never changed."""
        day = start.date()
        while day.year <= start.year + _HORIZON_YEARS:
            if self.matches_day(day):
                for hour in self.hours:
                    for minute in self.minutes:
                        local = datetime.combine(day, time(hour, minute))
                        if local > start:
                            yield local
            day += timedelta(days=1)

    def _settled(self, local: datetime) -> datetime:
        """Before this instant, no later reading of the clock than `local` can come."""
        return local.replace(tzinfo=self.zone).astimezone(UTC) - _LARGEST_CHANGE

    def _instants(self, local: datetime) -> tuple[datetime, ...]:
        """When the clock shows this: once, twice, or, in a skipped hour, never or at its end."""
        first, second = (local.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first == second:
            return (first,)
        if first < second:
            return (first, second) if self.is_interval else (first,)
        return () if self.is_interval else (self._end_of_gap(second, first),)

    def _end_of_gap(self, before: datetime, after: datetime) -> datetime:
        """The first instant of the new time, found between two that lie on either side of the change."""
        offset = after.astimezone(self.zone).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) / 2
            if middle.astimezone(self.zone).utcoffset() == offset:
                after = middle
            else:
                before = middle
        return after.replace(microsecond=0)


def parse(text: str, zone: str = "UTC") -> CronExpression:
    """Read five fields. Raises InvalidCron, which says what stands against it, also for an unknown zone."""
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        raise InvalidCron(f"{text!r} has {len(fields)} fields: minute, hour, day of month, month, day of week are 5")
    minutes, hours, days, months, weekdays = (
        _values(part, field, text) for part, field in zip(fields, _FIELDS, strict=True)
    )
    expression = CronExpression(
        text=text,
        zone=_zone(zone),
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(day % 7 for day in weekdays),
        either_day=not fields[2].startswith("*") and not fields[4].startswith("*"),
        is_interval=fields[0].startswith("*") or fields[1].startswith("*"),
    )
    if next(expression.after(datetime(2024, 1, 1, tzinfo=UTC)), None) is None:
        raise InvalidCron(f"{text!r} never comes: no such day in these months")
    return expression


def _values(written: str, field: _Field, text: str) -> set[int]:
    return {value for part in written.split(",") for value in _part(part, field, text)}


def _part(part: str, field: _Field, text: str) -> range:
    found = _PART.fullmatch(part)
    if not found:
        raise InvalidCron(f"{text!r}: {part!r} is no {field.name}")
    star, first, last, step = found.groups()
    least = field.least if star else _number(first, field, text)
    open_ended = star or (step and not last)  # 5/15 is 5-59/15
    most = field.most if open_ended else _number(last or first, field, text)
    if most < least or step == "0" or (step and not step.strip("0")):
        raise InvalidCron(f"{text!r}: {part!r} holds no {field.name}")
    return range(least, most + 1, int(step or 1))


def _number(written: str, field: _Field, text: str) -> int:
    number = field.names.get(written, int(written) if written.isascii() and written.isdigit() else -1)
    if not field.least <= number <= field.most:
        raise InvalidCron(f"{text!r}: {written!r} is no {field.name} ({field.least} to {field.most})")
    return number


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # KeyError: no such zone
        raise InvalidCron(f"{name!r} is no time zone known here") from error
