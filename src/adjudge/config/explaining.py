"""Where the values come from that decide about a question."""

from collections.abc import Iterator
from dataclasses import dataclass

from adjudge.config.documents.merging import leaves
from adjudge.config.documents.nodes import Node
from adjudge.config.sections.locations import OVERLAID, PROFILE
from adjudge.config.sites import Site
from adjudge.core.answers import Json
from adjudge.core.plans import ByHand, Origin, Plan, Stage


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


def effective_leaves(site: Site, question_type: str) -> tuple[Leaf, ...]:
    """Return the values behind a type and the plan it takes: those of its route first."""
    found = (leaf for path, node in _behind(site, question_type) for leaf in leaves(node, path))
    return tuple(Leaf(path, node.plain(), node.origin.file, node.origin.line, node.layer) for path, node in found)


def set_by_hand(site: Site) -> Iterator[SetByHand]:
    """Yield every threshold set by hand that is in force at a location, at whatever time."""
    for standing in site.every():
        for question_type, ways in standing.ways.items():
            for plan in dict.fromkeys(way.plan.name for way in ways):
                layers = {leaf.origin: leaf.layer for _, leaf in leaves(_at(standing, "plans", plan), "")}
                for stage in (stage for way in ways if way.plan.name == plan for stage in _stages(way.plan)):
                    if isinstance(accept := stage.accept, ByHand):
                        layer = layers[accept.origin]
                        yield SetByHand(layer, question_type, plan, accept.condition.text, accept.origin)


def _behind(site: Site, question_type: str) -> Iterator[tuple[str, Node]]:
    """Yield what decides: the routes in order, then what each may lead to; then what schedules would change."""
    ways = site.ways[question_type]
    yield from ((way.route.at.path, way.route.at.node) for way in ways)
    for section, name in dict.fromkeys(named for way in ways for named in _named(question_type, way.plan)):
        yield f"{section}.{name}", _at(site, section, name)
    for key, at in site.declared.entries().items():
        if key not in OVERLAID:
            yield at.path, at.node.in_layer(f"location {site.location.name}")
    for key in (*PROFILE, "audits", "organisation"):
        if key in site.effective.entries:
            yield key, _at(site, key)
    for schedule in site.scheduled:
        yield f"schedules.{schedule}", _at(site, "schedules", schedule)


def _named(question_type: str, plan: Plan) -> Iterator[tuple[str, str]]:
    yield "types", question_type
    yield "plans", plan.name
    yield from dict.fromkeys(("deciders", name) for stage in _stages(plan) for name in stage.deciders)
    yield from dict.fromkeys(("pools", stage.pool) for stage in _stages(plan) if stage.pool is not None)


def _stages(plan: Plan) -> tuple[Stage, ...]:
    return plan.stages + plan.escalations


def _at(site: Site, *keys: str) -> Node:
    node = site.effective
    for key in keys:
        node = node.entries[key]
    return node
