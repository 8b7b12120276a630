"""A list of routes as locations use it: the routes of each type, and what they read of a location."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adjudge.config.documents.cursors import Cursor
from adjudge.config.documents.memos import Memo
from adjudge.config.sections.names import Names
from adjudge.config.sections.routes import ANY, Route, read_routes
from adjudge.core.specifications import Location, QuestionType


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of routes, and those for each type."""

    routes: tuple[Route, ...] = ()
    by_type: Mapping[str, tuple[Route, ...]] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
    """The variables of all their conditions."""
    names_locations: bool = False
    is_sound: bool = True
    """Whether all of them could be read: else nothing is missing behind them."""

    @classmethod
    def of(cls, routes: tuple[Route, ...], types: Mapping[str, QuestionType], *, is_sound: bool) -> "Listed":
        return cls(
            routes=routes,
            by_type={kind: tuple(route for route in routes if route.type in (ANY, kind)) for kind in types},
            reads=frozenset().union(*(route.when.reads for route in routes if route.when is not None)),
            names_locations=any(route.locations for route in routes),
            is_sound=is_sound,
        )

    def seen_of(self, location: Location) -> tuple[object, ...]:
        """Return what they may tell a location by: where that is the same, so is where they lead."""
        return (
            location.groups,
            location.name if self.names_locations or "location" in self.reads else None,
            location.tags if "tags" in self.reads else None,
            location.currency if "currency" in self.reads else None,
            id(location.attributes) if "attributes" in self.reads else None,  # a profile's, which is kept
        )


def listed(at: Cursor | None, types: Mapping[str, QuestionType], names: Names, memo: Memo) -> Listed:
    """Read the list that holds at a location; the same for the same types is read once."""
    if at is None:
        return Listed()
    routes, is_sound = memo.get((at.node,), lambda: _read(at, names))
    found: Listed = memo.get((at.node,), lambda: Listed.of(routes, types, is_sound=is_sound), id(types))
    return found


def _read(at: Cursor, names: Names) -> tuple[tuple[Route, ...], bool]:
    before = at.faults.met
    routes = read_routes(at, names)
    return routes, at.faults.met == before
