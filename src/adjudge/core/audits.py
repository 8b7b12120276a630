"""Audits: the unbiased sample on which everything statistical stands, and what happens to each of its decisions.

An audited decision is answered by people who see neither model nor each other. Its truth is their unanimous
answer, else an expert's, never a majority; what cannot be known counts as wrong.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

import msgspec

from adjudge.core.events import Asked, Fault, HistoryEvent, Opinion, TimedOut
from adjudge.core.money import Stake

CALIBRATE_SHARE: Final = 0.2
"""Share of audits that calibrate: everything that is learnt is learnt from these. The other four in five certify."""

VotePurpose: TypeAlias = Literal["truth", "people"]
"""What a blind vote was asked for, fixed before anybody saw the task."""

TruthBy: TypeAlias = Literal["unanimity", "expert", "consensus", "late"]
"""How the truth of an audit is known. `late`: it arrived by itself, independent of the answer that was given.
`consensus`: a majority, where there is no expert pool; errors are then called disagreements with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSpec:
    """How decisions of a type are audited at a location."""

    pool: str | None
    """Who answers blind. None: the expert is asked at once."""
    rate: float
    """Probability of the coin, where nothing else sets it."""
    votes: int = 3
    """Blind votes for the truth."""
    people: int = 0
    """Blind votes set apart as what people would have said; no part of the truth."""
    expert: str | None = None
    """The pool that is asked where the votes differ."""
    expert_share: float = 0.2
    """Probability that the expert is asked although the votes agree. This bounds how often unanimity is wrong."""
    budget: float | None = None
    """Audits a day for each slice. While a slice lacks evidence its rate rises until it has so many, and no further."""
    slices: str = "all"
    """What one certificate covers: `all` locations, each `location`, each set of `groups`, or a dimension of groups."""
    per_stake: Stake | None = None
    """`rate` is that of a decision with this stake; others are drawn in proportion. None: one rate for all."""
    inherit: str | None = None
    """`all`, or a dimension of groups. Until a slice has a certificate of its own, it uses that of its group, which
    rests on the audits of all members."""
    patience: timedelta = timedelta(days=2)
    """After this long without all votes the expert is asked; there is no deadline."""

    @property
    def is_all_experts(self) -> bool:
        """Whether experts answer every audit, whatever people say: their word is the truth of all."""
        return self.expert is not None and (self.pool is None or self.expert_share >= 1)

    @property
    def truth(self) -> str:
        """Whose word the truth is, in words: audits of which it is another's are not counted together."""
        if self.is_all_experts:
            return "expert"
        return f"{self.votes} alike" + (", else expert" if self.expert is not None else "")


def proportional(rate: float, stake: float, per_stake: float) -> float:
    """Return the rate of a decision with this stake: proportional to it, rounded up to two digits, at most 1.

    Rounding keeps the number of different rates small: what decisions of a batch have in common is sent once.
    """
    exact = rate * stake / per_stake
    if exact <= 0 or exact >= 1:
        return min(1.0, max(0.0, exact))
    step = 10.0 ** (math.floor(math.log10(exact)) - 1)
    return min(1.0, math.ceil(exact / step - 1e-9) * step)


class AuditVote(msgspec.Struct, frozen=True, kw_only=True):
    """One blind answer."""

    reviewer: str
    pool: str
    purpose: VotePurpose
    answer: str


class ModelSaid(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model answered to an audited decision, in its plan or asked on the side (`aside`)."""

    answer: str | None = None
    confidence: float = 0.0
    distribution: dict[str, float] | None = None
    fault: str | None = None
    aside: bool = False


class StageVote(msgspec.Struct, frozen=True):
    """A vote by which the plan decided a question that is audited, too."""

    stage: int
    reviewer: str
    answer: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of an audited decision by those whom its plan asks."""

    said: Mapping[str, ModelSaid]
    """Of models, by decider."""
    voted: Sequence[StageVote] = ()
    """Of people, in the order recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an open audit stands."""

    opened_at: datetime
    has_evidence: bool
    expert_asked: bool
    seats: int
    """Seats made so far in the present round."""
    leased: int
    """How many of these seats are leased to somebody at this moment."""
    votes: tuple[AuditVote, ...]
    """Votes of the people, those set apart included; the expert's is not among them."""
    expert: AuditVote | None
    left: int
    """Members of the pool that is now asked who have not been shown the decision yet."""
    members: int
    """Members of that pool."""
    late: str | None = None
    """A truth that arrived by itself, independent of the answer. None: there is none, or its sources differ."""


class SeatPeople(msgspec.Struct, frozen=True):
    """Ask the people: one seat for each purpose listed."""

    purposes: tuple[VotePurpose, ...]


class SeatExpert(msgspec.Struct, frozen=True):
    """Ask the expert, and nobody else any more."""

    why: Literal["split", "share", "declined", "unanswered"]


class Close(msgspec.Struct, frozen=True):
    """The truth is known."""

    truth: str
    by: TruthBy


class Lose(msgspec.Struct, frozen=True):
    """The truth will not be known: the audit counts as wrong."""

    why: Literal["evidence-gone", "declined", "split"]


class Stay(msgspec.Struct, frozen=True):
    """Nothing to do before `until`, unless somebody answers."""

    until: datetime


AuditStep: TypeAlias = SeatPeople | SeatExpert | Close | Lose | Stay


def said_in_plan(events: Iterable[HistoryEvent]) -> Iterator[tuple[str, ModelSaid]]:
    """Yield what each model came to in the plan; not having answered in time is recorded as a fault.

    A model that had not answered when its stage timed out would not have been accepted. What it says later, when it
    is asked on the side, is not what the plan had.
    """
    asked: dict[int, tuple[str, ...]] = {}
    for event in events:
        match event:
            case Asked():
                asked[event.stage] = event.deciders
            case Opinion() if event.source != "reviewer":
                yield event.by, ModelSaid(event.answer, event.confidence, event.distribution)
            case Fault():
                yield event.by, ModelSaid(fault=event.fault)
            case TimedOut():
                yield from ((name, ModelSaid(fault="timeout")) for name in asked.get(event.stage, ()))


def voted_in_plan(events: Iterable[HistoryEvent]) -> Iterator[StageVote]:
    """Yield the votes of people in the plan, in the order recorded."""
    for event in events:
        if isinstance(event, Opinion) and event.source == "reviewer" and event.answer is not None:
            yield StageVote(event.stage, event.by, event.answer)


def next_step(spec: AuditSpec, standing: Standing, *, expert_too: bool, now: datetime) -> AuditStep:
    """Return what an open audit needs next. It does not depend on anything that a model said.

    `expert_too`: the coin that sends this audit to the expert even if its votes agree.
    """
    if standing.expert is not None:
        return Close(standing.expert.answer, "expert")
    if standing.late is not None:
        return _came_late(spec, standing, standing.late, now)
    if not standing.has_evidence:
        return Lose("evidence-gone")
    if standing.expert_asked:
        return Lose("declined") if _nobody_left(standing) else Stay(now + spec.patience)
    if spec.pool is None:
        return SeatExpert("share")
    if not standing.seats:
        purposes: list[VotePurpose] = ["truth"] * spec.votes
        purposes += ["people"] * spec.people
        return SeatPeople(tuple(purposes))
    answers = [vote.answer for vote in standing.votes if vote.purpose == "truth"]
    others = sum(vote.purpose == "people" for vote in standing.votes)
    if spec.expert is not None and len(set(answers)) > 1 and others >= spec.people:
        return SeatExpert("split")
    if len(answers) >= spec.votes and others >= spec.people:
        return _answered(spec, answers, expert_too=expert_too)
    if _nobody_left(standing):
        return SeatExpert("declined") if spec.expert is not None else Lose("declined")
    until = standing.opened_at + spec.patience
    if now < until or spec.expert is None:
        return Stay(max(until, now + spec.patience / 2))
    return SeatExpert("unanswered")


def _came_late(spec: AuditSpec, standing: Standing, truth: str, now: datetime) -> AuditStep:
    """Close with a truth that arrived by itself, once the votes set apart as people's are in.

    Those votes are no part of the truth: they are what will be compared with it.
    """
    until = standing.opened_at + spec.patience
    others = sum(vote.purpose == "people" for vote in standing.votes)
    is_out = standing.expert_asked or not standing.has_evidence or now >= until
    if others >= spec.people or is_out or (standing.seats and _nobody_left(standing)):
        return Close(truth, "late")
    if not standing.seats:
        apart: list[VotePurpose] = ["people"] * spec.people
        return SeatPeople(tuple(apart))
    return Stay(until)


def _answered(spec: AuditSpec, answers: Sequence[str], *, expert_too: bool) -> AuditStep:
    if not answers:  # all votes were set apart as people's: they are no part of the truth
        return SeatExpert("share")
    if len(set(answers)) == 1:
        if spec.expert is not None and expert_too:
            return SeatExpert("share")
        return Close(answers[0], "unanimity")
    for answer in sorted(set(answers)):
        if answers.count(answer) * 2 > len(answers):
            return Close(answer, "consensus")
    return Lose("split")


def _nobody_left(standing: Standing) -> bool:
    """Return whether everybody who could answer has been asked. A pool without members waits until it has some."""
    return standing.members > 0 and standing.left == 0 and standing.leased == 0
