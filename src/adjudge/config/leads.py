"""What the routes of all locations lead to: finds types and plans that none reaches, and conditions that never hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from adjudge.config.documents.cursors import Cursor
from adjudge.config.routing import Surroundings
from adjudge.config.sections.plans import read_plan
from adjudge.config.sections.routes import Route
from adjudge.config.sections.stages import Known
from adjudge.core.expressions import Expression


@dataclass(slots=True)
class Leads:
    """Collects, location after location, what is there and what some route leads to."""

    _met: dict[tuple[str, str], Cursor] = field(default_factory=dict)
    """(section, name) of every type and plan met at a location."""
    _taken: set[tuple[str, str]] = field(default_factory=set)
    """Those of them that a route leads to."""
    _held: dict[int, tuple[Route, bool]] = field(default_factory=dict)
    """Routes with a condition, by their node, and whether it may hold anywhere."""

    def meet(self, plans: Mapping[str, Cursor], types: Mapping[str, Cursor]) -> None:
        """Note the plans and types of a location."""
        self._met.update({("plans", name): each for name, each in plans.items()})
        self._met.update({("types", name): each for name, each in types.items()})

    def taken(
        self, routes: Sequence[Route], surroundings: Surroundings, schedule: str | None
    ) -> tuple[tuple[Route, Expression | None], ...]:
        """Return the routes that a question may take, each with what is left of its condition."""
        taken = tuple(self._reached(routes, surroundings, schedule))
        if taken:
            self._taken.update(("plans", route.plan) for route, _ in taken)
            self._taken.add(("types", surroundings.type))
        return taken

    def check(self, known: Known) -> None:
        """Look for routes that no question takes, and for types and plans that no route leads to.

        A pack may offer more of them than is used.
        """
        for route, may_hold in self._held.values():
            if not may_hold:
                route.at.fault(f"`{route.when.text if route.when else ''}` holds at no location: no question takes it")
        for (section, name), at in self._met.items():
            if (section, name) in self._taken:
                continue
            if section == "plans":
                read_plan(name, at, None, known)
            if not at.node.layer.startswith("pack ") and not at.faults.has_below("routes"):
                at.fault("no route leads to this plan" if section == "plans" else "no route gives this type a plan")

    def _reached(
        self, routes: Sequence[Route], surroundings: Surroundings, schedule: str | None
    ) -> Iterator[tuple[Route, Expression | None]]:
        for route in routes:
            if not route.is_for(surroundings.location, surroundings.type, schedule):
                continue
            if route.when is None:
                yield route, None
                return
            known = surroundings.static(route.when)
            may_hold = known is not False or "tags" in route.when.reads  # the next store may have the tag
            before = self._held.get(id(route.at.node), (route, False))[1]
            self._held[id(route.at.node)] = (route, before or may_hold)
            if known is None:
                yield route, route.when
            elif known:
                yield route, None
                return
