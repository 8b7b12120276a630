"""Documents to a configuration: every layer merged, every plan compiled, every fault found.

What many locations share is compiled once: merging leaves untouched parts the same objects, and
those are known by their identity.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from adjudge.config.askable import read_decider, read_pool
from adjudge.config.audits import Auditors
from adjudge.config.configuration import Configuration
from adjudge.config.cursors import Cursor
from adjudge.config.faults import Faults
from adjudge.config.layering import Layers, declared_in, section_of, undeclared
from adjudge.config.locations import Place
from adjudge.config.nodes import Node
from adjudge.config.plans import read_plan
from adjudge.config.question_types import read_type
from adjudge.config.readers import mapping
from adjudge.config.routes import Names, Route, read_routes
from adjudge.config.sites import Site
from adjudge.config.sources import read_sources
from adjudge.config.stages import Known
from adjudge.core.answers import canonical
from adjudge.core.plans import ByHand, Plan
from adjudge.core.specifications import Location, QuestionType

V = TypeVar("V")


def compile_documents(documents: Mapping[str, str], *, revision: int = 0, base: Path) -> Configuration:
    """Compile a revision. Raises InvalidConfiguration with every fault.

    `base`: what the documents' names are relative to. No Python is imported, no file opened.
    """
    faults = Faults()
    layers = Layers.of(Cursor(read_sources(documents, faults), "", faults), base)
    compiler = _Compiler.of(layers)
    types = compiler.types(layers.base)
    sites = {place.name: compiler.site(place, layers.effective(place)) for place in layers.places.values()}
    compiler.lint_groups_without_locations()
    compiler.lint_what_nothing_leads_to()
    compiler.lint_shadows_of_nothing(sites.values())
    faults.raise_any()
    return Configuration(
        revision=revision,
        hash=hash_of(documents),
        documents=dict(documents),
        base=base,
        organisation=layers.organisation,
        types=types,
        deciders=compiler.known.deciders,
        pools=compiler.known.pools,
        sites=sites,
        decider_origins={
            name: at.entries()[compiler.known.deciders[name].kind].node.origin
            for name, at in layers.section("deciders").items()
        },
    )


def hash_of(documents: Mapping[str, str]) -> str:
    """Return by what a revision is known anywhere: SHA-256 of its documents and their names."""
    return hashlib.sha256(canonical(dict(documents)).encode()).hexdigest()


@dataclass(slots=True)
class _Memo:
    """What was compiled from which nodes; the nodes are kept, so that no other gets their identity."""

    _made: dict[tuple[int, ...], tuple[tuple[Node, ...], Any]] = field(default_factory=dict)

    def get(self, nodes: tuple[Node, ...], make: Callable[[], V]) -> V:
        key = tuple(id(node) for node in nodes)
        if key not in self._made:
            self._made[key] = (nodes, make())
        made: V = self._made[key][1]
        return made


@dataclass(slots=True)
class _Compiler:
    """Compiles location after location."""

    layers: Layers
    known: Known
    names: Names
    auditors: Auditors
    _types: _Memo = field(default_factory=_Memo)
    _routes: _Memo = field(default_factory=_Memo)
    _plans: _Memo = field(default_factory=_Memo)
    _met: dict[tuple[str, str], Cursor] = field(default_factory=dict)
    """(section, name) of every type and plan met at a location."""
    _taken: set[tuple[str, str]] = field(default_factory=set)
    """Those of them that a route leads to."""

    @classmethod
    def of(cls, layers: Layers) -> "_Compiler":
        known = Known(
            deciders={name: read_decider(name, at) for name, at in layers.section("deciders").items()},
            pools={name: read_pool(name, at) for name, at in layers.section("pools").items()},
            rates=layers.organisation.rates,
        )
        trees = [layers.base.node, *layers.overlays()]
        names = Names(declared_in(trees, "types"), declared_in(trees, "plans"), layers.groups, layers.places)
        dimensions = dict.fromkeys(group.dimension for group in layers.groups.values() if group.dimension is not None)
        return cls(layers, known, names, Auditors(known.pools, tuple(dimensions)))

    def types(self, effective: Cursor) -> dict[str, QuestionType]:
        usual = effective.entries().get("audits")
        return {name: self._type(name, at, usual) for name, at in section_of(effective, "types").items()}

    def site(self, place: Place, effective: Cursor) -> Site:
        """Compile all that holds at a location."""
        attributes = effective.entries().get("attributes")
        location = Location(
            name=place.name,
            groups=place.groups,
            attributes=attributes.read(mapping, {}) if attributes is not None else {},
            currency=place.currency,
            time_zone=place.time_zone,
            dimensions=self._dimensions(place),
        )
        types = self.types(effective)
        routes = self._taken_routes(location, effective, types)
        plans = self._compiled(effective, types, routes, place)
        site = Site(location, types, routes, plans, effective.node, place.at)
        _check_currency(place, site, self.known.rates)
        return site

    def lint_groups_without_locations(self) -> None:
        """Look for faults in overlays that no location has yet."""
        used = {name for place in self.layers.places.values() for name in place.groups}
        usual = self.layers.organisation.currency
        for group in self.layers.groups.values():
            if group.name not in used:
                empty = undeclared(f"group {group.name}", (group.name,), self.layers.base, usual)
                self.site(empty, self.layers.of_group(group))

    def lint_what_nothing_leads_to(self) -> None:
        """A type without a plan, a plan without a route: nothing reads them. A pack may offer more than is used."""
        for (section, name), at in self._met.items():
            if (section, name) in self._taken:
                continue
            if section == "plans":
                read_plan(name, at, None, self.known)
            if not at.node.layer.startswith("pack ") and not at.faults.has_below("routes"):
                at.fault("no route leads to this plan" if section == "plans" else "no route gives this type a plan")

    def lint_shadows_of_nothing(self, sites: Iterable[Site]) -> None:
        """A decider in shadow that no plan names would be configured, and never run."""
        asked = {name for site in sites for plan in site.plans.values() for name in plan.shadows}
        for name, at in self.layers.section("deciders").items():
            if self.known.deciders[name].is_shadow and name not in asked and not at.faults.has_below("plans"):
                at.fault("it is in shadow, and no plan that is used names it under `shadow`")

    def _type(self, name: str, at: Cursor, usual: Cursor | None) -> QuestionType:
        nodes = (at.node,) if usual is None else (at.node, usual.node)
        return self._types.get(nodes, lambda: read_type(name, at, usual, self.auditors))

    def _dimensions(self, place: Place) -> dict[str, str]:
        found = ((self.layers.groups[name].dimension, name) for name in place.groups)
        return {dimension: name for dimension, name in found if dimension is not None}

    def _taken_routes(self, location: Location, effective: Cursor, types: Iterable[str]) -> dict[str, Route]:
        at = effective.entries().get("routes")
        routes = self._routes.get((at.node,), lambda: read_routes(at, self.names)) if at is not None else ()
        first = {name: next((r for r in routes if r.matches(location, name)), None) for name in types}
        return {name: route for name, route in first.items() if route is not None}

    def _compiled(
        self, effective: Cursor, types: Mapping[str, QuestionType], routes: Mapping[str, Route], place: Place
    ) -> dict[str, Plan]:
        plans, type_nodes = section_of(effective, "plans"), section_of(effective, "types")
        self._met.update({("plans", name): at for name, at in plans.items()})
        self._met.update({("types", name): at for name, at in type_nodes.items()})
        compiled: dict[str, Plan] = {}
        for name, route in routes.items():
            at = plans.get(route.plan)
            self._taken.update({("types", name), ("plans", route.plan)})
            if at is not None:
                compiled[name] = self._plan(route.plan, at, types[name], type_nodes[name])
            elif route.plan:
                route.at.fault(f"plan `{route.plan}` is declared in some layer, but not at `{place.name}`")
        return compiled

    def _plan(self, name: str, at: Cursor, question_type: QuestionType, type_at: Cursor) -> Plan:
        return self._plans.get((at.node, type_at.node), lambda: read_plan(name, at, question_type, self.known))


def _check_currency(place: Place, site: Site, rates: Mapping[str, float]) -> None:
    for plan in site.plans.values():
        accepts = [stage.accept for stage in (*plan.stages, *plan.escalations)]
        compares = any(accept.condition.currencies for accept in accepts if isinstance(accept, ByHand))
        if compares and place.currency not in rates:
            place.at.fault(f"plan {plan.name} compares stakes, but organisation.rates has no rate for {place.currency}")
