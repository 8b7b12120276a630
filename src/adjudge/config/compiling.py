"""Documents to a configuration: every layer merged, every plan compiled, every fault found.

What many locations share is compiled once: merging leaves untouched parts the same objects, and
those are known by their identity.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adjudge.config.configuration import Configuration
from adjudge.config.documents.cursors import Cursor
from adjudge.config.documents.faults import Faults
from adjudge.config.documents.memos import Memo
from adjudge.config.documents.pausing import Pause, no_pause, stepwise
from adjudge.config.earning import check_earnable
from adjudge.config.layering import Layers, section_of, undeclared
from adjudge.config.leads import Leads
from adjudge.config.routing import Surroundings, Way
from adjudge.config.sections.askable import read_decider, read_pool
from adjudge.config.sections.audits import Auditors
from adjudge.config.sections.hours import Hours
from adjudge.config.sections.listing import Listed, listed
from adjudge.config.sections.locations import PROFILE, Place
from adjudge.config.sections.names import Names, names_of
from adjudge.config.sections.plans import read_plan, with_others
from adjudge.config.sections.profiles import Profile, read_profile
from adjudge.config.sections.question_types import read_type
from adjudge.config.sections.routes import Route
from adjudge.config.sections.schedules import read_schedules
from adjudge.config.sections.stages import Known
from adjudge.config.site_checks import check_currency, check_defaults, check_shadows
from adjudge.config.sites import Site
from adjudge.config.sources import read_sources
from adjudge.core.answers import canonical
from adjudge.core.expressions import Expression
from adjudge.core.plans import Origin, Plan
from adjudge.core.specifications import Location, QuestionType


def compile_documents(
    documents: Mapping[str, str], *, revision: int = 0, base: Path, pause: Pause = no_pause, is_new: bool = True
) -> Configuration:
    """Compile a revision. Raises InvalidConfiguration with every fault.

    `base`: what the documents' names are relative to. No Python is imported, no file opened. `pause`: called between
    steps that take far less than a millisecond each. `is_new`: refuse slips too (`Cursor.slip`), which a revision
    in force may have from before they were known.
    """
    faults = Faults(is_new=is_new)
    layers = Layers.of(Cursor(read_sources(documents, faults, pause), "", faults), base, pause)
    compiler = _Compiler.of(layers, pause)
    types = compiler.types(layers.base)
    places = stepwise(layers.places.values(), pause)
    sites = {place.name: compiler.site(place, layers.effective(place)) for place in places}
    compiler.lint_groups_without_locations()
    compiler.leads.check(compiler.known)
    check_shadows(layers.section("deciders"), compiler.known.deciders, stepwise(sites.values(), pause))
    compiler.known.answers.check()
    faults.raise_any()
    if is_new and documents and not any(site.types for site in sites.values()):
        faults.add(Origin(min(documents), 1), "types", "there is no question type: nothing could be asked")
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
        groups={name: group.at.node.origin for name, group in layers.groups.items()},
        sites=sites,
        decider_origins={
            name: at.entries()[compiler.known.deciders[name].kind].node.origin
            for name, at in layers.section("deciders").items()
        },
    )


def hash_of(documents: Mapping[str, str]) -> str:
    """Return the hash by which a revision is known everywhere: SHA-256 of its documents and their names."""
    return hashlib.sha256(canonical(dict(documents)).encode()).hexdigest()


@dataclass(slots=True)
class _Compiler:
    """Compiles location after location."""

    layers: Layers
    known: Known
    names: Names
    auditors: Auditors
    pause: Pause
    _types: Memo = field(default_factory=Memo)
    _routes: Memo = field(default_factory=Memo)
    _plans: Memo = field(default_factory=Memo)
    _profiles: Memo = field(default_factory=Memo)
    _by_type: Memo = field(default_factory=Memo)
    _ways: dict[tuple[object, ...], Any] = field(default_factory=dict)
    """Ways, and mappings of them, by the identity of what they are made of: locations share them."""
    _unsound: set[int] = field(default_factory=set)
    """By identity, lists of routes that have faults."""
    leads: Leads = field(default_factory=Leads)

    @classmethod
    def of(cls, layers: Layers, pause: Pause) -> "_Compiler":
        names, usual = names_of(layers, pause), layers.organisation.currency
        deciders, pools = layers.section("deciders"), layers.section("pools")
        known = Known(
            deciders={name: read_decider(name, at, names.words, usual) for name, at in deciders.items()},
            pools={name: read_pool(name, at, names.rates, usual) for name, at in pools.items()},
            rates=layers.organisation.rates,
            words=names.words,
        )
        dimensions = dict.fromkeys(group.dimension for group in layers.groups.values() if group.dimension is not None)
        return cls(layers, known, names, Auditors(known.pools, tuple(dimensions)), pause)

    def types(self, effective: Cursor) -> dict[str, QuestionType]:
        at, usual = effective.entry("types"), effective.entry("audits")
        if at is None:
            return {}
        nodes = (at.node,) if usual is None else (at.node, usual.node)
        found: dict[str, QuestionType] = self._types.get(
            nodes, lambda: {name: self._type(name, each, usual) for name, each in at.entries().items()}
        )
        return found

    def site(self, place: Place, effective: Cursor) -> Site:
        """Compile all that holds at a location, at any time."""
        own = effective.entries()
        sections = [own[key].node for key in PROFILE if key in own]
        profile = self._profiles.get(
            tuple(sections), lambda: read_profile(own, self.layers.organisation, self.known.rates)
        )
        schedules = own.get("schedules")
        found = (
            self._profiles.get((schedules.node,), lambda: read_schedules(schedules, self.names))
            if schedules is not None
            else ()
        )
        location = profile.at(place, self._dimensions(place))
        site = self._standing(location, profile, place, effective, None)
        scheduled = {
            schedule.name: (
                schedule.hours,
                self._standing(
                    location, profile, place, self.layers.with_overlay(effective, schedule.overlay), schedule.name
                ),
            )
            for schedule in found
        }
        site = replace(site, scheduled=scheduled) if scheduled else site
        if not any(id(standing.routes) in self._unsound for standing in site.every()):
            check_defaults(site)
        return site

    def lint_groups_without_locations(self) -> None:
        """Look for faults in overlays that no location has yet."""
        used = {name for place in self.layers.places.values() for name in place.groups}
        for group in self.layers.groups.values():
            if group.name not in used:
                empty = undeclared(f"group {group.name}", (*group.above, group.name), self.layers.base)
                self.site(empty, self.layers.of_group(group))

    def _type(self, name: str, at: Cursor, usual: Cursor | None) -> QuestionType:
        nodes = (at.node,) if usual is None else (at.node, usual.node)
        return self._types.get(nodes, lambda: read_type(name, at, usual, self.auditors), name)

    def _dimensions(self, place: Place) -> dict[str, str]:
        """Return its innermost group in each dimension."""
        found = ((self.layers.groups[name].dimension, name) for name in place.groups)
        return {dimension: name for dimension, name in found if dimension is not None}

    def _standing(
        self, location: Location, profile: Profile, place: Place, effective: Cursor, schedule: str | None
    ) -> Site:
        """Compile what holds at a location under a schedule, or under none."""
        types = self.types(effective)
        routes = listed(effective.entry("routes"), types, self.names, self._routes)
        if not routes.is_sound:
            self._unsound.add(id(routes.routes))
        own = effective.node.entries
        ways: Mapping[str, tuple[Way, ...]] = self._by_type.get(
            tuple(own[key] for key in ("types", "audits", "plans", "routes") if key in own),
            lambda: self._led(routes, types, location, profile.hours, effective, schedule),
            schedule,
            *routes.seen_of(location),
        )
        site = Site(
            location=location,
            types=types,
            ways=ways,
            routes=routes.routes,
            hours=profile.hours,
            zone=ZoneInfo(location.time_zone),
            rates=self.known.rates,
            effective=effective.node,
            declared=place.at,
            schedule=schedule,
        )
        check_currency(place, site, self.known.rates)
        return site

    def _led(
        self,
        listed: Listed,
        types: Mapping[str, QuestionType],
        location: Location,
        hours: Hours,
        effective: Cursor,
        schedule: str | None,
    ) -> Mapping[str, tuple[Way, ...]]:
        """Return the ways of each type at a location, and at all that no route tells from it."""
        plans, type_nodes = section_of(effective, "plans"), section_of(effective, "types")
        self.leads.meet(plans, type_nodes)
        ways: dict[str, tuple[Way, ...]] = {}
        for kind, routes in listed.by_type.items():
            self.pause()
            surroundings = Surroundings(location, kind, hours, self.known.rates)
            taken = self.leads.taken(routes, surroundings, schedule)
            made = self._made(taken, types[kind], type_nodes[kind], plans, location.name)
            if made:
                ways[kind] = made
        return self._shared(ways)

    def _made(
        self,
        taken: Sequence[tuple[Route, Expression | None]],
        kind: QuestionType,
        type_at: Cursor,
        plans: Mapping[str, Cursor],
        place: str,
    ) -> tuple[Way, ...]:
        made = []
        for route, when in taken:
            at = plans.get(route.plan)
            if at is not None:
                plan = self._plan(route, at, kind, type_at)
                check_earnable(plan, at, kind)
                key = (id(route), id(plan), id(when))
                made.append(self._ways.setdefault(key, Way(route, plan, when)))
            elif route.plan:
                route.at.fault(f"plan `{route.plan}` is declared in some layer, but not at `{place}`")
        if len(made) < len(taken):
            return ()
        shared: tuple[Way, ...] = self._ways.setdefault(("ways", *map(id, made)), tuple(made))
        return shared

    def _shared(self, ways: dict[str, tuple[Way, ...]]) -> Mapping[str, tuple[Way, ...]]:
        key = ("site", *((kind, id(each)) for kind, each in ways.items()))
        shared: Mapping[str, tuple[Way, ...]] = self._ways.setdefault(key, ways)
        return shared

    def _plan(self, route: Route, at: Cursor, kind: QuestionType, type_at: Cursor) -> Plan:
        if not route.instead:
            return self._plans.get(
                (at.node, type_at.node), lambda: read_plan(route.plan, at, kind, self.known, type_at)
            )
        return self._plans.get(
            (at.node, type_at.node, route.at.node),
            lambda: read_plan(route.plan, with_others(at, route), kind, self.known, type_at),
        )
