"""Audits as certificates and watches read them: fetched, and as if all slices of a place were audited at one rate."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from adjudge.engine import licensing, watches
from adjudge.engine.audit_rates import PastRates
from adjudge.engine.certified_places import Place, scale_of
from adjudge.engine.licensing import Drawn, Rarest, Sampling, Scale
from adjudge.store import audited
from adjudge.store.audited import Covered
from adjudge.store.connecting import Connection
from adjudge.store.epochs import Covers, EpochRow

ROUNDED: Final = 1e-6
"""Relative: rates are on record to the seventh digit, and are equal where they differ by less."""


def weighing(place: Place, sampling: Sampling, rarest: Rarest) -> Scale | None:
    """Return by what stakes are weighed in an epoch that was designed with these rates."""
    scale = scale_of(place)
    return scale and replace(scale, largest=sampling.largest, by_policy=rarest.by_policy)


async def alike(
    connection: Connection, place: Place, sampling: Sampling, scope: str, rows: Sequence[Drawn], past: PastRates
) -> tuple[list[Drawn], Rarest]:
    """Return audits as if all slices of a place had been audited at one rate, and that rate.

    Where answers are counted, audits drawn at a higher rate are thinned. Where money is, their weight takes the rate
    into account; left out are those drawn below the lowest rate on record, before a keeper had set their slice's.
    """
    rarest = await _rarest(connection, place, sampling, rows, past)
    if place.covers.money is None:
        return licensing.thinned(rows, scope, rarest), rarest
    return [row for row in rows if row.rate >= rarest.by_policy.get(row.policy, 0.0) * (1 - ROUNDED)], rarest


async def _rarest(
    connection: Connection, place: Place, sampling: Sampling, rows: Sequence[Drawn], past: PastRates
) -> Rarest:
    """Return the lowest rate among the slices of a place at the moments at which the coins of these audits fell."""
    if not place.follows_budget:
        return Rarest(sampling.thinned_to)
    covers = place.covers
    thrown = await past.of(connection, {row.policy for row in rows})
    by_policy = {}
    for policy, rates in thrown.items():
        here = [rates[key] for name in covers.slices if (key := (covers.type, name)) in rates]
        if here:
            by_policy[policy] = min(*here, sampling.steady)
    return Rarest(sampling.thinned_to, by_policy)


def covered_by(certificates: Sequence[str], covers: Covers, plan_hashes: tuple[str, ...] = ()) -> Covered:
    """Return what these certificates of a slice cover. `plan_hashes`: plans whose open audits are to be read, too."""
    return Covered(
        certificates=tuple(certificates),
        stage=covers.stage,
        prefix=covers.prefix,
        plan_hashes=plan_hashes,
        slices=covers.slices,
    )


async def read_on(
    connection: Connection,
    row: EpochRow,
    place: Place,
    now: datetime,
    watch: Any,
    number: int,
    covered: Covered,
    sampling: Sampling,
    past: PastRates,
) -> tuple[Any, int]:
    """Return a watch, and the number of the last audit that it has read, once it has read what there is."""
    covers = row.covers
    people = covers.people
    if people is not None and people.over == "plan":
        rows = await audited.of_plan(
            connection,
            covers.type,
            covers.slices,
            number,
            prefix=covers.prefix,
            plan_hash=place.plan.hash,
            people=people.votes,
            limit=10_000,
        )
    else:
        rows = await audited.automated(
            connection,
            covers.type,
            covers.slices,
            number,
            covered,
            10_000,
            people.votes if people is not None else 0,
        )
    rows, rarest = await alike(connection, place, sampling, row.scope, rows, past)
    if people is None:
        return watches.watched(watch, number, rows, watches.MOST_WAITING, weighing(place, sampling, rarest))
    # What people are still to decide is no late answer: such a plan is not hurried.
    before = now - place.patience if people.over == "plan" else now
    return watches.watched_beside(watch, number, rows, watches.MOST_WAITING, before, people)
