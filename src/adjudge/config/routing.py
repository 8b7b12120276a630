"""Routing: which of a location's routes a question takes. As much of it as possible is decided when compiling."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from adjudge.config.sections.hours import DAYS, Hours
from adjudge.config.sections.routes import Route
from adjudge.core.accepting import stake_in, stakes
from adjudge.core.expressions import FACT, Expression, Unevaluable
from adjudge.core.facts import FactValue
from adjudge.core.money import Stake
from adjudge.core.plans import Plan
from adjudge.core.specifications import Lane, Location

STATIC: Final = frozenset({"location", "question_type", "groups", "tags", "currency", "attributes"})
"""Variables that are the same for every question of a type at a location."""


@dataclass(frozen=True, slots=True)
class Way:
    """A route as it stands at one location for one type."""

    route: Route
    plan: Plan
    when: Expression | None
    """None: whoever comes so far takes it."""

    @property
    def lane(self) -> Lane | None:
        return self.route.lane


@dataclass(frozen=True, slots=True)
class Request:
    """What a question brings that routes may read."""

    at: datetime
    """When it came in."""
    stake: Stake | None = None
    subject: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, FactValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for all questions of a type at a location."""

    location: Location
    type: str
    hours: Hours
    rates: Mapping[str, float]

    def static(self, condition: Expression) -> bool | None:
        """Return what a condition is for every question; None: that depends on the question."""
        if condition.reads - STATIC:
            return None
        return condition.holds(self._static())

    def holds(self, condition: Expression, request: Request, local: datetime) -> bool:
        """Return whether a condition holds; where it has no value it does not. `local`: on the location's clock."""
        return condition.holds(self._values(condition, request, local))

    def evaluated(self, condition: Expression, request: Request, local: datetime) -> Any:
        """Evaluate. Raises Unevaluable, which says what is missing."""
        values = self._values(condition, request, local)
        missing = sorted(condition.reads - values.keys())
        if missing:
            raise Unevaluable(f"the request has no {', '.join(missing).replace(FACT, 'facts.')}")
        return condition.evaluated(values)

    def _values(self, condition: Expression, request: Request, local: datetime) -> dict[str, Any]:
        values = self._static() | {f"{FACT}{name}": value for name, value in request.facts.items()}
        reads = condition.reads
        if "stake" in reads:
            values["stake"] = stake_in(self.location.currency, request.stake, self.rates)
        if "stakes" in reads:
            values["stakes"] = stakes(request.stake, self.rates)
        if "over_stake_limit" in reads:
            values["over_stake_limit"] = is_over(request.stake, self.location.stake_limit, self.rates)
        if "subject" in reads:
            values["subject"] = dict(request.subject)
        if "open" in reads:
            values["open"] = self.hours.hold(local)
        values |= {"hour": local.hour, "weekday": DAYS[local.weekday()], "date": local.date().isoformat()}
        return values

    def _static(self) -> dict[str, Any]:
        location = self.location
        return {
            "location": location.name,
            "question_type": self.type,
            "groups": list(location.groups),
            "tags": sorted(location.tags),
            "currency": location.currency,
            "attributes": dict(location.attributes),
        }


def is_over(stake: Stake | None, limit: Stake | None, rates: Mapping[str, float]) -> bool:
    """Return whether a stake is over a limit. Money that is unknown, or cannot be compared, is over any."""
    if limit is None:
        return False
    worth = stakes(stake, rates).get(limit.currency) if stake else None
    return worth is None or worth > limit.major
