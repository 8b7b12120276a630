"""What is answered about automation: slices, certificates, audits, and what is learnt of votes."""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from adjudge.api.answers import Answer


class Slice(Answer):
    """A slice of the questions of a type, and how far it is automated."""

    scope: str = Field(description="its name: question type, slice, prefix of the plan")
    type: str
    slice: str
    plan: str
    stage: int
    deciders: list[str]
    votes: int = Field(0, description="how many people the stage asks, whose pool is the last decider; 0: none")
    locations: list[str]
    target: float = Field(description="of the answers given without a person, at most this share wrong; or the margin")
    people: dict[str, Any] | None = Field(description="with how many people it is compared, instead of a target")
    promise: str = Field(description="what a certificate promises here, in words")
    confidence: float
    state: str = Field(description="none, collecting, licensed or suspended")
    reason: str
    epoch: int
    certificate: str | None
    standing: dict[str, Any] = Field(description="what the last look found: audits, threshold, coverage, watch")


class Slices(Answer):
    """All slices that the caller may see."""

    slices: list[Slice]
    expected_false: float = Field(description="the most false certificates to expect, of all slices that were tested")


class Why(Answer):
    """Why a question type is automated at a location, or not."""

    why: str
    slices: list[Slice]


class OpenAudits(Answer):
    """Audits whose truth is not known yet, the oldest first."""

    audits: list[dict[str, Any]]


class AuditRecord(Answer):
    """A closed audit: its truth and by whom, votes, what each model said, and the coins."""

    model_config = ConfigDict(extra="allow")

    votes: list[Any]
    opinions: dict[str, Any]


class ReliabilityBin(Answer):
    """Answers of about this confidence."""

    confidence: float = Field(description="mean of what was said, calibrated")
    accuracy: float = Field(description="share that was right")
    examples: int


class CalibrationView(Answer):
    """What a decider's confidence means here, learnt from calibrate-audits; figures are of examples held out."""

    calibrator: dict[str, Any] = Field(description="`kind`: none, temperature, platt or isotonic; and its numbers")
    log_losses: dict[str, float] = Field(description="of each kind; the least was chosen")
    error: float = Field(description="adaptive expected calibration error")
    curve: list[ReliabilityBin]
    examples: int


class EndedView(Answer):
    """When and why the epoch of a certificate ended."""

    at: datetime
    why: str = Field(description="watch, siblings, operator, replaced, earlier-stage, drift or given-up")


class CertificateView(Answer):
    """A certificate with all that it rests on; its id is a hash over `body`."""

    id: str
    scope: str
    epoch: int
    issued_at: datetime
    in_force: bool
    ended: EndedView | None = Field(
        description="null: its epoch runs, and if it is not in force, another took its place or it has run out"
    )
    changed: list[str] = Field(
        description="decisions among the inputs whose audits are no longer on record as they were when it was issued"
    )
    body: dict[str, Any]
    licence: dict[str, Any] = Field(description="what processes act on; it says what `body` says")
    calibration: CalibrationView | None = Field(description="of the confidence that is compared with the threshold")


class LearntOf(Answer):
    """What is learnt of a person: 90% of the probability lies between `low` and `high`."""

    reviewer: str
    votes: int = Field(description="blind votes that it was learnt from")
    accuracy: float = Field(description="share of their votes that is right")
    low: float
    high: float


class LearntStage(Answer):
    """How a stage of people weighs what it hears, and when it stops asking."""

    stage: str = Field(description="whom it asks, after whom, at which prices")
    deciders: list[str]
    audits: int
    weights: list[dict[str, Any]] = Field(description="of its deciders and of the votes, by number of votes from 0 on")
    accepted_risks: list[float] = Field(description="by number of votes from 0 on, the risk at which asking ends")


class LearntType(Answer):
    """The newest snapshot of what votes are worth for a question type."""

    type: str
    snapshot: int
    published_at: datetime
    votes: int
    audits: int = Field(description="calibrate-audits with a known truth")
    people: list[LearntOf]
    stages: list[LearntStage]


class LearntView(Answer):
    """What votes are worth, by question type."""

    learnt: list[LearntType]
