"""Responses to requests about decisions."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from adjudge.api.answers import Answer
from adjudge.api.shapes import Amount, ProblemDetails, Shape

DECISION: dict[str, Any] = {
    "id": "01a209a3-cee0-7c1e-9d53-5b1f0c2a7e11",
    "type": "claim.pay",
    "location": "default",
    "subject": {"claim": "c-1"},
    "status": "final",
    "revision": 1,
    "asked_at": "2026-11-23T18:21:07.104Z",
    "deadline": None,
    "waiting_for": None,
    "outcome": {
        "version": 1,
        "answer": "pay",
        "confidence": 0.99,
        "source": "model",
        "deciders": ["claim-risk@1"],
        "reason": "claim-risk@1 is 0.99 sure, 0.95 is enough (set by hand, config/claims.yaml:10)",
        "certificate": None,
        "settled_at": "2026-11-23T18:21:07.109Z",
    },
}
OPEN: dict[str, Any] = {
    **DECISION,
    "status": "open",
    "waiting_for": {"pool": "agents", "votes": 0, "until": "2026-11-23T18:31:07Z"},
    "outcome": None,
}


class Outcome(Answer):
    """One version of the answer."""

    version: int
    answer: Any
    confidence: float | None
    source: Literal["model", "rule", "reviewer", "fallback", "cancel"]
    deciders: list[str]
    reason: str
    certificate: str | None
    settled_at: datetime


class Decision(Answer):
    """One question and its life so far: the same shape everywhere, whoever decided."""

    model_config = ConfigDict(json_schema_extra={"examples": [DECISION, OPEN]})

    id: UUID
    type: str
    location: str
    subject: dict[str, str]
    status: Literal["open", "held", "provisional", "final", "amended", "cancelled"]
    revision: int
    asked_at: datetime
    deadline: datetime | None
    waiting_for: dict[str, Any] | None
    outcome: Outcome | None


class Page(Answer):
    """A page of decisions, newest first."""

    items: list[Decision]
    next: UUID | None


class BulkResult(Shape):
    """What became of one item."""

    status: int = Field(description="as a post of its own would have had: 202, 200, or that of the problem")
    decision: Decision | None = None
    replayed: Literal[True] | None = Field(None, description="its idempotency key came before, with the same question")
    problem: ProblemDetails | None = None
    retry_after: int | None = Field(None, description="seconds; of a problem that passes: 429, 503")


class BulkResults(Shape):
    """What became of each item, in their order."""

    items: list[BulkResult]


class PlanReference(Shape):
    """The plan that a decision keeps to its end."""

    name: str
    hash: str
    revision: int


class AuditMark(Shape):
    """Whether the coin drew the decision, and how probable that was."""

    drawn: bool
    rate: float


class PathEvent(Answer):
    """Something that happened. What else it has depends on its kind."""

    model_config = ConfigDict(extra="allow")

    kind: str = Field(examples=["asked", "opinion", "fault", "deferred", "settled"])
    at: datetime


class OutcomeVersion(Shape):
    """One version of the outcome, with what it cost."""

    version: int
    kind: Literal["provisional", "final", "amended"]
    answer: Any
    source: Literal["model", "rule", "reviewer", "fallback", "cancel"]
    confidence: float | None
    deciders: list[str]
    reason: str
    code: str
    certificate: str | None
    votes: int
    cost: list[str] = Field(description="one amount a currency", examples=[["0.0715 USD"]])
    settled_at: datetime


class ShadowOpinion(Shape):
    """What a decider in shadow said."""

    decider: str
    at: datetime
    answer: Any
    confidence: float | None
    distribution: dict[str, float] | None
    fault: str | None
    detail: str
    seconds: float
    cost: str


class KnownLabel(Shape):
    """What became known of the truth, or was voted too late."""

    at: datetime
    source: str = Field(description="as given with the truth; for operators also `late-vote` and those of audits")
    ref: str = Field(description="of late votes the reviewer")
    answer: Any
    after_version: int = Field(description="version of the outcome that stood when it came; 0: none")


class PathView(Shape):
    """All that happened to a decision, in the order recorded."""

    decision: Decision
    stake: Amount | None
    plan: PlanReference | None = Field(description="null: it was imported")
    audit: AuditMark | None = Field(description="for operators")
    trace: str | None = Field(description="W3C trace context of the question")
    events: list[PathEvent]
    outcomes: list[OutcomeVersion]
    labels: list[KnownLabel]
    shadow: list[ShadowOpinion] | None = Field(description="for operators")


class Label(Shape):
    """A truth, as it was recorded."""

    source: str
    ref: str
    answer: Any
    recorded: bool = Field(description="false: it had been said before")
    amended: bool = Field(description="whether the outcome was amended by it")


class Labelled(Shape):
    """A truth, and the decision as it is now."""

    label: Label
    decision: Decision
