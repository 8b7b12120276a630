"""Layers: the organisation's own tree, and what groups and locations lay upon it.

What a layer does not touch is the same object below and above it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from adjudge.config.documents.cursors import Cursor
from adjudge.config.documents.memos import Memo
from adjudge.config.documents.merging import merge, merge_all, needless_nulls
from adjudge.config.documents.nodes import Node
from adjudge.config.documents.pausing import Pause, stepwise
from adjudge.config.documents.readers import check_name
from adjudge.config.sections.locations import EVERYWHERE, Group, Place, contradictions, laid, read_groups, read_location
from adjudge.config.sections.organisations import Organisation, read_organisation
from adjudge.config.sources import NEEDLESS
from adjudge.core.specifications import DEFAULT_LOCATION


@dataclass(frozen=True, slots=True)
class Layers:
    """The organisation's own tree, and what groups and locations lay upon it."""

    base: Cursor
    organisation: Organisation
    groups: Mapping[str, Group]
    places: Mapping[str, Place]
    _merged: dict[tuple[str, ...], Node] = field(default_factory=dict)
    _sections: Memo = field(default_factory=Memo)

    @classmethod
    def of(cls, root: Cursor, base: Path, pause: Pause) -> "Layers":
        found = root.entries()
        organisation = read_organisation(found.get("organisation"), base)
        order = found["organisation"].entry("merge_order") if root.has("organisation") else None
        named = found.get("groups")
        groups = read_groups(named.entries() if named is not None else {}, order, pause)
        declared = _named(found.get("locations"), "location", pause)
        places = {name: read_location(name, at, groups) for name, at in stepwise(declared.items(), pause)} or {
            DEFAULT_LOCATION: undeclared(DEFAULT_LOCATION, (), root)
        }
        base_of_all = _with_additions(root, stepwise(_overlays(groups, places), pause))
        layers = cls(base_of_all, organisation, groups, places)
        layers._lint_nulls(pause)
        layers._lint_contradictions()
        return layers

    def overlays(self) -> list[Node]:
        """Return what all groups, then all locations lay on top."""
        return _overlays(self.groups, self.places)

    def section(self, key: str) -> dict[str, Cursor]:
        return section_of(self.base, key)

    def effective(self, place: Place) -> Cursor:
        """Return what holds at a location."""
        merged = self._of_groups(place.groups)
        if place.overlay.value:
            merged = merge_all(merged, [_own(place.overlay)])
        return replace(self.base, node=merged)

    def of_group(self, group: Group) -> Cursor:
        """Return what would hold at a location of this group alone, and those above it."""
        return replace(self.base, node=self._of_groups(laid(self.groups, [group.name])))

    def with_overlay(self, effective: Cursor, overlay: Node) -> Cursor:
        """Return what holds with a schedule's overlay. Sections that many locations share are merged once."""
        entries = dict(effective.node.entries)
        for key, patch in overlay.entries.items():
            entries[key] = self._merged_section(entries.get(key), patch)
        return replace(effective, node=effective.node.holding(entries))

    def _merged_section(self, below: Node | None, patch: Node) -> Node:
        return self._sections.get((patch, *([below] if below else ())), lambda: merge(below, patch))

    def _lint_contradictions(self) -> None:
        for names in {place.groups for place in self.places.values()}:
            contradictions([self.groups[name] for name in names], self.base.faults)

    def _lint_nulls(self, pause: Pause) -> None:
        """A group removes from below it, or from another group; a location from either."""
        groups = [group.overlay for group in self.groups.values()]
        below = [self.base.node, *groups]
        for overlay in stepwise(self.overlays(), pause):
            for path, null in needless_nulls(overlay, below):
                self.base.faults.add(null.origin, path, NEEDLESS, layer=null.layer)

    def _of_groups(self, names: tuple[str, ...]) -> Node:
        """Return what groups make of the organisation's tree; groups that are laid first are shared by many."""
        known = len(names)
        while known and names[:known] not in self._merged:
            known -= 1
        merged = self._merged[names[:known]] if known else self.base.node
        for number in range(known, len(names)):
            merged = merge(merged, _own(self.groups[names[number]].overlay))
            self._merged[names[: number + 1]] = merged
        return merged


def _named(at: Cursor | None, what: str, pause: Pause) -> dict[str, Cursor]:
    found: dict[str, Cursor] = {}
    for name, child in stepwise(at.each() if at is not None else (), pause):
        check_name(child, name, f"a {what}")
        found[name] = child
    return found


def section_of(effective: Cursor, key: str) -> dict[str, Cursor]:
    at = effective.entry(key)
    return at.entries() if at is not None else {}


def declared_in(trees: Iterable[Node], section: str) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for tree in trees:
        if section in tree.entries:
            found |= tree.entries[section].entries
    return found


def undeclared(name: str, groups: tuple[str, ...], root: Cursor) -> Place:
    """Return a location that no document names."""
    nothing = Node({}, root.node.origin, "")
    return Place(Cursor(nothing, f"locations.{name}", root.faults), name, groups, nothing)


def _overlays(groups: Mapping[str, Group], places: Mapping[str, Place]) -> list[Node]:
    return [group.overlay for group in groups.values()] + [place.overlay for place in places.values()]


def _own(overlay: Node) -> Node:
    """Return the part of an overlay that is this location's own."""
    return overlay.holding({key: node for key, node in overlay.entries.items() if key not in EVERYWHERE})


def _with_additions(root: Cursor, overlays: Iterable[Node]) -> Cursor:
    """Return the organisation's tree with the deciders and pools that overlays add to it."""
    entries = {key: node for key, node in root.node.entries.items() if key not in ("groups", "locations", "packs")}
    for overlay in overlays:
        for section in EVERYWHERE:
            for name, node in declared_in([overlay], section).items():
                _add(entries, section, name, Cursor(node, f"{section}.{name}", root.faults))
    return replace(root, node=replace(root.node, value=entries))


def _add(entries: dict[str, Node], section: str, name: str, at: Cursor) -> None:
    before = entries.get(section, Node({}, at.node.origin, at.node.layer))
    if name in before.entries:
        at.fault(f"declared at {before.entries[name].origin}: {section} are the same at every location")
    elif at.node.value is not None:
        entries[section] = replace(before, value={**before.entries, name: at.node})
