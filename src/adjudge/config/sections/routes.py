"""The list `routes`: which plan a question takes, who is asked in it, and in which lane. The first that fits counts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from adjudge.config.documents.cursors import Cursor, declared
from adjudge.config.documents.faults import nearest
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.readers import choice, text
from adjudge.config.sections.misnaming import fault_of_expression
from adjudge.config.sections.names import KnownFact, Names
from adjudge.config.sections.sense import Words, check_sense
from adjudge.core.expressions import (
    ROUTE_VARIABLES,
    Expression,
    InvalidExpression,
    compile_route_condition,
    stand_in,
)
from adjudge.core.facts import FactKind
from adjudge.core.specifications import Lane, Location

ANY: Final = "*"
MOST_ROUTES: Final = 500

_lane: Final[Callable[[Node], Lane]] = choice("realtime", "standard", "bulk")
_compiled = lru_cache(maxsize=4096)(
    lambda text, facts: compile_route_condition(text, dict(facts))
)  # many locations share few routes


@dataclass(frozen=True, slots=True)
class Route:
    """One entry. Without groups and locations it is for everywhere, else where either fits."""

    at: Cursor
    type: str
    plan: str
    groups: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    schedules: frozenset[str] = frozenset()
    """While one of them holds; empty: at any time."""
    when: Expression | None = None
    """None: always."""
    lane: Lane | None = None
    """None: that of the question or its type."""
    instead: Mapping[str, str] = field(default_factory=dict)
    """Deciders and pools that are asked instead of those that the plan names."""

    def is_for(self, location: Location, question_type: str, schedule: str | None) -> bool:
        """Return whether it may be taken, as far as can be told before a question comes in."""
        if self.type not in (ANY, question_type) or (self.schedules and schedule not in self.schedules):
            return False
        everywhere = not self.groups and not self.locations
        return everywhere or location.name in self.locations or not self.groups.isdisjoint(location.groups)

    def covers(self, other: "Route") -> bool:
        """Return whether all that is for the other certainly takes this one."""
        if self.type not in (ANY, other.type) or (self.when is not None and self.when != other.when):
            return False
        if self.schedules and not (other.schedules and other.schedules <= self.schedules):
            return False
        if not self.groups and not self.locations:
            return True
        is_somewhere = bool(other.groups or other.locations)
        return is_somewhere and other.groups <= self.groups and other.locations <= self.locations


def read_routes(at: Cursor | None, names: Names) -> tuple[Route, ...]:
    """Read the list; a route that no question can take is a fault."""
    if at is None:
        return ()
    if len(at.items()) > MOST_ROUTES:
        at.fault(f"at most {MOST_ROUTES} routes")
        return ()
    routes: list[Route] = []
    sound: list[Route] = []
    for item in at.items():
        before = at.faults.met
        route = _route(item, names)
        if route is not None:
            routes.append(route)
            if at.faults.met == before:
                _check_taken(route, sound)
                sound.append(route)
    return tuple(routes)


def _check_taken(route: Route, before: Sequence[Route]) -> None:
    earlier = next((each for each in before if each.covers(route)), None)
    if earlier is not None:
        route.at.fault(f"no question takes this route: the one at {earlier.at.node.origin} matches them all before")


def _route(at: Cursor, names: Names) -> Route | None:
    with at.fields() as fields:
        kind, plan = fields.need("type", 'type: "*"'), fields.need("plan", "plan: name")
        groups, locations, schedules = fields.get("groups"), fields.get("locations"), fields.get("schedules")
        when, deciders, pools = fields.get("when"), fields.get("deciders"), fields.get("pools")
        lane: Lane | None = fields.read("lane", _lane, None)
        is_misspelt = fields.misspelt("when")
        if kind is None or plan is None:
            return None
        found = _type(kind, names)
        return Route(
            at=at,
            type=found,
            plan=plan.read(declared(names.plans, "plan"), ""),
            groups=_some(groups, names.groups, "group"),
            locations=_some(locations, names.locations, "location"),
            schedules=_some(schedules, names.schedules, "schedule"),
            when=_condition(when, found, names) if when is not None else stand_in("when") if is_misspelt else None,
            lane=lane,
            instead=_instead(deciders, names, "decider") | _instead(pools, names, "pool"),
        )


def _type(at: Cursor, names: Names) -> str:
    found = at.read(text, None)
    if found is not None and found != ANY and found not in names.types:
        at.fault(f"no question type `{found}`", nearest(found, names.types))
    return found or ""


def _some(at: Cursor | None, names: Mapping[str, object], what: str) -> frozenset[str]:
    if at is None:
        return frozenset()
    reader = declared(names, what)
    found = [item.read(reader, "") for item in at.items()]
    if not found:
        at.fault(f"an empty list matches nothing; leave it out to match every {what}")
    return frozenset(found)


def _instead(at: Cursor | None, names: Names, what: str) -> dict[str, str]:
    """Read `{vision@1: vision@2}`: who the plan asks, and who is asked instead; of one kind."""
    found: dict[str, str] = {}
    valid = names.pools if what == "pool" else names.deciders
    for name, child in at.entries().items() if at is not None else ():
        if name not in valid:
            child.fault(f"no {what} `{name[:80]}`", nearest(name, valid))
        else:
            found[name] = child.read(declared(valid, what), name)
            if found[name] == name:
                child.fault(f"`{name}` in place of itself changes nothing")
    return found


def _declared_facts(kind: str, names: Names) -> Iterator[tuple[str, KnownFact]]:
    """Yield the facts that a route of the type may read: for all types, those that any declares."""
    for facts in names.facts.values() if kind == ANY else (names.facts.get(kind, {}),):
        yield from facts.items()


def _facts_of(at: Cursor, kind: str, names: Names) -> Mapping[str, FactKind]:
    found: dict[str, FactKind] = {}
    for name, fact in _declared_facts(kind, names):
        if found.setdefault(name, fact.kind) != fact.kind and f"facts.{name}" in at.node.text:
            at.fault(f"types declare `facts.{name}` as {found[name]} and as {fact.kind}: make a route for each")
    return found


def _words_of(kind: str, names: Names) -> dict[str, Words]:
    """Return what the variables of a condition may be, facts included."""
    found: dict[str, frozenset[str]] = {}
    for name, fact in _declared_facts(kind, names):
        found[name] = found.get(name, frozenset()) | fact.words
    facts = {f"facts.{name}": Words(words, f"`facts.{name}` is never") for name, words in found.items() if words}
    return {**names.words, **facts}


def _condition(at: Cursor, kind: str, names: Names) -> Expression:
    """Read `when`. One with a fault counts as one that may hold, so that nothing else seems to follow from it."""
    before = at.faults.met
    found = _compiled_condition(at, kind, names)
    return found if found is not None and at.faults.met == before else stand_in(at.node.text)


def _compiled_condition(at: Cursor, kind: str, names: Names) -> Expression | None:
    facts = _facts_of(at, kind, names)
    try:
        found: Expression = _compiled(at.read(text, "true"), tuple(sorted(facts.items())))
    except InvalidExpression as error:
        fault_of_expression(at, error, [*ROUTE_VARIABLES, *(f"facts.{name}" for name in facts)])
        return None
    for currency in sorted(found.currencies - names.rates.keys()):
        at.fault(f"organisation.rates has no rate for {currency}", nearest(currency, names.rates))
    if not found.reads:
        at.fault(f"`{found.text}` is the same for every question: leave `when` out, or the route")
    else:
        check_sense(at, found, _words_of(kind, names))
    return found
