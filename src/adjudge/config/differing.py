"""What a change of configuration changes in effect: which values and plans, where, and how often they are used.

Texts are not compared: a comment, or a value moved to another file, changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from adjudge.config.documents.merging import leaves
from adjudge.config.documents.nodes import Node
from adjudge.config.earning import spoken_of
from adjudge.config.sites import Site
from adjudge.core.answers import Json
from adjudge.core.plans import Origin, Plan
from adjudge.core.specifications import Location

NOTHING: Final = Node(None, Origin("", 0), "")
DERIVED: Final = "from its groups"
"""The layer of what no single line says."""
_NAMED: Final = ("types", "plans", "deciders", "pools", "schedules")
"""Sections whose entries are compared one by one; their names may hold points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedLeaf:
    """An effective value that differs at some locations."""

    path: str
    before: Json
    """None: it was not given."""
    after: Json
    """None: it is not given any more."""
    file: str
    """Empty where it follows from what several documents say."""
    line: int
    """Where it stands now; where it stood, if it is gone."""
    layer: str
    locations: tuple[str, ...]
    decisions_a_day: float | None
    """Of the decisions asked there: those that may read it. None: nobody knows what is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPlan:
    """The plans that questions of a type may take at some locations, before and after."""

    type: str
    before: tuple[str, ...]
    """`name hash`, in the order of routes; empty: there was none."""
    after: tuple[str, ...]
    locations: tuple[str, ...]
    decisions_a_day: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingCertificates:
    """A certified stage that is gone, or is something else from then on: certificates of it that are in force end."""

    type: str
    plan: str
    deciders: tuple[str, ...]
    """Of the stage, before."""
    locations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """All that differs in effect."""

    locations_added: tuple[str, ...]
    locations_removed: tuple[str, ...]
    leaves: tuple[ChangedLeaf, ...]
    plans: tuple[ChangedPlan, ...]
    certificates_ending: tuple[EndingCertificates, ...]
    decisions_a_day: float | None
    """Of all decisions: those that something here touches."""
    all_decisions_a_day: float | None

    def __bool__(self) -> bool:
        """Return whether anything differs."""
        return bool(self.leaves or self.plans or self.locations_added or self.locations_removed)


def diff(
    old: Mapping[str, Site], new: Mapping[str, Site], traffic: Mapping[tuple[str, str], float] | None = None
) -> Difference:
    """Return what differs in effect between what holds at each location before and after.

    `traffic`: decisions a day by (location, type), what is missing had none; None: nobody knows.
    """
    found = _Found(traffic)
    for name in sorted(old.keys() & new.keys()):
        found.compare(old[name], new[name])
    gone = old.keys() - new.keys()
    found.touched.update(pair for pair in traffic or () if pair[0] in gone)
    return Difference(
        locations_added=tuple(sorted(new.keys() - old.keys())),
        locations_removed=tuple(sorted(gone)),
        leaves=tuple(found.leaves()),
        plans=tuple(found.plans()),
        certificates_ending=tuple(_certificates_ending(old, new)),
        decisions_a_day=found.counted(found.touched),
        all_decisions_a_day=None if traffic is None else sum(traffic.values()),
    )


@dataclass(frozen=True, slots=True)
class _Change:
    """A leaf that differs, without saying where."""

    path: str
    before: Node
    after: Node


@dataclass(slots=True)
class _Found:
    """What was found at the locations looked at so far. What many locations share is compared once."""

    traffic: Mapping[tuple[str, str], float] | None
    touched: set[tuple[str, str]] = field(default_factory=set)
    _pairs: dict[tuple[int, int], tuple[_Change, ...]] = field(default_factory=dict)
    _leaves: dict[tuple[str, int, int], _Change] = field(default_factory=dict)
    _at: dict[tuple[str, int, int], set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    """(location, type) by leaf; type "" where no question reads it."""
    _plans: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def compare(self, old: Site, new: Site) -> None:
        location = new.location.name
        readers = _Readers.at(old, new)
        for change in self._changes(old, new):
            key = (change.path, id(change.before), id(change.after))
            self._leaves[key] = change
            types = readers.of(change.path)
            self._at[key].update({(location, kind) for kind in types} or {(location, "")})
            self.touched.update((location, kind) for kind in types)
        for kind in sorted(readers.asked):
            before, after = _shown(old.possible(kind)), _shown(new.possible(kind))
            if before != after:
                self._plans[kind, before, after].append(location)
                self.touched.add((location, kind))

    def counted(self, asked: Iterable[tuple[str, str]]) -> float | None:
        """Return how many decisions a day these (location, type) are; None: nobody knows."""
        traffic = self.traffic
        return None if traffic is None else sum(traffic.get(pair, 0) for pair in asked)

    def leaves(self) -> Iterator[ChangedLeaf]:
        """Return the changed leaves, those with equal values and line joined, in the order of their paths."""
        joined: dict[tuple[str, str, str, str, int], tuple[_Change, set[tuple[str, str]]]] = {}
        for key, change in self._leaves.items():
            origin = _standing(change).origin
            same = (change.path, repr(change.before.plain()), repr(change.after.plain()), origin.file, origin.line)
            joined.setdefault(same, (change, set()))[1].update(self._at[key])
        for _, (change, at) in sorted(joined.items(), key=lambda item: item[0]):
            stands = _standing(change)
            yield ChangedLeaf(
                path=change.path,
                before=change.before.plain(),
                after=change.after.plain(),
                file=stands.origin.file,
                line=stands.origin.line,
                layer=stands.layer,
                locations=tuple(sorted({location for location, _ in at})),
                decisions_a_day=self.counted(at),
            )

    def plans(self) -> Iterator[ChangedPlan]:
        for (kind, before, after), locations in sorted(self._plans.items()):
            touched = self.counted((location, kind) for location in locations)
            yield ChangedPlan(
                type=kind, before=before, after=after, locations=tuple(locations), decisions_a_day=touched
            )

    def _changes(self, old: Site, new: Site) -> Iterator[_Change]:
        before, after = old.effective.entries, new.effective.entries
        for section in sorted(before.keys() | after.keys()):
            one, other = before.get(section, NOTHING), after.get(section, NOTHING)
            if section in _NAMED:
                for name in sorted(one.entries.keys() | other.entries.keys()):
                    yield from self._pair(
                        f"{section}.{name}", one.entries.get(name, NOTHING), other.entries.get(name, NOTHING)
                    )
            else:
                yield from self._pair(section, one, other)
        yield from _of_groups(old, new)

    def _pair(self, path: str, before: Node, after: Node) -> Iterable[_Change]:
        key = (id(before), id(after))  # the sites keep the nodes, so that no other gets their identity
        if key not in self._pairs:
            self._pairs[key] = tuple(_compared(path, before, after))
        return self._pairs[key]


def _of_groups(old: Site, new: Site) -> Iterator[_Change]:
    """Compare which groups a location is in: slices, switches and routes go by them, beside what they lay on top."""
    one, other = (_groups(site.location) for site in (old, new))
    for path in sorted(one.keys() | other.keys()):
        before, after = one.get(path), other.get(path)
        if before != after:
            yield _Change(path, _derived(before), _derived(after))


def _groups(location: Location) -> dict[str, Json]:
    """Return all groups of a location, those above the ones that it lists included, and its group by dimension."""
    by_dimension = {f"location.dimensions.{name}": group for name, group in location.dimensions.items()}
    return {"location.groups": sorted(location.groups), **by_dimension}


def _derived(value: Json) -> Node:
    if value is None:
        return NOTHING
    items = [Node(item, NOTHING.origin, DERIVED) for item in value] if isinstance(value, list) else value
    return Node(items, NOTHING.origin, DERIVED)


def _compared(path: str, before: Node, after: Node) -> Iterator[_Change]:
    one, other = dict(_leaves(before, path)), dict(_leaves(after, path))
    for leaf in dict.fromkeys(chain(one, other)):
        old, new = one.get(leaf, NOTHING), other.get(leaf, NOTHING)
        if old.plain() != new.plain() or type(old.value) is not type(new.value):
            yield _Change(leaf, old, new)


def _leaves(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    return leaves(node, path) if node is not NOTHING else iter(())


def _standing(change: _Change) -> Node:
    return change.before if change.after is NOTHING else change.after


def _shown(plans: Iterable[Plan]) -> tuple[str, ...]:
    return tuple(f"{plan.name} {plan.hash[:12]}" for plan in plans)


@dataclass(slots=True)
class _Certified:
    """A certified stage of a slice, or of a group from which slices inherit: what one certificate speaks of."""

    plan: str
    deciders: tuple[str, ...]
    truths: set[str] = field(default_factory=set)
    """How it is found out at its locations what is true."""
    is_audited: set[bool] = field(default_factory=set)
    """Whether a coin ever draws decisions of its locations: with both, nothing is certified."""
    locations: dict[str, None] = field(default_factory=dict)

    @property
    def is_of(self) -> tuple[set[str], bool]:
        return self.truths, len(self.is_audited) > 1


def _certificates_ending(old: Mapping[str, Site], new: Mapping[str, Site]) -> Iterator[EndingCertificates]:
    """Yield what certificates speak of no more. One goes on while the plans of some location of its slice have it."""
    before, after = _certified(old), _certified(new)
    ending: dict[tuple[str, str, tuple[str, ...]], set[str]] = defaultdict(set)
    for key, one in before.items():
        if key not in after or after[key].is_of != one.is_of:
            ending[key[0], one.plan, one.deciders].update(one.locations)
    for (kind, plan, deciders), locations in sorted(ending.items()):
        yield EndingCertificates(type=kind, plan=plan, deciders=deciders, locations=tuple(sorted(locations)))


def _certified(sites: Mapping[str, Site]) -> dict[tuple[str, str, str], _Certified]:
    """Return every certified stage, by type, slice or group, and prefix."""
    found: dict[tuple[str, str, str], _Certified] = {}
    for each in spoken_of(site for _, site in sorted(sites.items())):
        deciders = each.stage.deciders or (str(each.stage.pool),)
        one = found.setdefault((each.type, each.slice, each.prefix), _Certified(each.plan.name, deciders))
        one.truths.add(each.audits.truth)
        one.is_audited.add(each.audits.rate > 0)
        one.locations[each.location] = None
    return found


@dataclass(frozen=True, slots=True)
class _Readers:
    """Which types' questions read a leaf at a location."""

    old: Site
    new: Site
    asked: frozenset[str]
    """Types that have a plan, before or after."""

    @classmethod
    def at(cls, old: Site, new: Site) -> "_Readers":
        kinds = (kind for site in (old, new) for standing in site.every() for kind in standing.ways)
        return cls(old, new, frozenset(kinds))

    def of(self, path: str) -> frozenset[str]:
        section, _, rest = path.partition(".")
        asked = self.asked
        match section:
            case "types":
                return frozenset(kind for kind in asked if _is_within(rest, kind))
            case "plans":
                return frozenset(kind for kind in asked for plan in self._plans(kind) if _is_within(rest, plan.name))
            case "deciders":
                return frozenset(
                    kind
                    for kind in asked
                    for plan in self._plans(kind)
                    for name in (*plan.deciders(), *plan.shadows)
                    if _is_within(rest, name)
                )
            case "pools":
                return frozenset(
                    kind
                    for kind in asked
                    for plan in self._plans(kind)
                    for stage in (*plan.stages, *plan.escalations)
                    if stage.pool is not None and _is_within(rest, stage.pool)
                )
            case _ if section.startswith("routes"):
                return frozenset(kind for kind in asked if self._takes_another(kind))
            case _:
                return asked

    def _plans(self, kind: str) -> Iterator[Plan]:
        yield from self.old.possible(kind)
        yield from self.new.possible(kind)

    def _takes_another(self, kind: str) -> bool:
        return _shown(self.old.possible(kind)) != _shown(self.new.possible(kind))


def _is_within(path: str, name: str) -> bool:
    return path == name or path.startswith((f"{name}.", f"{name}["))
