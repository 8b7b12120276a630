"""Attributes that a threshold reads, and no location has at which it is in force: what it says of them does not hold.

No fault, for a location that has them may come; and none is named that the threshold itself asks for. (A route that
holds at no location is a fault.)
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from adjudge.config.documents.faults import nearest
from adjudge.config.sites import Site
from adjudge.core.plans import ByHand, Origin

_READ: Final = re.compile(r"""\battributes(?:\.(\w+)|\[(?:"([^"]+)"|'([^']+)')\])""")
_ASKED_FOR: Final = re.compile(r"""\bhas\(attributes\.(\w+)|(?:"([^"]+)"|'([^']+)')\s+in\s+attributes\b""")


@dataclass(frozen=True, slots=True)
class Unset:
    """An attribute that a threshold reads in vain."""

    attribute: str
    condition: str
    nearest: str | None
    """One that some location has, and was probably meant."""
    origin: Origin


def unset(sites: Mapping[str, Site]) -> Iterator[Unset]:
    """Yield those of all thresholds set by hand."""
    everywhere = {name for site in sites.values() for name in site.location.attributes}
    is_had: dict[tuple[Origin, str, str], bool] = {}
    for site in sites.values():
        for origin, text in _thresholds(site):
            for name in _needed(text):
                here = name in site.location.attributes
                is_had[origin, text, name] = here or is_had.get((origin, text, name), False)
    for (origin, text, name), had in is_had.items():
        if not had:
            yield Unset(name, text, nearest(name, everywhere), origin)


def _thresholds(site: Site) -> Iterable[tuple[Origin, str]]:
    found: dict[tuple[Origin, str], None] = {}
    for standing in site.every():
        for way in (way for ways in standing.ways.values() for way in ways):
            for stage in (*way.plan.stages, *way.plan.escalations):
                if isinstance(stage.accept, ByHand):
                    found[stage.accept.origin, stage.accept.condition.text] = None
    return found


@lru_cache(maxsize=4096)
def _needed(text: str) -> frozenset[str]:
    return _names(_READ, text) - _names(_ASKED_FOR, text)


def _names(mention: re.Pattern[str], text: str) -> frozenset[str]:
    return frozenset(name for match in mention.finditer(text) for name in match.groups() if name is not None)
