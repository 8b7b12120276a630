"""What holds at one location, compiled."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from adjudge.config.documents.cursors import Cursor
from adjudge.config.documents.nodes import Node
from adjudge.config.routing import Request, Surroundings, Way
from adjudge.config.sections.hours import Hours
from adjudge.config.sections.routes import Route
from adjudge.core.plans import Plan
from adjudge.core.specifications import Location, QuestionType

MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class _Minute:
    """What held when it was last asked for: hours begin and end with whole minutes."""

    begins: datetime
    ends: datetime
    site: "Site"


@dataclass(frozen=True, slots=True)
class Site:
    """A location with its types and plans. Equal plans of several locations are one object."""

    location: Location
    types: Mapping[str, QuestionType]
    ways: Mapping[str, tuple[Way, ...]]
    """By question type, the routes that it may take in order; the last is for all that come so far."""
    routes: tuple[Route, ...]
    """All that are listed here."""
    hours: Hours
    """When it is open."""
    zone: ZoneInfo
    rates: Mapping[str, float]
    effective: Node
    """All layers, merged."""
    declared: Cursor
    """The location's own entry; empty where none is declared."""
    schedule: str | None = None
    """The schedule that holds."""
    scheduled: Mapping[str, tuple[Hours, "Site"]] = field(default_factory=dict)
    """By schedule, its hours and what holds in them instead of this."""
    _now: list[_Minute] = field(default_factory=list, compare=False, repr=False)

    @property
    def plans(self) -> dict[str, Plan]:
        """By question type, the plan that is taken where no condition holds."""
        return {kind: ways[-1].plan for kind, ways in self.ways.items()}

    def every(self) -> Iterator["Site"]:
        """Yield this, then what holds under each schedule."""
        yield self
        for _, site in self.scheduled.values():
            yield site

    def standing(self, at: datetime) -> "Site":
        """Return what holds at a moment: this, or what a schedule makes of it."""
        if not self.scheduled:
            return self
        for minute in self._now:
            if minute.begins <= at < minute.ends:
                return minute.site
        begins = at.astimezone(UTC).replace(second=0, microsecond=0)
        local = at.astimezone(self.zone)
        found = next((site for hours, site in self.scheduled.values() if hours.hold(local)), self)
        self._now[:] = [_Minute(begins, begins + MINUTE, found)]
        return found

    def way(self, question_type: str, request: Request) -> Way | None:
        """Return the route that a question takes here, of what holds now. None: none is for its type."""
        ways = self.ways.get(question_type)
        if ways is None:
            return None
        return ways[0] if ways[0].when is None else self.chosen(question_type, ways, request)

    def chosen(self, question_type: str, ways: Sequence[Way], request: Request) -> Way:
        """Return the first of the ways that fits; the last has no condition."""
        surroundings, local = self.surroundings(question_type), request.at.astimezone(self.zone)
        return next(way for way in ways if way.when is None or surroundings.holds(way.when, request, local))

    def surroundings(self, question_type: str) -> Surroundings:
        return Surroundings(self.location, question_type, self.hours, self.rates)

    def possible(self, question_type: str) -> tuple[Plan, ...]:
        """Return every plan that a question of the type may take here, at whatever time."""
        found = {way.plan.hash: way.plan for site in self.every() for way in site.ways.get(question_type, ())}
        return tuple(found.values())

    def plan(self, question_type: str, hash_: str) -> Plan | None:
        """Return the plan that a decision took here, by its hash; None: none is for its type.

        Where there is but one it is that one. A hash that is not known is of another release: the plan where no
        condition holds.
        """
        ways = self.ways.get(question_type, ())
        if len(ways) == 1 and not self.scheduled:
            return ways[0].plan
        plans = self.possible(question_type)
        return next((plan for plan in plans if plan.hash == hash_), ways[-1].plan if ways else None)
