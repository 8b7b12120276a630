"""What each slice of a family may spend of the family's error budget. No I/O."""

from collections.abc import Sequence
from typing import Final

from adjudge.automation import families
from adjudge.store.automation.epochs import EpochRow, UnderTest

_NEXT: Final = ""
"""Whose tests begin next."""


def shares_of(rows: Sequence[EpochRow], tested: Sequence[UnderTest]) -> dict[str, float]:
    """Return, of slices that are of a family, their shares of its error budget: in the order in which tests began.

    When these begin is told by counts alone, so it may choose. `tested`: in that order. Those whose slice is in no
    configuration any more have their places, too: what was spent is spent. Where no plan has the prefix any more, as
    after a new version of a decider, the budget begins anew. Others have what is left for whoever is next.

    First epochs share the family's budget for first epochs, second ones that for second ones, and so on. Who handed on
    its part in its first may need that of its second itself, once it is suspended.
    """
    found: dict[str, float] = {}
    every: dict[tuple[str, int, int], list[EpochRow]] = {}
    for row in rows:
        if row.covers.family:
            every.setdefault((row.covers.type, row.covers.stage, row.covers.family), []).append(row)
    for (kind, stage, most), family in every.items():
        prefixes = {row.covers.prefix for row in family}
        of_family = [
            one for one in tested if (one.type, one.stage, one.family) == (kind, stage, most) and one.prefix in prefixes
        ]
        for row in family:
            shares = _shares([one for one in of_family if one.number == row.number], most)
            found[row.scope] = shares.get(row.scope, shares[_NEXT])
    return found


def _shares(tested: Sequence[UnderTest], most: int) -> dict[str, float]:
    """Return the shares of those whose tests began, in that order, and of whoever is next."""
    order = [*(one.scope for one in tested), _NEXT]
    weights = {scope: 1 / most if place < most else 0.0 for place, scope in enumerate(order)}
    return families.shares(order, weights, {one.scope for one in tested if one.done})
