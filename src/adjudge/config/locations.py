"""The sections `groups` and `locations`: what configuration may differ by, and what each lays on top."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from adjudge.config.cursors import Cursor, Fields, Misread, declared, described
from adjudge.config.faults import nearest
from adjudge.config.nodes import Node
from adjudge.config.readers import currency, text, whole

OVERLAID: Final = ("types", "deciders", "pools", "plans", "routes", "attributes", "audits")
"""What a group or a location may change."""


@dataclass(frozen=True, slots=True)
class Group:
    """Locations that share an overlay."""

    name: str
    dimension: str | None
    """A location is in one group of a dimension, at most: one region, one format."""
    rank: int | None
    """Where groups have ranks, a location lists the lower first."""
    overlay: Node


@dataclass(frozen=True, slots=True)
class Place:
    """A location as it is declared."""

    at: Cursor
    name: str
    groups: tuple[str, ...]
    currency: str
    time_zone: str
    overlay: Node


def read_group(name: str, at: Cursor) -> Group:
    with at.fields() as fields:
        dimension = fields.read("dimension", text, None)
        rank = fields.read("rank", whole(0, 1_000_000), None)
        return Group(name, dimension, rank, _overlay(at, fields, f"group {name}"))


def read_location(name: str, at: Cursor, groups: Mapping[str, Group], usual_currency: str) -> Place:
    with at.fields() as fields:
        return Place(
            at=at,
            name=name,
            groups=_groups(fields, groups),
            currency=fields.read("currency", currency, usual_currency),
            time_zone=fields.read("time_zone", _time_zone, "UTC"),
            overlay=_overlay(at, fields, f"location {name}"),
        )


def _overlay(at: Cursor, fields: Fields, layer: str) -> Node:
    found = {key: fields.get(key) for key in OVERLAID}
    entries = {key: child.node.in_layer(layer) for key, child in found.items() if child is not None}
    for key, node in entries.items():
        if key != "routes" and not isinstance(node.value, dict | None):
            at.fault(f"`{key}` is a mapping, not {described(node)}")
    return Node(entries, at.node.origin, layer)


def _groups(fields: Fields, groups: Mapping[str, Group]) -> tuple[str, ...]:
    at = fields.get("groups")
    if at is None:
        return ()
    items = at.items()
    listed = [name for item in items if (name := item.read(declared(groups, "group"), None)) is not None]
    for i, name in enumerate(listed):
        _check_order(at, groups[name], [groups[before] for before in listed[:i]])
    return tuple(dict.fromkeys(listed))


def _check_order(at: Cursor, group: Group, before: list[Group]) -> None:
    for other in before:
        if other.name == group.name:
            at.fault(f"group `{group.name}` stands twice in the list")
        elif group.dimension is not None and other.dimension == group.dimension:
            at.fault(f"`{other.name}` and `{group.name}` are both of dimension {group.dimension}: one of them, at most")
        elif group.rank is not None and other.rank is not None and group.rank < other.rank:
            at.fault(f"`{group.name}` (rank {group.rank}) must stand before `{other.name}` (rank {other.rank})")


def _time_zone(node: Node) -> str:
    name = text(node)
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Misread(f"no time zone `{name}`", nearest(name, available_timezones())) from None
