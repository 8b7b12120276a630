"""Everything that any layer declares: what other places may name, and what conditions may compare with."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from adjudge.config.documents.nodes import Node
from adjudge.config.documents.pausing import Pause, stepwise
from adjudge.config.layering import Layers, declared_in
from adjudge.config.sections.question_types import IS_NAME
from adjudge.config.sections.sense import WEEKDAYS, Words
from adjudge.core.facts import FactKind

_KINDS: Final[Mapping[str, FactKind]] = {"number": "number", "boolean": "boolean"}


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A fact as some layer declares it."""

    kind: FactKind
    words: frozenset[str]
    """That it may be; none of a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What is declared anywhere."""

    types: Mapping[str, object]
    lasting: Collection[str]
    """Types that are declared outside of schedules."""
    plans: Mapping[str, object]
    groups: Mapping[str, object]
    locations: Mapping[str, object]
    schedules: Mapping[str, object]
    routed: frozenset[str]
    """Schedules that a route names."""
    deciders: Mapping[str, object]
    pools: Mapping[str, object]
    facts: Mapping[str, Mapping[str, KnownFact]]
    """By type."""
    rates: Mapping[str, float]
    words: Mapping[str, Words]
    """Of conditions, but for facts."""


def names_of(layers: Layers, pause: Pause) -> Names:
    """Collect the names of all layers; what is wrong with what they stand for is told where that is read."""
    lasting = [layers.base.node, *layers.overlays()]
    schedules = declared_in(stepwise(lasting, pause), "schedules")
    every = [*lasting, *schedules.values()]
    types = declared_in(stepwise(every, pause), "types")
    return Names(
        types=types,
        lasting=declared_in(stepwise(lasting, pause), "types").keys(),
        plans=declared_in(stepwise(every, pause), "plans"),
        groups=layers.groups,
        locations=layers.places,
        schedules=schedules,
        routed=frozenset(_named_in_routes(stepwise(every, pause))),
        deciders=layers.section("deciders"),
        pools=layers.section("pools"),
        facts=_facts(stepwise(lasting, pause)),
        rates=layers.organisation.rates,
        words={
            "location": Words(layers.places, "no location"),
            "question_type": Words(types, "no question type"),
            "groups": Words(layers.groups, "no location has the group"),
            "tags": Words(declared_in(stepwise(layers.overlays(), pause), "tags"), "no location has the tag"),
            "weekday": WEEKDAYS,
        },
    )


def _named_in_routes(trees: Iterable[Node]) -> Iterator[str]:
    """Yield the schedules that routes of any layer name."""
    for tree in trees:
        for route in tree.entries["routes"].items if "routes" in tree.entries else ():
            said = route.entries.get("schedules")
            if said is not None:
                yield from (each.text for each in said.items or [said])


def _facts(trees: Iterable[Node]) -> dict[str, dict[str, KnownFact]]:
    """Return the facts that any layer declares: the kind of the last that does, the words of all."""
    found: dict[str, dict[str, KnownFact]] = {}
    for tree in trees:
        for name, type_ in declared_in([tree], "types").items():
            for fact, said in declared_in([type_], "facts").items():
                kind = said.entries.get("type")
                if kind is not None and IS_NAME.fullmatch(fact):
                    facts = found.setdefault(name, {})
                    words = facts[fact].words if fact in facts else frozenset()
                    facts[fact] = KnownFact(
                        _KINDS.get(kind.text, "number") if kind.text else "word",
                        words | {item.text for item in kind.items},
                    )
    return found
