"""From closed audits to a licence: what is read of them, what is fixed beforehand, what a certificate says. No I/O."""

import hashlib
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar, assert_never

import msgspec

from adjudge.automation import against_people, calibrating, money
from adjudge.automation.against_people import NoWorse, Over
from adjudge.automation.betting import Epoch
from adjudge.automation.binomial import audits_needed
from adjudge.automation.calibrating import Calibration, Examples
from adjudge.automation.certifying import Licensed, NotEnough, Start, Unanimity, choose_start
from adjudge.automation.drift import Drift
from adjudge.automation.families import Tally
from adjudge.automation.paired import Paired, PairedWatch, pairs_of
from adjudge.automation.samples import Audit, Beside, Role, Sample, grid_of
from adjudge.automation.watching import Watch
from adjudge.automation.weighed import Weighed
from adjudge.core.accepting import Rates, at_stake
from adjudge.core.answers import canonical
from adjudge.core.calibration import Calibrator, Uncalibrated
from adjudge.core.licences import Licence
from adjudge.core.money import Stake
from adjudge.core.plans import AgainstPeople, Plan
from adjudge.core.prefixes import ANSWERED_BEFORE, NOT_ANSWERED, Scored, scored
from adjudge.engine.coins import POLICY
from adjudge.store.audited import Automated, Counted, Evidence, Waiting
from adjudge.store.epochs import EpochRow

HORIZON: Final = 2_000
"""Certify-audits with which a certificate is expected, where the starting point must be chosen without many."""
CALIBRATE_SHARE: Final = 0.2
"""Of the audits, as the coin has it."""
CALIBRATED: Final = 1.0
"""Calibrate-audits that choose the start, as a share of those at which one error would pass. With half of it the start
is a matter of luck, and it holds for the whole epoch: on the shipped grocery claims at 5% every fifth slice was then
not certified by 2,700 audits; so, one in thirty, for a median of some 130 audits more."""
DRIFT_DELTA: Final = 0.01
"""Probability that scores are ever said to have drifted although they have not."""
CALIBRATED_PAIRS: Final = 200
"""Calibrate-audits that choose the start of a comparison with people. With 50 a model half as often wrong as people was
certified without a margin in a fifth of slices by 8,000 audits, with 200 in three of five (simulated)."""
MOST_WAITED: Final = 8
"""Where calibrate-audits stay out, it begins without them after so many times the certify-audits that must do."""


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
    """The lowest configured, where slices or locations differ; 0: they do not, or audits are weighed."""
    steady: float = 1.0
    """The lowest configured of slices that follow no budget."""
    largest: float = 0.0
    """Of money: the most that a stake can be of its probability as configured; it weighs 1."""


@dataclass(frozen=True, slots=True)
class Rarest:
    """The lowest rate at which any of some slices was audited at the moment of a coin. 0: all are alike."""

    configured: float = 0.0
    by_policy: Mapping[int, float] = field(default_factory=dict)
    """Where rates follow a budget, of each set of them that was in force."""

    def at(self, policy: int) -> float:
        """Return it for a coin that fell under this policy."""
        return self.by_policy.get(policy, self.configured)


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
    """All of the epoch."""
    watch: Watching | None = None
    held_until: int = 0
    """Certify-audits that must have been read before another certificate."""
    overdue: tuple[Overdue, ...] = ()
    """Audits that were read as wrong while they were open: so they stay, whatever is said of them later."""
    largest: float = 0.0
    """Of money: the most that a stake can be of its probability; it weighs 1."""
    thinned_to: float = 0.0
    """Of a group: the rate at which audits of all its slices are read, whatever they were drawn at; 0: all are."""
    steady: float = 1.0
    """The lowest configured of those of its slices that follow no budget."""
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
    """Of stake over probability of the audit, as configured: that weighs 1."""
    by_policy: Mapping[int, float] = field(default_factory=dict)
    """The lowest rate of the moment, where rates follow a budget: a stake up to the limit over it weighs 1."""

    def weight(self, stake: Stake | None, rate: float, policy: int = POLICY) -> float:
        """Return what an audit drawn at this rate weighs; what is not accepted at all weighs nothing.

        What weighs 1 is known before the coin falls, for each coin; so a bet on it can lose no more than there is.
        """
        found, lowest = at_stake(stake, self.rates, self.up_to), self.by_policy.get(policy)
        largest = self.largest if lowest is None else self.up_to.major / lowest
        # to the seventh digit, as rates are on record
        return 0.0 if found is None or rate <= 0 else min(1.0, found / rate / largest)


def written(value: object) -> str:
    """Write a state, or anything of the record."""
    return msgspec.json.encode(value).decode()


Drawn = TypeVar("Drawn", Evidence, Waiting, Automated)


def thinned(rows: Sequence[Drawn], scope: str, rarest: Rarest) -> list[Drawn]:
    """Return audits as if all had been drawn at the lowest rate: of those drawn at a higher one a hash keeps so many.

    A group's risk is that of its decisions. Where one slice is audited more, unthinned audits would be mostly its.
    """
    return [row for row in rows if _is_kept(row, scope, rarest.at(row.policy))]


def _is_kept(row: Evidence | Waiting | Automated, scope: str, rate: float) -> bool:
    return not rate or _chance(f"{scope}/thinned/{row.decision_id}") * row.rate < rate


def judged(
    rows: Sequence[Evidence],
    plan: Plan,
    index: int,
    calibrator: Calibrator,
    earlier: Mapping[int, Licence],
    people: AgainstPeople | None = None,
    scale: Scale | None = None,
) -> list[Judged]:
    """Return the audits as the prefix sees them. What is lost, or not on record, is wrong; people then are right."""
    found = []
    for row in rows:
        seen = scored(plan, index, row.said, row.case, calibrator, earlier)
        wrong = seen.is_missing or row.truth is None or seen.answer != row.truth
        audit = Audit(
            number=row.number,
            score=seen.score,
            wrong=wrong,
            role=Role(row.role),
            lost=row.truth is None or seen.is_missing,
            beside=_beside(row, people) if people is not None else None,
            weight=scale.weight(row.case.stake, row.rate, row.policy) if scale is not None else 1.0,
        )
        found.append(Judged(str(row.decision_id), audit))
    return found


def _beside(row: Evidence, people: AgainstPeople) -> Beside:
    """Return what is compared. Where votes of people stayed out, they are taken to have been right."""
    return Beside(rest_wrong=row.answered != row.truth, people_wrong=_people_err(row.people, row.truth, people))


def _people_err(votes: Sequence[str], truth: str | None, people: AgainstPeople) -> bool:
    kept = votes[: people.votes]
    return len(kept) == people.votes and majority(kept) != truth


def majority(votes: Sequence[str]) -> str:
    """Return what most say; among equals what was said first."""
    return max(dict.fromkeys(votes), key=votes.count)


def in_order(
    closed: Sequence[Judged], waiting: Sequence[Waiting], most: int, before: datetime
) -> tuple[list[Judged], list[Overdue]]:
    """Return what may be read by now in intake order, and what of it is open still, and so counts as wrong.

    An open audit blocks those behind it until more than `most` of them are closed and it was asked before
    `before`: no answer has a part in that.
    """
    numbers, overdue, end = [each.audit.number for each in closed], [], math.inf
    for one in waiting:
        if len(numbers) - bisect_right(numbers, one.number) <= most or one.asked_at >= before:
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


def tallied(rows: Sequence[Automated], scope: str) -> Tally:
    """Return what a member's audits come to, as if drawn at their lowest rate; what is open or lost is wrong.

    A worried watch has a slice audited more: unthinned, errors would have a part in how many audits are counted.
    """
    lowest = min((row.rate for row in rows), default=0.0)
    kept = thinned(rows, f"{scope}/siblings", Rarest(lowest))
    wrong = sum(row.is_open or row.truth is None or row.truth != row.answer for row in kept)
    return Tally(audits=len(kept), errors=wrong)


def watched(
    watch: Watch, number: int, rows: Sequence[Automated], most: int, scale: Scale | None = None
) -> tuple[Watch, int]:
    """Return the watch after these audits, and the number of the last that it has read.

    An open one blocks until more than `most` of those behind it are closed, and is wrong from then on.
    """
    for position, row in enumerate(rows):
        if row.is_open and sum(not later.is_open for later in rows[position:]) <= most:
            break
        weight = scale.weight(row.stake, row.rate, row.policy) if scale is not None else 1.0
        watch, number = watch.after(row.is_open or row.truth is None or row.truth != row.answer, weight), row.number
        if watch.alarmed:
            break
    return watch, number


def watched_beside(
    watch: PairedWatch, number: int, rows: Sequence[Automated], most: int, before: datetime, people: AgainstPeople
) -> tuple[PairedWatch, int]:
    """Return the watch against people after these audits, and the number of the last that it has read.

    An open one blocks until more than `most` of those behind it are closed and it was asked before `before`; then
    only the model, or the plan, is wrong.
    """
    for position, row in enumerate(rows):
        if row.is_open and (sum(not later.is_open for later in rows[position:]) <= most or row.asked_at >= before):
            break
        is_lost = row.is_open or row.truth is None
        people_wrong = not is_lost and _people_err(row.people, row.truth, people)
        watch, number = watch.after((is_lost or row.answer != row.truth) - people_wrong), row.number
        if watch.alarmed:
            break
    return watch, number


def may_design(counts: Counted, target: float, delta: float) -> bool:
    """Return whether there are calibrate-audits enough to choose by, or so many others that these stay out.

    Only counts are looked at, so nothing is chosen by what audits found. A start that they do not choose is so
    strict that it wants some three times the audits.
    """
    needed = audits_needed(1, target, delta)
    return counts.calibrate >= _enough(needed) or counts.certify >= MOST_WAITED * needed


def audits_to_design(counts: Counted, target: float, delta: float) -> int:
    """Return about how many more audits are wanted before anything is tested."""
    needed = audits_needed(1, target, delta)
    by_calibrate = (_enough(needed) - counts.calibrate) / CALIBRATE_SHARE
    by_certify = (MOST_WAITED * needed - counts.certify) / (1 - CALIBRATE_SHARE)
    return max(1, math.ceil(min(by_calibrate, by_certify)))


def _enough(needed: int) -> int:
    return math.ceil(CALIBRATED * needed)


def may_compare(counts: Counted) -> bool:
    """Return whether there are calibrate-audits enough to choose where a comparison with people begins."""
    return counts.calibrate >= CALIBRATED_PAIRS


def audits_to_compare(counts: Counted) -> int:
    """Return about how many more audits are wanted before anything is compared."""
    return max(1, math.ceil((CALIBRATED_PAIRS - counts.calibrate) / CALIBRATE_SHARE))


def compare(
    calibrate: Sequence[Evidence],
    plan: Plan,
    index: int,
    earlier: Mapping[int, Licence],
    people: AgainstPeople,
    delta: float,
) -> tuple[Calibration, Paired] | None:
    """Fit the calibrator, fix grid and starting point of a comparison. None where no calibrate-audit has a score."""
    calibration = _calibrated(calibrate, plan, index, earlier)
    if calibration is None:
        return None
    audits = [each.audit for each in judged(calibrate, plan, index, calibration.calibrator, earlier, people)]
    grid, over = grid_of(_within(audits)), Over(people.over)
    start = against_people.choose_start(pairs_of(audits), grid, margin=people.margin, over=over)
    if start is None:
        return None
    return calibration, Paired.begin(margin=people.margin, over=over, delta=delta, grid=grid, start=start)


def weigh(
    calibrate: Sequence[Evidence],
    plan: Plan,
    index: int,
    earlier: Mapping[int, Licence],
    target: float,
    delta: float,
    scale: Scale,
) -> tuple[Calibration, Weighed] | None:
    """Fit the calibrator, fix grid and starting point of a target of money. None where the audits speak for none."""
    calibration = _calibrated(calibrate, plan, index, earlier)
    if calibration is None:
        return None
    rows = judged(calibrate, plan, index, calibration.calibrator, earlier, scale=scale)
    audits = [each.audit for each in rows]
    grid = grid_of(_within(audits))
    start = money.choose_start(Sample.of(audits), grid, target)
    if start is None:
        return None
    return calibration, Weighed.begin(target=target, delta=delta, grid=grid, start=start)


def design(
    calibrate: Sequence[Evidence], plan: Plan, index: int, earlier: Mapping[int, Licence], target: float, delta: float
) -> tuple[Calibration, Epoch] | None:
    """Fit the calibrator, fix grid and starting point. None where no calibrate-audit has a score."""
    calibration = _calibrated(calibrate, plan, index, earlier)
    if calibration is None:
        return None
    audits = [each.audit for each in judged(calibrate, plan, index, calibration.calibrator, earlier)]
    grid = grid_of(_within(audits))
    start = choose_start(Sample.of(audits), grid, target=target, delta=delta, certify_audits=HORIZON)
    if start is None:
        return None
    return calibration, Epoch.begin(target=target, delta=delta, grid=grid, start=start)


def _within(audits: Sequence[Audit]) -> list[float]:
    return [audit.score for audit in audits if NOT_ANSWERED < audit.score < ANSWERED_BEFORE]


def _calibrated(
    calibrate: Sequence[Evidence], plan: Plan, index: int, earlier: Mapping[int, Licence]
) -> Calibration | None:
    known = [row for row in calibrate if row.truth is not None]
    raw = [scored(plan, index, row.said, row.case, Uncalibrated(), earlier) for row in known]
    own = [(row, seen) for row, seen in zip(known, raw, strict=True) if NOT_ANSWERED < seen.score < ANSWERED_BEFORE]
    if not own:
        return None
    distributions = [_distribution(row, seen, plan, index) for row, seen in own]
    return calibrating.fit(Examples.of(distributions, [str(row.truth) for row, _ in own]))


def _distribution(row: Evidence, seen: Scored, plan: Plan, index: int) -> dict[str, float]:
    """Return what is calibrated: a lone decider's distribution, else the belief's own confidence."""
    deciders = plan.stages[index].deciders
    given = row.said[deciders[0]].distribution if len(deciders) == 1 else None
    return given or {str(seen.answer): seen.score}


def body_of(
    row: EpochRow,
    state: AnyState,
    verdict: Licensed | NoWorse,
    unanimity: Unanimity | None,
    inputs: Sequence[Judged],
    *,
    seals: Mapping[str, str],
    delta: float,
    issued_at: datetime,
    valid_until: datetime,
) -> dict[str, Any]:
    """Return all that a certificate says, its inputs by id among it; `seals`: hashes of their records, by decision."""
    covers = row.covers
    body = {
        "scope": row.scope,
        "covers": covers,
        "epoch": row.number,
        "first_number": row.first_number,
        "look": state.looks,
        "target": covers.target,
        "confidence": covers.confidence,
        "delta": delta,
        "scale": "expert" if covers.has_expert else "consensus",
        "threshold": verdict.threshold,
        "coverage": verdict.coverage,
        "p_value": verdict.p_value,
        "audits": verdict.audits,
        **evidence_of(verdict),
        "start": {"threshold": verdict.start.threshold, "why": verdict.start.why},
        "grid": state.epoch.grid,
        "calibration": state.calibration,
        "calibrator": state.calibrator,
        "earlier": state.earlier,
        "unanimity": unanimity and {"checked": unanimity.checked, "wrong": unanimity.wrong},
        "issued_at": issued_at,
        "valid_until": valid_until,
        "inputs": [
            {
                "decision": each.decision,
                "number": each.audit.number,
                "role": each.audit.role.value,
                "score": each.audit.score,
                "wrong": each.audit.wrong,
                "lost": each.audit.lost,
                **({} if each.audit.beside is None or covers.people is None else _shown(each.audit.beside)),
                **({} if covers.money is None else {"weight": each.audit.weight}),
                **({"record": seals[each.decision]} if each.decision in seals else {}),
            }
            for each in inputs
        ],
    }
    if covers.people is not None:
        body["people"] = covers.people
    if covers.money is not None:
        body |= {"money": covers.money, "largest": state.largest}
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    return found


def _shown(beside: Beside) -> dict[str, bool]:
    return {"rest_wrong": beside.rest_wrong, "people_wrong": beside.people_wrong}


def evidence_of(verdict: Licensed | NoWorse) -> dict[str, Any]:
    """Return the counts that a verdict rests on, as certificates and standings have them."""
    match verdict:
        case NoWorse(only_model_wrong=only_model, only_people_wrong=only_people):
            return {"only_model_wrong": only_model, "only_people_wrong": only_people}
        case Licensed(errors=errors, upper_bound=upper_bound):
            return {"errors": errors, "upper_bound": upper_bound}
        case _:
            assert_never(verdict)


def id_of(body: Mapping[str, Any]) -> str:
    """Return the certificate's id: a hash over everything that it says."""
    return "c-" + hashlib.sha256(canonical(dict(body)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a recomputation found."""

    hash_holds: bool
    licence_holds: bool
    threshold: float | None
    """The loosest that the inputs license; None: none."""
    audits: int
    lost: int


def verify(certificate: str, body: Mapping[str, Any]) -> Verified:
    """Compute hash and licence again from the record: every look that could have been, after every audit."""
    verdict = _looked_at(body, [_given(each, "people" in body) for each in body["inputs"]])
    threshold = verdict.threshold if isinstance(verdict, Licensed | NoWorse) else None
    return Verified(
        hash_holds=id_of(body) == certificate,
        licence_holds=threshold is not None and threshold <= body["threshold"],
        threshold=threshold,
        audits=len(body["inputs"]),
        lost=sum(each["lost"] for each in body["inputs"]),
    )


def _given(each: Mapping[str, Any], is_beside: bool) -> Audit:
    return Audit(
        number=each["number"],
        score=each["score"],
        wrong=each["wrong"],
        role=Role(each["role"]),
        lost=each["lost"],
        beside=Beside(each["rest_wrong"], each["people_wrong"]) if is_beside else None,
        weight=each.get("weight", 1.0),
    )


def _looked_at(body: Mapping[str, Any], audits: Sequence[Audit]) -> Licensed | NoWorse | NotEnough:
    """Return the verdict of the last of all looks that could have been."""
    start = Start(threshold=body["start"]["threshold"], why=body["start"]["why"])
    delta, grid, people = body["delta"], body["grid"], body.get("people")
    if people is not None:  # its capital remembers the highest
        over = Over(people["over"])
        paired = Paired.begin(margin=people["margin"], over=over, delta=delta, grid=grid, start=start)
        return paired.after(audits).look()[1]
    if "money" in body:
        weighed = Weighed.begin(target=body["target"], delta=delta, grid=grid, start=start)
        return weighed.after(audits).look()[1]
    unanimity = Unanimity(**body["unanimity"]) if body["unanimity"] else None
    epoch = Epoch.begin(target=body["target"], delta=delta, grid=grid, start=start)
    for audit in audits:
        epoch, _ = epoch.after([audit]).look(unanimity=unanimity)
    return epoch.look(unanimity=unanimity)[1]
