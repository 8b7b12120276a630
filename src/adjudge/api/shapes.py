"""Responses to requests about decisions, as the OpenAPI document has them; and what all shapes share.

Responses are written straight from stored values, so nothing here runs when one is sent. Tests check every response
against its shape.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from adjudge.api.answers import Answer
from adjudge.api.problems import BASE, MEDIA_TYPE

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


PROBLEM: dict[str, Any] = {
    "type": f"{BASE}invalid-evidence",
    "title": "Evidence does not fit claim.pay",
    "status": 422,
    "detail": "evidence does not fit claim.pay",
    "errors": [{"pointer": "#/evidence/text", "detail": "is required"}],
}


class Shape(Answer):
    """An answer: what it has is what is named here."""

    model_config = ConfigDict(extra="forbid")


class Fault(Shape):
    """One thing that is wrong, and where."""

    pointer: str = Field(description="a JSON pointer into the body; of a query or path, its name")
    detail: str
    document: str | None = Field(None, description="of configuration: the document that is at fault")
    line: int | None = None
    path: str | None = Field(None, description="of configuration: where in the document")
    nearest: str | None = Field(None, description="the nearest name that is known")


class ProblemDetails(Answer):
    """What is wrong (RFC 9457). Some kinds have members of their own, as `decision` or `limit`."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [PROBLEM]})

    type: str = Field(description="the kind: see the table of problems")
    title: str
    status: int
    detail: str
    errors: list[Fault]


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


PROBLEM_CONTENT: dict[str, Any] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
"""Of a response of the document, in place of a model: the media type is not that of other answers."""
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"description": what, "content": PROBLEM_CONTENT}
    for code, what in {
        400: "malformed JSON",
        401: "no valid key",
        403: "not with this key",
        404: "unknown",
        408: "the body did not arrive in time",
        409: "too late",
        413: "body too large",
        422: "does not fit",
        429: "too much, see Retry-After",
        503: "the database does not answer, see Retry-After",
    }.items()
}
"""That any request may meet."""


class BulkResult(Shape):
    """What became of one item."""

    status: int = Field(description="as a post of its own would have had: 202, 200, or that of the problem")
    decision: Decision | None = None
    problem: ProblemDetails | None = None


class BulkResults(Shape):
    """What became of each item, in their order."""

    items: list[BulkResult]


class Amount(Shape):
    """Money, exact."""

    amount: str = Field(examples=["2.49"])
    currency: str = Field(examples=["USD"])


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


class PathView(Shape):
    """All that happened to a decision, in the order recorded."""

    decision: Decision
    stake: Amount | None
    plan: PlanReference | None = Field(description="null: it was imported")
    audit: AuditMark | None = Field(description="for operators")
    trace: str | None = Field(description="W3C trace context of the question")
    events: list[PathEvent]
    outcomes: list[OutcomeVersion]
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
