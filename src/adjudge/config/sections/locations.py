"""The sections `groups` and `locations`: what configuration may differ by, and what each lays on top."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from adjudge.config.documents.cursors import Cursor, Fields, Misread, Slip, declared, described
from adjudge.config.documents.faults import Faults, nearest
from adjudge.config.documents.merging import leaves
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.pausing import Pause, stepwise
from adjudge.config.documents.readers import check_name, text, texts, whole

PROFILE: Final = ("currency", "time_zone", "tags", "hours", "stake_limit", "attributes")
"""What a location is, or shares with its group."""
OVERLAID: Final = ("types", "deciders", "pools", "plans", "routes", "schedules", "audits", *PROFILE)
"""What a group or a location may change."""
EVERYWHERE: Final = ("deciders", "pools")
"""Sections that are the same at every location: an overlay may add to them, never change them."""
MOST_ABOVE: Final = 32
"""Groups within each other."""
_LISTS: Final = ("routes", "tags")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Locations that share an overlay."""

    name: str
    at: Cursor
    above: tuple[str, ...] = ()
    """The groups that it lies in, the widest first."""
    dimension: str | None = None
    """A location is in one group of a dimension, at most, and in those that it lies in: one region, one format."""
    rank: int = 0
    """Higher ranks are laid over lower ones; of equal ranks none may contradict another."""
    overlay: Node

    @property
    def order(self) -> tuple[int, int, str]:
        """By which overlays are laid: the last on top."""
        return (self.rank, len(self.above), self.name)


@dataclass(frozen=True, slots=True)
class Place:
    """A location as it is declared."""

    at: Cursor
    name: str
    groups: tuple[str, ...]
    """Those above the listed ones included, in the order in which they are laid."""
    overlay: Node


def read_groups(section: Mapping[str, Cursor], order: Cursor | None, pause: Pause) -> dict[str, Group]:
    """Read all groups. `order`: the dimensions as they are laid, `organisation.merge_order`."""
    for name, at in section.items():
        check_name(at, name, "a group")
    parents = {name: _parent(at, section) for name, at in section.items()}
    above = _above(parents, section)
    found = {name: _group(name, at, above[name]) for name, at in stepwise(section.items(), pause)}
    return _ranked(found, _dimensions(order, found))


def read_location(name: str, at: Cursor, groups: Mapping[str, Group]) -> Place:
    with at.fields() as fields:
        return Place(at, name, _groups(fields, groups), _overlay(at, fields, f"location {name}"))


def contradictions(groups: Sequence[Group], faults: Faults) -> None:
    """Look for leaves that two groups of one rank both say, differently, where neither lies in the other."""
    for number, group in enumerate(groups):
        above = frozenset(group.above)
        for before in groups[:number]:
            if before.rank == group.rank and before.name not in above:
                _contradictions(before, group, faults)


def _contradictions(one: Group, other: Group, faults: Faults) -> None:
    said = dict(_leaves(one.overlay))
    for path, node in _leaves(other.overlay):
        before = said.get(path)
        if before is not None and before.plain() != node.plain():
            faults.add(
                node.origin,
                path,
                f"group `{one.name}` says otherwise ({before.origin}), and no order decides between it and "
                f"`{other.name}`: give one a higher `rank`, or name their dimensions in organisation.merge_order",
                layer=node.layer,
            )


def _leaves(overlay: Node) -> Iterator[tuple[str, Node]]:
    """Yield what contradicts: a leaf against a leaf, a mapping that is gone against what another says within it."""
    own = replace(overlay, value={key: node for key, node in overlay.entries.items() if key not in EVERYWHERE})
    return leaves(own, "") if own.value else iter(())


def _parent(at: Cursor, section: Mapping[str, Cursor]) -> str | None:
    found = at.entry("within")
    return found.read(declared(section, "group"), None) if found is not None else None


def _above(parents: Mapping[str, str | None], section: Mapping[str, Cursor]) -> dict[str, tuple[str, ...]]:
    """Return for each group those in which it lies, the widest first; none where that has no end."""
    found: dict[str, tuple[str, ...]] = {}
    too_deep: list[Cursor] = []
    for name in parents:
        line: dict[str, None] = {}  # from here upwards, as far as it is new
        here: str | None = name
        while here is not None and here not in found and here not in line:
            line[here] = None
            here = parents[here]
        if here is not None and here in line:
            _name_cycle(list(line), here, section)
            found |= dict.fromkeys(line, ())
            continue
        for each in reversed(line):
            parent = parents[each]
            found[each] = () if parent is None else (*found[parent], parent)
            if len(found[each]) >= MOST_ABOVE and section[each].faults.is_new:
                too_deep.append(section[each])
                found[each] = ()  # all that is to be known of it
    if too_deep:
        too_deep[0].slip(f"it lies in {MOST_ABOVE} groups, one within the other: fewer are enough")
    return found


def _name_cycle(line: list[str], first: str, section: Mapping[str, Cursor]) -> None:
    ring = line[line.index(first) :]
    for number, name in enumerate(ring):
        whole = [*ring[number:], *ring[:number], name]
        section[name].fault(f"a cycle: {' within '.join(whole)}")


def _group(name: str, at: Cursor, above: tuple[str, ...]) -> Group:
    with at.fields() as fields:
        fields.get("within")
        given = fields.get("dimension")
        rank = fields.read("rank", whole(0, 1_000_000), None)
        overlay = _overlay(at, fields, f"group {name}")
        said = given or fields.slips().get("dimension")
        dimension = said.read(_dimension, None) if said is not None else None
        return Group(
            name=name, at=at, above=above, dimension=dimension, rank=-1 if rank is None else rank, overlay=overlay
        )


def _dimension(node: Node) -> str:
    name = text(node)
    if not name.strip():
        raise Slip("a dimension has a name, such as `region`", name)
    return name


def _ranked(groups: Mapping[str, Group], dimensions: Mapping[str, int]) -> dict[str, Group]:
    """Give each group the dimension and the rank of the one it lies in, unless it has its own."""
    found: dict[str, Group] = {}
    for name, group in sorted(groups.items(), key=lambda item: len(item[1].above)):
        parent = found[group.above[-1]] if group.above else None
        dimension = group.dimension or (parent.dimension if parent else None)
        rank = group.rank
        if rank < 0:
            rank = parent.rank if parent else dimensions.get(dimension or "", 0)
        if parent is not None and dimension != parent.dimension:
            group.at.fault(f"it is of dimension {dimension}, and lies within `{parent.name}` of {parent.dimension}")
        if parent is not None and rank < parent.rank:
            group.at.fault(f"its rank {rank} is below that of `{parent.name}` ({parent.rank}), in which it lies")
        found[name] = replace(group, dimension=dimension, rank=rank)
    return found


def _dimensions(order: Cursor | None, groups: Mapping[str, Group]) -> dict[str, int]:
    if order is None:
        return {}
    known = {group.dimension for group in groups.values() if group.dimension is not None}
    names = order.read(texts, ())
    for name in names:
        if name not in known:
            order.fault(f"no group is of dimension `{name}`", nearest(name, known))
    for group in groups.values():
        said, meant = group.at.entry("dimension"), nearest(group.dimension or "", names)
        if said is not None and group.dimension not in names and meant in known:
            said.slip(f"organisation.merge_order has no dimension `{group.dimension}`", meant)
    return {name: number for number, name in enumerate(names, 1)}


def _overlay(at: Cursor, fields: Fields, layer: str) -> Node:
    """Return what a layer lays on top, its tags as a mapping: those of all layers add up."""
    given = {key: child for key in OVERLAID if (child := fields.get(key)) is not None}
    # What is misspelt is a fault, but read: else what others say of it would seem to be wrong too.
    found = given | {key: child for key, child in fields.slips().items() if key in OVERLAID}
    entries = {key: child.node.in_layer(layer) for key, child in found.items()}
    for key, node in entries.items():
        if key not in (*_LISTS, "currency", "time_zone", "stake_limit") and not isinstance(node.value, dict | None):
            at.fault(f"`{key}` is a mapping, not {described(node)}")
    if "tags" in entries:
        entries["tags"] = _tags(replace(found["tags"], node=entries["tags"]))
    return Node(entries, at.node.origin, layer)


def _tags(at: Cursor) -> Node:
    """Read a list of tags, or a mapping in which `null` takes one of a lower layer away."""
    if isinstance(at.node.value, dict):
        for name, child in at.entries().items():
            check_name(child, name, "a tag")
            if child.node.value is not None and child.node.value is not True:
                child.fault("a tag is there (`true`), or taken away (`null`)")
        return at.node
    names = at.read(texts, ())
    for name in names:
        check_name(at, name, "a tag")
    return replace(at.node, value={item.text: replace(item, value=True) for item in at.node.items})


def _groups(fields: Fields, groups: Mapping[str, Group]) -> tuple[str, ...]:
    at = fields.get("groups")
    if at is None:
        return ()
    items = at.items()
    listed = [name for item in items if (name := item.read(declared(groups, "group"), None)) is not None]
    for number, name in enumerate(listed):
        _check_listed(at, groups[name], [groups[before] for before in listed[:number]])
    return laid(groups, listed)


def laid(groups: Mapping[str, Group], names: Iterable[str]) -> tuple[str, ...]:
    """Return the groups and those above them, in the order in which they are laid."""
    every = {one for name in names for one in (*groups[name].above, name)}
    return tuple(sorted(every, key=lambda name: groups[name].order))


def _check_listed(at: Cursor, group: Group, before: list[Group]) -> None:
    for other in before:
        if other.name == group.name:
            at.fault(f"group `{group.name}` stands twice in the list")
        elif other.name in group.above or group.name in other.above:
            inner, outer = (group, other) if other.name in group.above else (other, group)
            at.fault(f"`{inner.name}` lies within `{outer.name}`: naming `{inner.name}` is enough")
        elif group.dimension is not None and other.dimension == group.dimension:
            at.fault(f"`{other.name}` and `{group.name}` are both of dimension {group.dimension}: one of them, at most")


def time_zone(node: Node) -> str:
    """Read the name of a time zone."""
    name = text(node)
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Misread(f"no time zone `{name}`", nearest(name, available_timezones())) from None
