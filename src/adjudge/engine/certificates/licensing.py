"""How closed audits are read for a licence, and the state in which an epoch has read them. No I/O."""

import hashlib
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from adjudge.automation.betting import Epoch
from adjudge.automation.drift import Drift
from adjudge.automation.paired import Paired, PairedWatch
from adjudge.automation.samples import Audit, Beside, Role
from adjudge.automation.watching import Watch
from adjudge.automation.weighed import Weighed
from adjudge.core.accepting import Rates, at_stake
from adjudge.core.calibration import Calibrator
from adjudge.core.money import Stake
from adjudge.core.plans import AgainstPeople
from adjudge.core.prefixes import ANSWERED_BEFORE, Prefix
from adjudge.store.automation.audited import Evidence, Waiting
from adjudge.store.automation.watched import Automated

DRIFT_DELTA: Final = 0.01
"""Probability that scores are ever said to have drifted although they have not."""
MOST_WAITING: Final = 50
"""Closed audits that wait behind an open one; with more, and once its `patience` is over, the open one counts as
wrong."""


class Overdue(msgspec.Struct, frozen=True, kw_only=True):
    """An open audit for which the others no longer wait."""

    decision: str
    number: int
    role: str


Testing = TypeVar("Testing", Epoch, Paired, Weighed)
Watching = TypeVar("Watching", Watch, PairedWatch)


@dataclass(frozen=True, slots=True)
class Sampling:
    """At which rates audits are drawn somewhere: fixed with an epoch's design, so that nothing moves with answers."""

    thinned_to: float = 0.0
    """The lowest configured rate, to which audits are thinned where slices or locations differ; 0: they are not
    thinned."""
    steady: float = 1.0
    """The lowest configured rate among slices that follow no `budget`; 1: all follow one."""
    largest: float = 0.0
    """Of money: the largest that stake ÷ probability of the audit can be, as configured; an audit as large weighs 1."""


@dataclass(frozen=True, slots=True)
class Rarest:
    """The lowest rate at which any of some slices was audited when a coin fell. 0: all were audited alike."""

    configured: float = 0.0
    by_number: Mapping[int, float] = field(default_factory=dict)
    """Where rates follow a `budget`: the lowest that was in force for any of them, by the number of the decision."""

    def at(self, number: int) -> float:
        """Return it for the coin of this decision."""
        return self.by_number.get(number, self.configured)


class State(msgspec.Struct, Generic[Testing, Watching], frozen=True, kw_only=True):
    """What an epoch has fixed, and what was counted since. JSON by value."""

    calibrator: Calibrator
    calibration: str
    epoch: Testing
    earlier: tuple[str, ...]
    """Certificates of earlier stages with which it is tested."""
    read_number: int
    """Number of the last audit read for the licence, and for the watch."""
    watched_number: int
    looks: int = 0
    certificate: str | None = None
    coverage: float = 0.0
    certificates: tuple[str, ...] = ()
    """All that this epoch has been given, the last one in force."""
    watch: Watching | None = None
    held_until: int = 0
    """Certify-audits that must have been read before another certificate."""
    expired: str = ""
    """Which certificate was the last, and why it is over; empty while one is in force, or before the first."""
    overdue: tuple[Overdue, ...] = ()
    """Audits that were read as wrong while they were open: so they stay, whatever is said of them later."""
    largest: float = 0.0
    """As `Sampling.largest`, fixed with the design."""
    thinned_to: float = 0.0
    """As `Sampling.thinned_to`, fixed with the design."""
    steady: float = 1.0
    """As `Sampling.steady`, fixed with the design."""
    compared: int = 0
    """Of a group: number of the last dated look at its members."""
    drift: Drift | None = None
    """Of scores of audited decisions, from the certificate on; None: there is none, or it has no scores."""

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.thinned_to, self.steady, self.largest)

    @property
    def has_drifted(self) -> bool:
        return self.drift is not None and self.drift.has_drifted(DRIFT_DELTA)


@dataclass(frozen=True, slots=True)
class Judged:
    """An audit as the test reads it."""

    decision: str
    audit: Audit


AnyState: TypeAlias = State[Any, Any]
"""Of a target, or against people: they are used alike."""

_of_target: Final = msgspec.json.Decoder(State[Epoch, Watch])
_of_people: Final = msgspec.json.Decoder(State[Paired, PairedWatch])
_of_money: Final = msgspec.json.Decoder(State[Weighed, Watch])


def read_state(text: str, people: AgainstPeople | None = None, up_to: Stake | None = None) -> AnyState:
    """Read a state as stored."""
    if up_to is not None:
        return _of_money.decode(text)
    return _of_target.decode(text) if people is None else _of_people.decode(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """By what stakes are weighed."""

    up_to: Stake
    rates: Rates
    largest: float
    """The largest that stake ÷ probability of the audit can be, as configured: an audit as large weighs 1."""
    by_number: Mapping[int, float] = field(default_factory=dict)
    """Where rates follow a `budget`: the lowest, by decision, as in `Rarest`; `up_to` ÷ that rate then weighs 1."""

    def weight(self, stake: Stake | None, rate: float, number: int = 0) -> float:
        """Return what an audit drawn at this rate weighs; what is not accepted at all weighs nothing.

        What weighs 1 is known before the coin falls, for each coin; so a bet on it can lose no more than there is.
        """
        found, lowest = at_stake(stake, self.rates, self.up_to), self.by_number.get(number)
        largest = self.largest if lowest is None else self.up_to.major / lowest
        # to the seventh digit, as rates are on record
        return 0.0 if found is None or rate <= 0 else min(1.0, found / rate / largest)


def written(value: object) -> str:
    """Write a state, or anything of the record."""
    return msgspec.json.encode(value).decode()


Drawn = TypeVar("Drawn", Evidence, Waiting, Automated)
OfSlice = TypeVar("OfSlice", Evidence, Waiting)


def thinned(rows: Sequence[Drawn], scope: str, rarest: Rarest) -> list[Drawn]:
    """Return audits as if all had been drawn at the lowest rate: of those drawn at a higher one a hash keeps so many.

    A group's risk is that of its decisions. Where one slice is audited more, unthinned audits would be mostly its.
    """
    return [row for row in rows if _is_kept(row, scope, rarest.at(row.number))]


def before_leaving(rows: Sequence[OfSlice], left: Mapping[str, int]) -> list[OfSlice]:
    """Return audits but for those of members drawn after they had left the group: it speaks of them no more.

    `left`: by slice, the last decision before.
    """
    return [row for row in rows if row.number <= left.get(row.slice, row.number)]


def _is_kept(row: Evidence | Waiting | Automated, scope: str, rate: float) -> bool:
    return not rate or _chance(f"{scope}/thinned/{row.decision_id}") * row.rate < rate


def judged(
    rows: Sequence[Evidence],
    prefix: Prefix,
    calibrator: Calibrator,
    people: AgainstPeople | None = None,
    scale: Scale | None = None,
) -> list[Judged]:
    """Return the audits as the prefix sees them. What is lost, or not on record, is wrong; people then are right."""
    found = []
    for row in rows:
        seen = prefix.scored(row.heard, row.case, calibrator)
        wrong = seen.is_missing or row.truth is None or seen.answer != row.truth
        audit = Audit(
            number=row.number,
            score=seen.score,
            wrong=wrong,
            role=Role(row.role),
            lost=row.truth is None or seen.is_missing,
            beside=_beside(row, people) if people is not None else None,
            weight=scale.weight(row.case.stake, row.rate, row.number) if scale is not None else 1.0,
        )
        found.append(Judged(str(row.decision_id), audit))
    return found


def _beside(row: Evidence, people: AgainstPeople) -> Beside:
    """Return what is compared. Where votes of people stayed out, they are taken to have been right.

    A question that was withdrawn before anybody answered has no answer to compare: neither side is worse by it.
    """
    people_wrong = majority_errs(row.people, row.truth, people)
    return Beside(
        rest_wrong=people_wrong if row.answered is None else row.answered != row.truth, people_wrong=people_wrong
    )


def majority_errs(votes: Sequence[str], truth: str | None, people: AgainstPeople) -> bool:
    """Return whether a majority of the votes set apart is wrong; False where not all of them came."""
    kept = votes[: people.votes]
    return len(kept) == people.votes and majority(kept) != truth


def majority(votes: Sequence[str]) -> str:
    """Return what most say; among equals what was said first."""
    return max(dict.fromkeys(votes), key=votes.count)


def readable(
    closed: Sequence[Judged], waiting: Sequence[Waiting], before: datetime
) -> tuple[list[Judged], list[Overdue]]:
    """Return what may be read by now in intake order, and what of it is open still, and so counts as wrong.

    An open audit blocks those behind it until more than MOST_WAITING of them are closed and it was asked before
    `before`: no answer has a part in that.
    """
    numbers, overdue, end = [each.audit.number for each in closed], [], math.inf
    for one in waiting:
        if len(numbers) - bisect_right(numbers, one.number) <= MOST_WAITING or one.asked_at >= before:
            end = one.number
            break
        overdue.append(Overdue(decision=str(one.decision_id), number=one.number, role=one.role))
    return as_read([each for each in closed if each.audit.number < end], overdue), overdue


def drift_from(closed: Sequence[Judged]) -> Drift | None:
    """Begin to watch scores, against those by which a certificate was given."""
    scores = [each.audit.score for each in closed if _is_score(each.audit.score)]
    return Drift.begin(scores) if scores else None


def drifted(drift: Drift, scope: str, fresh: Sequence[Judged]) -> Drift:
    """Read the scores of more audits. The coin that splits ties is a hash of who it is tossed for."""
    for each in fresh:
        if _is_score(each.audit.score):
            drift = drift.after(each.audit.score, _chance(f"{scope}/{each.decision}"))
    return drift


def _is_score(score: float) -> bool:
    """Return whether a stage was asked and answered: what stands for anything else is outside of 0..1."""
    return 0.0 <= score <= 1.0


def _chance(name: str) -> float:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest()) / (1 << 56)


def as_read(closed: Sequence[Judged], overdue: Sequence[Overdue]) -> list[Judged]:
    """Return the audits as they were read, in intake order: the overdue as lost."""
    late = {each.number for each in overdue}
    lost = [Judged(each.decision, _lost(each)) for each in overdue]
    kept = [each for each in closed if each.audit.number not in late]
    return sorted([*kept, *lost], key=lambda each: each.audit.number)


def _lost(overdue: Overdue) -> Audit:
    role, beside = Role(overdue.role), Beside(rest_wrong=True, people_wrong=False)
    return Audit(number=overdue.number, score=ANSWERED_BEFORE, wrong=True, role=role, lost=True, beside=beside)
