"""Provisional answers that stand until the deadline, because nobody was asked who could make them final."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adjudge.config.sites import Site
from adjudge.core.plans import Escalate, FallbackStep, Origin, Plan, Provisional, Stage


@dataclass(frozen=True, slots=True)
class Lasting:
    """A `provisional` behind models alone. No fault: its answer is told at once, and may be all that is wanted."""

    type: str
    plan: str
    origin: Origin


def lasting(site: Site) -> Iterator[Lasting]:
    """Yield the provisional answers at a location, at whatever time, after which no people go on."""
    for standing in site.every():
        for name, ways in standing.ways.items():
            for plan in {way.plan.hash: way.plan for way in ways}.values():
                for origin in _without_people(plan):
                    yield Lasting(name, plan.name, origin)


def _without_people(plan: Plan) -> Iterator[Origin]:
    """Go through the fallbacks of each stage, before which it and those ahead of it were asked, and of the plan."""
    for end, stage in enumerate(plan.stages, start=1):
        chains = [stage.on_error, *(plan.chain(index) for index in stage.fallbacks.values() if index is not None)]
        for chain in chains:
            yield from _of_chain(chain, plan.stages[:end])
    yield from _of_chain(plan.fallback, plan.stages)
    for reason, index in plan.endings.items():
        yield from _of_chain(plan.chain(index), () if reason == "shed" else plan.stages)


def _of_chain(chain: Sequence[FallbackStep], asked: Sequence[Stage]) -> Iterator[Origin]:
    has_people = any(stage.pool is not None for stage in asked) or any(isinstance(step, Escalate) for step in chain)
    last = chain[-1] if chain else None
    if isinstance(last, Provisional) and last.origin is not None and not has_people:
        yield last.origin
