"""The stores of a run. No labelled set has stores or times: the demo assigns them."""

from dataclasses import dataclass
from typing import Final

STORES_PER_GROUP: Final = 4


@dataclass(frozen=True, slots=True)
class Store:
    """A location."""

    name: str
    group: str
    """With which it is reported."""
    currency: str = "USD"
    dollars: float = 1.0
    """That one unit of its currency buys."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The stores at which questions are asked."""

    stores: tuple[Store, ...]
    groups: tuple[str, ...]
    """As they are reported."""
    busy: str
    """The group in which the burst happens."""


def _twelve(*groups: str, busy: str) -> Fleet:
    stores = (
        Store(f"store-{place * STORES_PER_GROUP + number + 1:02}", group)
        for place, group in enumerate(groups)
        for number in range(STORES_PER_GROUP)
    )
    return Fleet(tuple(stores), groups, busy)


TWELVE: Final = _twelve("fresh", "express", "market", busy="express")
"""In three groups, each with plans of its own."""
