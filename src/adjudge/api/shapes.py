"""What requests are answered with, as the OpenAPI document has it: clients are generated from it.

Answers are written straight from stored values, so nothing here runs when one is sent. Tests hold every
answer to its shape.
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


class Media(Answer):
    """A reference of the evidence, opened for as long as the lease lasts."""

    model_config = ConfigDict(extra="forbid")

    name: str = ""
    url: str | None = Field(description="null: nothing opens it, and `fault` says why")
    fault: str | None = None
    type: str | None = None
    from_: float | None = Field(None, alias="from", description="as the evidence has it: seconds of a film")
    to: float | None = None


class TaskView(Shape):
    """A question put to a person: nothing of it comes from a model or another person."""

    id: UUID
    token: UUID = Field(description="of the lease")
    pool: str
    type: str
    title: str
    guidelines: str
    location: str
    evidence: dict[str, Any]
    media: list[Media]
    answers: list[str] | dict[str, Any] = Field(
        description="labels in an order drawn for this task, or one of `boolean`, `integer`, `schema`"
    )
    show: list[str] = Field(description="JSON pointers: what of the evidence to show, in this order")
    stake: Amount | None
    asked_at: datetime = Field(description="when people were asked, not when the question came")
    due_at: datetime
    lease_until: datetime


class EmptyReason(Shape):
    """Why there was nothing to claim."""

    reason: Literal["none_waiting", "all_leased", "wrong_pool", "paused", "all_seen"]
    detail: str


class ClaimView(Shape):
    """Tasks under lease, or why there are none."""

    tasks: list[TaskView]
    empty: EmptyReason | None


class Recorded(Shape):
    """A vote that counts, and how its decision stands."""

    recorded: Literal["vote"]
    decision_status: str


class DeclineView(Shape):
    """A task was given back."""

    declined: bool


class ReleaseView(Shape):
    """Whether there was a lease to give back."""

    released: bool


class LeaseView(Shape):
    """Until when a task is yours."""

    lease_until: datetime


class QueueView(Shape):
    """What waits for a pool, and how fast it is worked off."""

    pool: str
    waiting: int
    leased: int
    oldest_seconds: float | None
    due_5m: int = Field(description="due within five minutes")
    at_work: int = Field(description="people")
    votes_per_hour: float
    median_seconds: float | None
    paused: bool


class Queues(Shape):
    """What waits in each pool that the key may see."""

    queues: list[QueueView]


class ReviewerView(Shape):
    """A person who may be asked."""

    name: str
    pools: list[str]
    added_at: datetime
    has_key: bool = Field(description="false: all their keys are revoked, and they are asked nothing")


class NewReviewer(ReviewerView):
    """A person, and the key that stands for them."""

    key: str = Field(description="shown this once")


class Reviewers(Shape):
    """The people who may be asked."""

    reviewers: list[ReviewerView]


class ByHand(Shape):
    """A threshold that was set by hand: nobody has certified it."""

    layer: str
    type: str
    plan: str
    condition: str
    origin: str = Field(examples=["config/claims.yaml:10"])


class ConfigView(Answer):
    """What a replica runs."""

    revision: int
    hash: str
    types: list[str]
    deciders: list[str]
    pools: list[str]
    locations: list[str]
    set_by_hand: list[ByHand]


class Breaker(Shape):
    """The breaker that is furthest from closed among the workers."""

    state: Literal["closed", "probing", "due", "open"] = Field(
        description="due: it was open until then, and lets the next question through as a probe"
    )
    reason: str
    fault: str | None
    since: datetime | None
    until: datetime | None


class ShadowTally(Shape):
    """What a decider in shadow should have been asked in the last hour, and what came of it."""

    expected: int
    answered: int
    failed: int
    dropped: int
    missing: int


class PeopleView(Shape):
    """The people of a pool."""

    members: int
    at_work: int = Field(description="have a task, or answered one within five minutes")
    paused: bool


class DeciderView(Shape):
    """A decider, and how it does."""

    id: str
    kind: str
    role: Literal["serving", "shadow"]
    switched_off: bool
    timeout_seconds: float | None = Field(description="null: its stages say how long people have")
    breaker: Breaker | None = Field(description="null: no worker has reported, or people are asked")
    shadow: ShadowTally | None = Field(description="null: it serves")
    workers: list[dict[str, Any]] = Field(description="what each worker says of it")
    people: PeopleView | None = Field(description="null: it is no pool of people")


class Deciders(Shape):
    """All that can be asked."""

    deciders: list[DeciderView]


class Switched(Shape):
    """A switch as it stands."""

    decider: str
    on: bool
    generation: int = Field(description="what relied on an earlier one is refused")


class OpenLane(Shape):
    """What is open in a lane."""

    lane: str
    count: int
    oldest_seconds: float | None


class StreamView(Shape):
    """What waits for a decider."""

    decider: str
    unread: int
    held: int
    oldest_seconds: float | None
    dead: int


class OverviewView(Shape):
    """The whole system at a glance."""

    at: datetime
    revision: int
    accepted: int = Field(description="decisions ever; two readings give a rate")
    open: list[OpenLane]
    overdue: int
    sources: dict[str, int] = Field(description="of the latest 10,000 outcomes within the hour")
    streams: list[StreamView] | None = Field(description="null: the broker does not answer")


class Check(Answer):
    """One thing that a process stands on."""

    model_config = ConfigDict(extra="allow")

    ok: bool


class Readiness(Shape):
    """Whether questions can be taken."""

    status: Literal["ready", "not ready"]
    checks: dict[str, Check]


class EndpointView(Shape):
    """An endpoint and how it does."""

    id: str
    url: str
    locations: list[str] | None
    types: list[str] | None
    created_at: datetime
    created_by: str
    old_secret_until: datetime | None = Field(description="until when two secrets sign; null: one does")
    failing_since: datetime | None
    failure: str | None
    stopped_at: datetime | None
    waiting: int
    parked: int
    oldest_waiting: datetime | None


class NewEndpoint(EndpointView):
    """An endpoint, and the secret by which it verifies."""

    secret: str = Field(description="shown this once")


class Endpoints(Shape):
    """Endpoints that your key may manage."""

    webhooks: list[EndpointView]


class Tried(Shape):
    """What came of an attempt."""

    delivered: bool
    status: int | None = Field(description="null: no answer came")
    error: str | None
    seconds: float


class NewSecret(Shape):
    """An endpoint's new secret."""

    id: str
    secret: str = Field(description="shown this once")
    old_secret_until: datetime


class Redelivered(Shape):
    """How much is sent again."""

    id: str
    redelivered: int


class Attempt(Shape):
    """How one attempt ended."""

    attempt: int
    at: datetime
    seconds: float
    status: int | None = Field(description="null: no answer came")
    error: str | None


class DeliveryView(Shape):
    """One outcome for one endpoint."""

    decision: UUID
    version: int
    state: Literal["waiting", "sending", "delivered", "parked"]
    created_at: datetime
    next_at: datetime | None = Field(description="null: it has ended")
    ended_at: datetime | None
    attempts: list[Attempt] = Field(description="the latest, oldest first")


class Deliveries(Shape):
    """A page of deliveries, the newest decision first."""

    items: list[DeliveryView]
    next: str | None


class LimitsView(Shape):
    """How much a key may ask for; null: as much as it wants."""

    requests_per_second: float | None
    bytes_per_second: int | None
    open_decisions: int | None


class KeyView(Shape):
    """What may be known of a key."""

    id: str
    name: str
    role: Literal["client", "reviewer", "operator", "admin"]
    locations: list[str] | None = Field(description="null: all")
    pools: list[str] | None
    reviewer: str | None = Field(description="whose key it is")
    limits: LimitsView
    created_at: datetime
    created_by: str
    rotated_at: datetime | None
    old_until: datetime | None = Field(description="until when the secret before opens, too")
    last_used_at: datetime | None = Field(description="to the minute")
    revoked_at: datetime | None


class NewKey(KeyView):
    """A key and its secret."""

    key: str = Field(description="shown this once")


class Keys(Shape):
    """Keys, without their secrets."""

    keys: list[KeyView]
