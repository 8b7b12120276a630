"""Twelve stores in three groups. No labelled set has stores or times: the demo assigns them."""

from dataclasses import dataclass
from typing import Final

GROUPS: Final = ("fresh", "express", "market")
STORES_PER_GROUP: Final = 4
BUSY_GROUP: Final = "express"
"""Where the burst happens."""


@dataclass(frozen=True, slots=True)
class Store:
    """A location and the group whose plans it follows."""

    name: str
    group: str


STORES: Final = tuple(
    Store(f"store-{place * STORES_PER_GROUP + number + 1:02}", group)
    for place, group in enumerate(GROUPS)
    for number in range(STORES_PER_GROUP)
)
