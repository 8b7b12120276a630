"""When and where something happens: a Poisson stream with a burst in one group, as at half-time.

Open loop: the arrivals are laid down beforehand and do not wait for answers.
"""

import random
from dataclasses import dataclass
from typing import Final

from adjudge_retail.demo.stores import Fleet, Store

BURST: Final = 15.0
"""How much faster the busy group asks during the burst."""
BURST_SHARE: Final = 0.03
"""Of the whole time."""
BURST_STARTS: Final = 0.45


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something happened at a store, so many seconds after the start."""

    seconds: float
    store: Store


def arrivals(count: int, seconds: float, fleet: Fleet, rng: random.Random) -> tuple[Arrival, ...]:
    """Return `count` arrivals in order: a Poisson process, given how many there are."""
    spans = ((0.0, BURST_STARTS), (BURST_STARTS, BURST_STARTS + BURST_SHARE), (BURST_STARTS + BURST_SHARE, 1.0))
    cells = [(store, span) for store in fleet.stores for span in spans]
    weights = [
        (end - start) * (BURST if store.group == fleet.busy and start == BURST_STARTS else 1.0)
        for store, (start, end) in cells
    ]
    drawn = rng.choices(cells, weights, k=count)
    placed = (Arrival(seconds * rng.uniform(*span), store) for store, span in drawn)
    return tuple(sorted(placed, key=lambda arrival: arrival.seconds))
