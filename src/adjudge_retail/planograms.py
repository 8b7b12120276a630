"""Planograms: which product stands on which shelf. Every store arranges the same range in its own way."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SHELF: Final = 5
"""Products side by side: as many answers are in play."""
SHELVES_PER_GONDOLA: Final = 4


@dataclass(frozen=True, slots=True)
class Shelf:
    """A board of a gondola and its products from left to right."""

    name: str
    """`g3.s2`"""
    products: tuple[str, ...]

    def facing(self, product: str) -> str:
        """Return the place of a product: `g3.s2.f05`."""
        return f"{self.name}.f{self.products.index(product) + 1:02}"


@dataclass(frozen=True, slots=True)
class Planogram:
    """All shelves of a store."""

    shelves: tuple[Shelf, ...]
    home: Mapping[str, Shelf]
    """Where each product belongs."""


def planogram(products: Sequence[str], kinds: Mapping[str, tuple[str, str]], rng: random.Random) -> Planogram:
    """Arrange products so that kinds stand together: departments, groups and neighbours in a drawn order.

    `kinds`: department and group of each product. Neighbours are alike, which is what makes it hard.
    """
    places = {product: (*kinds.get(product, ("", "")), product) for product in products}
    drawn: dict[tuple[str, ...], float] = {}
    for place in places.values():
        for depth in (1, 2, 3):
            drawn.setdefault(place[:depth], rng.random())
    ordered = sorted(products, key=lambda product: [drawn[places[product][:depth]] for depth in (1, 2, 3)])
    shelves = tuple(
        Shelf(_name(number), tuple(ordered[start : start + SHELF]))
        for number, start in enumerate(range(0, len(ordered), SHELF))
    )
    return Planogram(shelves, {product: shelf for shelf in shelves for product in shelf.products})


def _name(number: int) -> str:
    return f"g{number // SHELVES_PER_GONDOLA + 1}.s{number % SHELVES_PER_GONDOLA + 1}"
