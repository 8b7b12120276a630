"""A compiled configuration: what holds at each location, and where each value comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from adjudge.config.errors import NoPlan, UnknownLocation, UnknownPool, UnknownType
from adjudge.config.merging import leaves
from adjudge.config.nodes import Node
from adjudge.config.organisations import Organisation
from adjudge.config.routes import Route
from adjudge.core.answers import Json
from adjudge.core.plans import ByHand, Origin, Plan, Stage
from adjudge.core.specifications import DeciderSpec, Location, PoolSpec, QuestionType


@dataclass(frozen=True, slots=True)
class Leaf:
    """One effective value and the place that says so."""

    path: str
    value: Json
    file: str
    line: int
    layer: str
    """`pack retail`, `organisation`, `group eu`, `location store-042`."""


@dataclass(frozen=True, slots=True)
class SetByHand:
    """A threshold that nobody has certified."""

    layer: str
    type: str
    plan: str
    condition: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Site:
    """What holds at one location. Equal plans of several are one object."""

    location: Location
    types: Mapping[str, QuestionType]
    routes: Mapping[str, Route]
    """By question type, the route it takes."""
    plans: Mapping[str, Plan]
    """By question type."""
    effective: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One revision, whole and free of faults."""

    revision: int
    hash: str
    """SHA-256 of the documents."""
    documents: Mapping[str, str]
    base: Path
    """What the names of documents are relative to; Python deciders are looked for there."""
    organisation: Organisation
    types: Mapping[str, QuestionType]
    """As the organisation declares them; at a location: `question_type`."""
    deciders: Mapping[str, DeciderSpec]
    pools: Mapping[str, PoolSpec]
    sites: Mapping[str, Site]
    decider_origins: Mapping[str, Origin]
    """Where each decider's function is named."""

    @property
    def locations(self) -> Mapping[str, Location]:
        return {name: site.location for name, site in self.sites.items()}

    def location(self, name: str) -> Location:
        """Return a location. Raises UnknownLocation."""
        return self._site(name).location

    def question_type(self, location: str, question_type: str) -> QuestionType:
        """Return a type as it is at the location. Raises UnknownLocation, UnknownType."""
        types = self._site(location).types
        if question_type not in types:
            raise UnknownType(question_type, types)
        return types[question_type]

    def plan(self, location: str, question_type: str) -> Plan:
        """Return the plan of a type at a location. Raises UnknownLocation, UnknownType, NoPlan."""
        self.question_type(location, question_type)
        plan = self._site(location).plans.get(question_type)
        if plan is None:
            raise NoPlan(question_type, location)
        return plan

    def pool(self, name: str) -> PoolSpec:
        """Return a pool. Raises UnknownPool."""
        if name not in self.pools:
            raise UnknownPool(name, self.pools)
        return self.pools[name]

    def explain(self, location: str, question_type: str) -> tuple[Leaf, ...]:
        """Return every value that decides about this type at this location, and where each comes from.

        Raises UnknownLocation, UnknownType, NoPlan.
        """
        plan, site = self.plan(location, question_type), self._site(location)
        shown = [("types", question_type), ("plans", plan.name)]
        shown += [("deciders", name) for stage in _stages(plan) for name in stage.deciders]
        shown += [("pools", stage.pool) for stage in _stages(plan) if stage.pool is not None]
        route = site.routes[question_type].at
        nodes = [(route.path, route.node), *((f"{section}.{name}", _at(site, section, name))
                 for section, name in dict.fromkeys(shown))]  # fmt: skip
        nodes += [(key, _at(site, key)) for key in ("attributes", "organisation") if _has(site, key)]
        return tuple(_leaf(path, leaf) for start, node in nodes for path, leaf in leaves(node, start))

    def by_hand(self) -> tuple[SetByHand, ...]:
        """Return every threshold set by hand that is in force anywhere, once for each place that says so."""
        found = (threshold for site in self.sites.values() for threshold in _by_hand(site))
        return tuple(sorted(set(found), key=lambda each: (each.origin.file, each.origin.line, each.type)))

    def plans(self) -> frozenset[str]:
        """Return the names of all plans that some question takes."""
        return frozenset(plan.name for site in self.sites.values() for plan in site.plans.values())

    def _site(self, name: str) -> Site:
        if name not in self.sites:
            raise UnknownLocation(name, self.sites)
        return self.sites[name]


def _stages(plan: Plan) -> tuple[Stage, ...]:
    return plan.stages + plan.escalations


def _by_hand(site: Site) -> Iterator[SetByHand]:
    for question_type, plan in site.plans.items():
        accepts = [stage.accept for stage in _stages(plan) if isinstance(stage.accept, ByHand)]
        if accepts:
            layers = {leaf.origin: leaf.layer for _, leaf in leaves(_at(site, "plans", plan.name), "")}
            for accept in accepts:
                condition, origin = accept.condition.text, accept.origin
                yield SetByHand(layers[origin], question_type, plan.name, condition, origin)


def _has(site: Site, key: str) -> bool:
    return key in site.effective.entries


def _at(site: Site, *keys: str) -> Node:
    node = site.effective
    for key in keys:
        node = node.entries[key]
    return node


def _leaf(path: str, node: Node) -> Leaf:
    return Leaf(path, node.plain(), node.origin.file, node.origin.line, node.layer)
