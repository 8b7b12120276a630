"""A compiled configuration: what holds at each location, and where each value comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from adjudge.config.earning import Unearnable, unearnable, unlike
from adjudge.config.errors import NoPlan, UnknownLocation, UnknownPool, UnknownType
from adjudge.config.explaining import Leaf, SetByHand, effective_leaves, set_by_hand
from adjudge.config.families import Outgrown, outgrown
from adjudge.config.lasting import Lasting, lasting
from adjudge.config.resembling import LookAlike, look_alikes
from adjudge.config.routing import Request, Way
from adjudge.config.sections.organisations import Organisation
from adjudge.config.sites import Site
from adjudge.config.unread import Unread, unread
from adjudge.config.unset import Unset, unset
from adjudge.core.plans import Origin, Plan
from adjudge.core.specifications import DeciderSpec, Location, PoolSpec, QuestionType


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
    groups: Mapping[str, Origin]
    """Where each is declared."""
    sites: Mapping[str, Site]
    decider_origins: Mapping[str, Origin]
    """Where each decider's function, endpoint or rule is named."""

    @property
    def locations(self) -> Mapping[str, Location]:
        return {name: site.location for name, site in self.sites.items()}

    @property
    def serving(self) -> Mapping[str, DeciderSpec]:
        """The deciders whose answers count."""
        return {name: spec for name, spec in self.deciders.items() if not spec.is_shadow}

    @property
    def in_shadow(self) -> Mapping[str, DeciderSpec]:
        """The deciders in shadow."""
        return {name: spec for name, spec in self.deciders.items() if spec.is_shadow}

    @property
    def asked_aside(self) -> Mapping[str, DeciderSpec]:
        """The deciders that are asked on the side: those in shadow, and those that audited plans may not come to."""
        later = {
            name
            for site in self.sites.values()
            for type_ in site.ways
            if site.types[type_].audits is not None
            for plan in site.possible(type_)
            for name in plan.deciders() - set(plan.stages[0].deciders)
        }
        return {name: spec for name, spec in self.deciders.items() if spec.is_shadow or name in later}

    def every_plan(self) -> Iterator[tuple[Location, str, Plan]]:
        """Yield every plan that some question may take, by location and type."""
        for site in self.sites.values():
            for question_type in site.ways:
                for plan in site.possible(question_type):
                    yield site.location, question_type, plan

    def location(self, name: str) -> Location:
        """Return a location. Raises UnknownLocation."""
        return self.site(name).location

    def question_type(self, location: str, question_type: str, at: datetime | None = None) -> QuestionType:
        """Return a type as it is at the location; `at`: at that moment. Raises UnknownLocation, UnknownType."""
        site = self.site(location)
        types = (site.standing(at) if at is not None else site).types
        if question_type not in types:
            raise UnknownType(question_type, types)
        return types[question_type]

    def plan(self, location: str, question_type: str, hash_: str = "") -> Plan:
        """Return the plan of a type at a location that has this hash; without one, that where no condition holds.

        Raises UnknownLocation, UnknownType, NoPlan.
        """
        plan = self.site(location).plan(question_type, hash_)
        if plan is None:
            raise self._no_plan(location, question_type)
        return plan

    def way(self, location: str, question_type: str, request: Request) -> Way:
        """Return the route that a question takes. Raises UnknownLocation, UnknownType, NoPlan."""
        site = self.site(location)
        if site.scheduled:
            site = site.standing(request.at)
        ways = site.ways.get(question_type)
        if ways is None:
            raise self._no_plan(location, question_type)
        first = ways[0]
        return first if first.when is None else site.chosen(question_type, ways, request)

    def site(self, location: str) -> Site:
        """Return all that holds at a location. Raises UnknownLocation."""
        site = self.sites.get(location)
        if site is None:
            raise UnknownLocation(location, self.sites)
        return site

    def pool(self, name: str) -> PoolSpec:
        """Return a pool. Raises UnknownPool."""
        if name not in self.pools:
            raise UnknownPool(name, self.pools)
        return self.pools[name]

    def explain(self, location: str, question_type: str) -> tuple[Leaf, ...]:
        """Return every value that decides about this type at this location, and where each comes from.

        Raises UnknownLocation, UnknownType, NoPlan.
        """
        self.plan(location, question_type)
        return effective_leaves(self.site(location), question_type)

    def by_hand(self) -> tuple[SetByHand, ...]:
        """Return every threshold set by hand that is in force anywhere, once for each place that says so."""
        found = (threshold for site in self.sites.values() for threshold in set_by_hand(site))
        return tuple(sorted(set(found), key=lambda each: (each.origin.file, each.origin.line, each.type)))

    def unearnable(self) -> tuple[Unearnable, ...]:
        """Return every stage in force anywhere that says `certified`, and that nothing could ever license."""
        found = {each for site in self.sites.values() for each in unearnable(site)} | set(unlike(self.sites.values()))
        return tuple(sorted(found, key=lambda each: (each.origin.file, each.origin.line, each.type, each.why)))

    def lasting(self) -> tuple[Lasting, ...]:
        """Return every provisional answer in force anywhere that nobody could make final before the deadline."""
        found = (each for site in self.sites.values() for each in lasting(site))
        return tuple(sorted(set(found), key=lambda each: (each.origin.file, each.origin.line, each.type)))

    def outgrown(self) -> tuple[Outgrown, ...]:
        """Return every certified stage that has more slices than its family counts."""
        every = ((place, name, self.question_type(place.name, name), plan) for place, name, plan in self.every_plan())
        return tuple(outgrown(every))

    def unread(self) -> tuple[Unread, ...]:
        """Return the tags and attributes of locations that nothing reads, once for each place that says so."""
        every = sorted(unread(self.sites, self.deciders.values()), key=lambda each: each.nearest or "")
        found = {(each.origin.file, each.origin.line, each.what, each.name): each for each in every}
        return tuple(found[place] for place in sorted(found))

    def unset(self) -> tuple[Unset, ...]:
        """Return the attributes that thresholds read where no location has them."""
        return tuple(sorted(unset(self.sites), key=lambda each: (each.origin.file, each.origin.line, each.attribute)))

    def look_alikes(self) -> tuple[LookAlike, ...]:
        """Return the labels that are hard to tell apart, once for each place that says so."""
        found = set(look_alikes(self.sites.values()))
        return tuple(sorted(found, key=lambda each: (each.origin.file, each.origin.line, each.type, each.other)))

    def empty_groups(self) -> Mapping[str, Origin]:
        """Return the groups in which no location is, and where each is declared."""
        used = {name for site in self.sites.values() for name in site.location.groups}
        return {name: origin for name, origin in self.groups.items() if name not in used}

    def plan_names(self) -> frozenset[str]:
        """Return the names of all plans that some question takes."""
        every = (standing for site in self.sites.values() for standing in site.every())
        return frozenset(way.plan.name for standing in every for ways in standing.ways.values() for way in ways)

    def _no_plan(self, location: str, question_type: str) -> NoPlan:
        """Return why there is none. Raises UnknownLocation, UnknownType where that is why."""
        self.question_type(location, question_type)
        return NoPlan(question_type, location)
