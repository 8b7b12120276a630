"""The watch over a certificate: begun, gone on with, and what it makes of audits. No I/O."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from adjudge.automation import families
from adjudge.automation.families import Tally
from adjudge.automation.paired import PairedWatch
from adjudge.automation.watching import ALIKE, Watch
from adjudge.core.plans import AgainstPeople
from adjudge.engine.certificates.licensing import MOST_WAITING, Rarest, Scale, Watching, majority_errs, thinned
from adjudge.store.automation.covers import Covers
from adjudge.store.automation.watched import Automated

PARTS: Final = 10
"""Of the distribution of weights: deciles."""


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


def tallied(rows: Sequence[Automated], scope: str) -> Tally:
    """Return what a member's audits come to, as if drawn at their lowest rate; what is open or lost is wrong.

    A worried watch has a slice audited more: unthinned, errors would have a part in how many audits are counted.
    """
    lowest = min((row.rate for row in rows), default=0.0)
    kept = thinned(rows, f"{scope}/siblings", Rarest(lowest))
    return Tally(audits=len(kept), errors=sum(map(_is_wrong, kept)))


def up_to_undecided(rows: Sequence[Automated], overdue: datetime) -> list[Automated]:
    """Return the audits before the first whose decision may still come to be covered.

    People take longer than models: if the watch read on, what they answer would be behind it and never be read. One
    that was asked before `overdue` is passed over.
    """
    found = []
    for row in rows:
        if row.is_undecided and row.asked_at >= overdue:
            break
        if not row.is_undecided:
            found.append(row)
    return found


def watched(
    watch: Watch, number: int, rows: Sequence[Automated], before: datetime, scale: Scale | None = None
) -> tuple[Watch, int]:
    """Return the watch after these audits, and the number of the last that it has read."""

    def weight(row: Automated) -> float:
        return scale.weight(row.stake, row.rate, row.number) if scale is not None else 1.0

    return _read_on(
        watch,
        number,
        rows,
        before,
        read=lambda on, row: on.after(_is_wrong(row), weight(row)),
        at_best=lambda on, row: on.after(False, weight(row)),
    )


def watched_beside(
    watch: PairedWatch, number: int, rows: Sequence[Automated], before: datetime, people: AgainstPeople
) -> tuple[PairedWatch, int]:
    """Return the watch against people after these audits, and the number of the last that it has read.

    Of one that is lost only the model, or the plan, is wrong. One that was withdrawn before anybody answered speaks
    for neither.
    """

    def read(watch: PairedWatch, row: Automated) -> PairedWatch:
        people_wrong = not _is_lost(row) and majority_errs(row.people, row.truth, people)
        is_withdrawn = row.answer is None and not _is_lost(row)
        return watch.after(0 if is_withdrawn else _is_wrong(row) - people_wrong)

    return _read_on(watch, number, rows, before, read=read, at_best=lambda on, _: on.after(-1))


def _read_on(
    watch: Watching,
    number: int,
    rows: Sequence[Automated],
    before: datetime,
    *,
    read: Callable[[Watching, Automated], Watching],
    at_best: Callable[[Watching, Automated], Watching],
) -> tuple[Watching, int]:
    """Read audits in intake order, as far as the first that is open; it is wrong once others wait for it no longer.

    What is closed behind it is not overlooked: where the watch will alarm however well the open ones turn out, which
    is what `at_best` makes of them, it does so now.
    """
    for position, row in enumerate(rows):
        if _blocks(rows, position, before):
            break
        watch, number = _counted(read(watch, row), row), row.number
        if watch.alarmed:
            return watch, number
    else:
        return watch, number
    ahead = watch
    for row in rows[position:]:
        ahead = at_best(ahead, row) if row.is_open else _counted(read(ahead, row), row)
        if ahead.alarmed:
            return ahead, row.number
    return watch, number


def _counted(watch: Watching, row: Automated) -> Watching:
    return replace(watch, lost=watch.lost + _is_lost(row))


def _blocks(rows: Sequence[Automated], position: int, before: datetime) -> bool:
    """Return whether an audit is open, and few behind it are closed or it was asked since `before`."""
    row = rows[position]
    return row.is_open and (
        row.asked_at >= before or sum(not later.is_open for later in rows[position:]) <= MOST_WAITING
    )


def _is_lost(row: Automated) -> bool:
    return row.is_open or row.truth is None


def _is_wrong(row: Automated) -> bool:
    """Return whether an audit counts as wrong: what is lost does, too."""
    return _is_lost(row) or row.truth != row.answer
