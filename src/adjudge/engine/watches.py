"""The watch over a certificate, begun and read on. Reads what was closed; writes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from adjudge.automation import families
from adjudge.automation.paired import PairedWatch
from adjudge.automation.watching import ALIKE, Watch
from adjudge.engine import licensing
from adjudge.engine.audit_rates import PastRates
from adjudge.engine.certified_places import Place, scale_of
from adjudge.engine.licensing import Drawn, Rarest, Sampling, Scale
from adjudge.store import audited
from adjudge.store.connecting import Connection
from adjudge.store.epochs import Covers, EpochRow

ROUNDED: Final = 1e-6
"""Relative: rates are on record to the seventh digit, and are equal where they differ by less."""
PARTS: Final = 10
"""Of the distribution of weights: deciles."""
MOST_WAITING: Final = 50
"""Closed audits that wait behind an open one; with more, the open one counts as wrong. For the licence it must have
been open for longer than its `patience` as well."""


def begun(covers: Covers, siblings: int = 1, weights: Sequence[float] = ALIKE) -> Watch | PairedWatch:
    """Begin a watch. `siblings`: the slices that inherit from one group share its chance of a false alarm."""
    if covers.people is None:
        watch = families.member_watch(
            target=covers.target, delta=covers.watch, members=siblings, validity=covers.validity_audits
        )
        return replace(watch, weights=tuple(weights))
    return PairedWatch.begin(
        margin=covers.people.margin, delta=covers.watch / siblings, validity=covers.validity_audits
    )


def gone_on(
    watch: Watch | PairedWatch | None, covers: Covers, siblings: int = 1, weights: Sequence[float] = ALIKE
) -> Watch | PairedWatch:
    """Return the watch over a certificate that is issued anew: the one that there was, with what it has seen."""
    if watch is None:
        return begun(covers, siblings, weights)
    now = watch.renewed(delta=covers.watch / siblings, validity=covers.validity_audits)
    return replace(now, weights=tuple(weights)) if isinstance(now, Watch) else now


def weights_of(covers: Covers, audits: Iterable[tuple[float, float]], threshold: float) -> tuple[float, ...]:
    """Return deciles of what those of a certificate's audits weigh that models answer. `audits`: score, weight."""
    if covers.money is None:
        return ALIKE
    found = sorted(weight for score, weight in audits if score >= threshold)
    return tuple(found[(2 * part + 1) * len(found) // (2 * PARTS)] for part in range(PARTS)) if found else ALIKE


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


async def read_on(
    connection: Connection,
    row: EpochRow,
    place: Place,
    now: datetime,
    watch: Any,
    number: int,
    relied: Sequence[str],
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
            connection, covers.type, covers.slices, number, relied, 10_000, people.votes if people is not None else 0
        )
    rows, rarest = await alike(connection, place, sampling, row.scope, rows, past)
    if people is None:
        return licensing.watched(watch, number, rows, MOST_WAITING, weighing(place, sampling, rarest))
    # What people are still to decide is no late answer: such a plan is not hurried.
    before = now - place.patience if people.over == "plan" else now
    return licensing.watched_beside(watch, number, rows, MOST_WAITING, before, people)
