"""The list `routes`: which plan a question takes. The first match counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adjudge.config.cursors import Cursor, declared
from adjudge.config.faults import nearest
from adjudge.config.readers import text
from adjudge.core.specifications import Location

ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Route:
    """One entry. Without groups and locations it matches everywhere, else where either does."""

    at: Cursor
    type: str
    plan: str
    groups: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()

    @property
    def is_everywhere(self) -> bool:
        return not self.groups and not self.locations

    def matches(self, location: Location, question_type: str) -> bool:
        if self.type not in (ANY, question_type):
            return False
        return self.is_everywhere or location.name in self.locations or not self.groups.isdisjoint(location.groups)

    def covers(self, other: "Route") -> bool:
        """Return whether all that the other matches is certainly matched here."""
        if self.type not in (ANY, other.type):
            return False
        if self.is_everywhere:
            return True
        return not other.is_everywhere and other.groups <= self.groups and other.locations <= self.locations


@dataclass(frozen=True, slots=True)
class Names:
    """All that is declared anywhere, in whatever layer, and where."""

    types: Mapping[str, object]
    plans: Mapping[str, object]
    groups: Mapping[str, object]
    locations: Mapping[str, object]


def read_routes(at: Cursor | None, names: Names) -> tuple[Route, ...]:
    """Read the list; a route that no question can take is a fault."""
    if at is None:
        return ()
    routes = tuple(route for item in at.items() if (route := _route(item, names)) is not None)
    for i, route in enumerate(routes):
        earlier = next((before for before in routes[:i] if before.covers(route)), None)
        if earlier is not None:
            route.at.fault(f"no question takes this route: the one at {earlier.at.node.origin} matches them all before")
    return routes


def _route(at: Cursor, names: Names) -> Route | None:
    with at.fields() as fields:
        kind, plan = fields.need("type", 'type: "*"'), fields.need("plan", "plan: name")
        groups, locations = fields.get("groups"), fields.get("locations")
        if kind is None or plan is None:
            return None
        return Route(
            at=at,
            type=_type(kind, names),
            plan=plan.read(declared(names.plans, "plan"), ""),
            groups=_some(groups, names.groups, "group"),
            locations=_some(locations, names.locations, "location"),
        )


def _type(at: Cursor, names: Names) -> str:
    found = at.read(text, "")
    if found and found != ANY and found not in names.types:
        at.fault(f"no question type `{found}`", nearest(found, names.types))
    return found


def _some(at: Cursor | None, names: Mapping[str, object], what: str) -> frozenset[str]:
    if at is None:
        return frozenset()
    reader = declared(names, what)
    found = [item.read(reader, "") for item in at.items()]
    if not found:
        at.fault(f"an empty list matches nothing; leave it out to match every {what}")
    return frozenset(found)
