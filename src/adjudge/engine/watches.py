"""The watch over a certificate, begun and read on. Reads what was closed; writes nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from adjudge.automation import families
from adjudge.automation.paired import PairedWatch
from adjudge.automation.watching import Watch
from adjudge.engine import licensing
from adjudge.engine.certified_places import Place, scale_of
from adjudge.engine.licensing import Scale
from adjudge.store import audits
from adjudge.store.connecting import Connection
from adjudge.store.epochs import Covers, EpochRow

MOST_WAITING: Final = 50
"""So many closed audits wait behind an open one, before that counts as wrong: for the licence, if it is older, too,
than an audit may be before an expert is asked."""


def begun(covers: Covers, siblings: int = 1) -> Watch | PairedWatch:
    """Begin a watch. `siblings`: of so many slices that inherit, each has its share of a false alarm."""
    if covers.people is None:
        return families.member_watch(
            target=covers.target, delta=covers.watch, members=siblings, validity=covers.validity_audits
        )
    return PairedWatch.begin(
        margin=covers.people.margin, delta=covers.watch / siblings, validity=covers.validity_audits
    )


def weighing(place: Place, largest: float) -> Scale | None:
    """Return by what stakes are weighed in an epoch that was designed with this largest ratio."""
    scale = scale_of(place)
    return scale and replace(scale, largest=largest)


async def read_on(
    connection: Connection,
    row: EpochRow,
    place: Place,
    now: datetime,
    watch: Any,
    number: int,
    relied: Sequence[str],
    thinned_to: float = 0.0,
    largest: float = 0.0,
) -> tuple[Any, int]:
    """Return a watch, and the number of the last audit that it has read, once it has read what there is."""
    covers = row.covers
    people = covers.people
    if people is not None and people.over == "plan":
        rows = await audits.of_plan(
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
        rows = await audits.automated(
            connection, covers.type, covers.slices, number, relied, 10_000, people.votes if people is not None else 0
        )
    rows = licensing.thinned(rows, row.scope, thinned_to)
    if people is None:
        return licensing.watched(watch, number, rows, MOST_WAITING, weighing(place, largest))
    # What people are still to decide is no late answer: such a plan is not hurried.
    before = now - place.patience if people.over == "plan" else now
    return licensing.watched_beside(watch, number, rows, MOST_WAITING, before, people)
