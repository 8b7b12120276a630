"""Why a question takes its route: every route of its location in order, and why it was taken or not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from adjudge.config.configuration import Configuration
from adjudge.config.routing import Request
from adjudge.config.sections.routes import ANY, Route
from adjudge.config.sites import Site
from adjudge.core.expressions import Unevaluable
from adjudge.core.plans import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A route, and whether it was taken."""

    path: str
    file: str
    line: int
    layer: str
    plan: str
    taken: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """Where a question goes."""

    location: str
    type: str
    at: datetime
    """On the location's clock."""
    schedule: str | None
    plan: str
    plan_hash: str
    asked: tuple[str, ...]
    """Deciders and pools of its stages, in order."""
    lane: str
    considered: tuple[Considered, ...]


def consider(configuration: Configuration, location: str, question_type: str, request: Request) -> Routed:
    """Route a question and say why. Raises UnknownLocation, UnknownType, NoPlan."""
    way = configuration.way(location, question_type, request)
    site = configuration.site(location).standing(request.at)
    return Routed(
        location=location,
        type=question_type,
        at=request.at.astimezone(site.zone),
        schedule=site.schedule,
        plan=way.plan.name,
        plan_hash=way.plan.hash,
        asked=tuple(_asked(way.plan)),
        lane=way.lane or site.types[question_type].lane,
        considered=tuple(_considered(site, question_type, request, way.route)),
    )


def _asked(plan: Plan) -> Iterator[str]:
    for stage in plan.stages:
        yield from stage.deciders if stage.pool is None else (stage.pool,)


def _considered(site: Site, question_type: str, request: Request, taken: Route) -> Iterator[Considered]:
    is_over = False
    for route in site.routes:
        is_taken = route is taken
        if is_taken:
            why = f"taken: `{route.when.text}` holds" if route.when is not None else "taken"
        else:
            why = "an earlier one is taken" if is_over else _why_not(site, question_type, request, route)
        is_over = is_over or is_taken
        origin = route.at.node.origin
        yield Considered(
            path=route.at.path,
            file=origin.file,
            line=origin.line,
            layer=route.at.node.layer,
            plan=route.plan,
            taken=is_taken,
            why=why,
        )


def _why_not(site: Site, question_type: str, request: Request, route: Route) -> str:
    if route.type not in (ANY, question_type):
        return f"it is for {route.type}"
    if route.schedules and site.schedule not in route.schedules:
        holds = f"{site.schedule} holds" if site.schedule else "no schedule holds"
        return f"it is for {' and '.join(sorted(route.schedules))}, and {holds}"
    if not route.is_for(site.location, question_type, site.schedule):
        return f"it is for {', '.join(sorted([*route.groups, *route.locations]))}"
    assert route.when is not None, "a route without a condition is taken, or comes behind one that is"
    try:
        site.surroundings(question_type).evaluated(route.when, request, request.at.astimezone(site.zone))
    except Unevaluable as unevaluable:
        return f"`{route.when.text}` has no value: {unevaluable}"
    return f"`{route.when.text}` does not hold"
