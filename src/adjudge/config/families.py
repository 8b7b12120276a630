"""Families of slices that have outgrown their error budget: the slices that came last are never certified."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from adjudge.core.plans import Certified, Origin, Plan
from adjudge.core.specifications import Location, QuestionType


@dataclass(frozen=True, slots=True)
class Outgrown:
    """A certified stage with more slices than its `family` counts. No fault: they may never all be in use."""

    type: str
    family: int
    slices: int
    origin: Origin


def outgrown(every: Iterable[tuple[Location, str, QuestionType, Plan]]) -> Iterator[Outgrown]:
    """Yield each stage of which that is so. `every`: all plans that some question may take, by location and type."""
    slices: dict[tuple[str, int, int], set[str]] = {}
    origins: dict[tuple[str, int, int], Origin] = {}
    for location, name, kind, plan in every:
        for index, stage in enumerate(plan.stages):
            if kind.audits is None or not isinstance(stage.accept, Certified) or not stage.accept.family:
                continue
            family = name, index, stage.accept.family
            origins.setdefault(family, stage.accept.origin)
            found = slices.setdefault(family, set())
            found.add(location.slice_by(kind.audits.slices))
            if kind.audits.inherit is not None:
                found.add(f"group {location.slice_by(kind.audits.inherit)}")
    for family, found in slices.items():
        name, _, size = family
        if len(found) > size:
            yield Outgrown(name, size, len(found), origins[family])
