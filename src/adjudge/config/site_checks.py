"""Whether what locations have fits together: a plan for every question at every time, rates for what is compared."""

from collections.abc import Iterable, Mapping

from adjudge.config.documents.cursors import Cursor
from adjudge.config.sections.locations import Place
from adjudge.config.sites import Site
from adjudge.core.plans import ByHand
from adjudge.core.specifications import DeciderSpec


def check_defaults(site: Site) -> None:
    """Every question that has a route at some time has one at all times, whatever it brings."""
    for standing in site.every():
        for kind, ways in standing.ways.items():
            if ways[-1].when is not None:
                ways[-1].route.at.fault(
                    f"no route follows for a `{kind}` for which `{ways[-1].when.text}` does not hold: "
                    "end with one without `when`"
                )
            if kind not in site.ways:
                ways[-1].route.at.fault(f"`{kind}` has a plan while {standing.schedule} holds, and none otherwise")
        for kind in site.ways.keys() - standing.ways.keys():
            site.ways[kind][-1].route.at.fault(f"`{kind}` has no plan while {standing.schedule} holds")


def check_currency(place: Place, site: Site, rates: Mapping[str, float]) -> None:
    """Where stakes are compared, the location's currency has a rate."""
    currency = site.location.currency
    if currency in rates or place.at.faults.has_below("organisation"):
        return
    for kind, ways in site.ways.items():
        for way in ways:
            plan = way.plan
            accepts = [stage.accept for stage in (*plan.stages, *plan.escalations)]
            if any(accept.condition.currencies for accept in accepts if isinstance(accept, ByHand)):
                place.at.fault(f"plan {plan.name} compares stakes, but organisation.rates has no rate for {currency}")
            if way.when is not None and way.when.currencies:
                place.at.fault(f"a route of {kind} compares stakes, but organisation.rates has no rate for {currency}")


def check_shadows(declared: Mapping[str, Cursor], deciders: Mapping[str, DeciderSpec], sites: Iterable[Site]) -> None:
    """A decider in shadow that no plan names would be configured, and never run."""
    every = (standing for site in sites for standing in site.every())
    asked = {name for one in every for ways in one.ways.values() for way in ways for name in way.plan.shadows}
    for name, at in declared.items():
        is_told = at.faults.has_below("plans") or at.faults.has_below("routes")
        if deciders[name].is_shadow and name not in asked and not is_told:
            at.fault("it is in shadow, and no plan that is used names it under `shadow`")
