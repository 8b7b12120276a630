"""What the API answers, typed. Fields that this version does not know are passed over."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

Status: TypeAlias = Literal["open", "held", "provisional", "final", "amended", "cancelled"]
Source: TypeAlias = Literal["model", "rule", "reviewer", "fallback", "cancel"]
Role: TypeAlias = Literal["client", "reviewer", "operator", "admin"]
DeclineReason: TypeAlias = Literal["no_evidence", "unsure", "conflict", "other"]


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Immutable, compared by value; `msgspec.json.encode` writes it as the API does."""


class Money(Value, frozen=True, kw_only=True):
    """An exact amount."""

    amount: str
    """A decimal string: `2.49`."""
    currency: str
    """ISO 4217."""


class Outcome(Value, frozen=True, kw_only=True):
    """One version of the answer."""

    version: int
    answer: Any
    """A label, boolean, whole number or structured JSON, as the question type says."""
    confidence: float | None = None
    source: Source
    deciders: tuple[str, ...] = ()
    reason: str = ""
    certificate: str | None = None
    settled_at: datetime


class WaitingFor(Value, frozen=True, kw_only=True):
    """Who or what an open decision waits for: models, a pool of people, or the end of a hold."""

    decider: str | None = None
    deciders: tuple[str, ...] = ()
    pool: str | None = None
    votes: int | None = None
    """People who have answered so far."""
    held: bool = False
    until: datetime | None = None


class Decision(Value, frozen=True, kw_only=True):
    """One question and its life until settled (and amended)."""

    id: str
    type: str
    location: str
    subject: dict[str, str] | None = None
    status: Status
    revision: int
    asked_at: datetime
    deadline: datetime | None = None
    waiting_for: WaitingFor | None = None
    outcome: Outcome | None = None


class Page(Value, frozen=True, kw_only=True):
    """Some decisions, newest first, and where the next page begins."""

    items: tuple[Decision, ...]
    next: str | None = None


class OutcomeEvent(Value, frozen=True, kw_only=True):
    """One version of an outcome, as the feed and webhooks tell it. Told twice, it has the same id."""

    id: str
    type: str
    """`dev.adjudge.outcome.final`: the decision's status is its last part."""
    time: datetime
    decision: Decision = msgspec.field(name="data")
    """With this version of its outcome."""
    cursor: str | None = None
    """Of the feed: where to go on behind this one."""
    traceparent: str | None = None

    @property
    def outcome(self) -> Outcome:
        """This version."""
        assert self.decision.outcome is not None, "an event tells of an outcome"
        return self.decision.outcome


class OutcomePage(Value, frozen=True, kw_only=True):
    """Some outcomes in the order of the feed, and where it goes on."""

    items: tuple[OutcomeEvent, ...]
    next: str
    at_end: bool


class Event(Value, frozen=True, kw_only=True):
    """Something that happened to a decision; which fields are set depends on `kind`.

    Kinds: `asked`, `opinion`, `fault`, `declined`, `timed_out`, `deferred`, `fell_back`, `settled`;
    a newer server may have more.
    """

    kind: str
    at: datetime
    stage: int | None = None
    by: str | None = None
    """`vision-sku@2`, or the person; for callers that may not know people, the pool."""
    source: str | None = None
    answer: Any = None
    confidence: float | None = None
    distribution: dict[str, float] | None = None
    pool: str | None = None
    deciders: tuple[str, ...] = ()
    seconds: float | None = None
    cost_micros: int = 0
    """Millionths of a unit of `currency`."""
    currency: str | None = None
    fault: str | None = None
    fallback: str | None = None
    outcome: str | None = None
    version: int | None = None
    reason: str = ""
    detail: str = ""
    code: str = ""
    until: datetime | None = None


class Plan(Value, frozen=True, kw_only=True):
    """By which plan a decision is made."""

    name: str | None = None
    hash: str | None = None
    revision: int | None = None


class Path(Value, frozen=True, kw_only=True):
    """All that happened to a decision, in order, and every version of its outcome."""

    decision: Decision
    events: tuple[Event, ...]
    outcomes: tuple[Outcome, ...] = ()
    stake: Money | None = None
    plan: Plan | None = None


class Labelled(Value, frozen=True, kw_only=True):
    """A truth that was recorded, and the decision, amended where its type allows that."""

    label: dict[str, Any]
    decision: Decision


class Media(Value, frozen=True, kw_only=True):
    """A picture or clip among the evidence, under a signed address."""

    name: str = ""
    url: str | None
    """None: it does not open, and `fault` says why. Decline with `no_evidence`."""
    fault: str | None = None
    type: str | None = None
    from_: float | None = msgspec.field(default=None, name="from")
    to: float | None = None


class Whole(Value, frozen=True, kw_only=True):
    """Bounds of a whole number, both included."""

    min: int
    max: int


class OtherAnswers(Value, frozen=True, kw_only=True):
    """An answer space that is not a list of labels: exactly one field is set."""

    boolean: bool | None = None
    integer: Whole | None = None
    schema: dict[str, Any] | None = None


class Task(Value, frozen=True, kw_only=True):
    """A question waiting for a person, leased to the key that claimed it."""

    id: str
    token: str
    """Proof of the lease; every call about the task names it."""
    pool: str
    type: str
    title: str | None = None
    guidelines: str | None = None
    location: str = "default"
    evidence: dict[str, Any]
    media: tuple[Media, ...] = ()
    answers: tuple[str, ...] | OtherAnswers
    show: tuple[str, ...] | None = None
    """Fields of the evidence to show, in order; none named: all."""
    stake: Money | None = None
    due_at: datetime
    lease_until: datetime
    asked_at: datetime | None = None


class Empty(Value, frozen=True, kw_only=True):
    """Why nothing could be claimed."""

    reason: str
    """`none_waiting`, `all_leased`, `wrong_pool`, `paused` or `all_seen`."""
    detail: str = ""


class Claim(Value, frozen=True, kw_only=True):
    """Tasks leased to the caller, or why there are none."""

    tasks: tuple[Task, ...] = ()
    empty: Empty | None = None


class Recorded(Value, frozen=True, kw_only=True):
    """What an answer became."""

    recorded: Literal["vote", "label"]
    """A label: it came too late to be a vote."""
    decision_status: str
    """`open` or `settled`."""


class Lease(Value, frozen=True, kw_only=True):
    """How long a task is held."""

    lease_until: datetime


class Queue(Value, frozen=True, kw_only=True):
    """The tasks that wait for the people of one pool."""

    pool: str
    waiting: int
    leased: int = 0
    oldest_seconds: float | None = None
    due_5m: int = 0
    """Waiting tasks that are due within five minutes."""
    at_work: int = 0
    votes_per_hour: float = 0
    median_seconds: float | None = None
    paused: bool = False


class Limits(Value, frozen=True, kw_only=True):
    """How much a key may ask for; None: as much as it wants."""

    requests_per_second: float | None = None
    bytes_per_second: int | None = None
    """Of the bodies of requests."""
    open_decisions: int | None = None
    """Asked for and without a final outcome."""


class Key(Value, frozen=True, kw_only=True):
    """An API key, without its secret."""

    id: str
    name: str
    role: Role
    locations: tuple[str, ...] | None = None
    pools: tuple[str, ...] | None = None
    limits: Limits = Limits()
    created_at: datetime | None = None
    rotated_at: datetime | None = None
    old_until: datetime | None = None
    """Until when the secret before the last rotation opens, too."""
    last_used_at: datetime | None = None
    """To the minute."""
    revoked_at: datetime | None = None


class NewKey(Value, frozen=True, kw_only=True):
    """An API key just made; `key` is shown this once."""

    id: str
    name: str
    role: Role
    key: str


class JournalEntry(Value, frozen=True, kw_only=True):
    """Something that was done to what stands above decisions, or a look at evidence."""

    id: int
    at: datetime
    actor: str
    """Id of an API key; `system`, `command line`, or the role of a process."""
    actor_name: str | None = None
    action: str
    """`key.created`, `key.rotated`, `key.limited`, `key.revoked`, `reviewer.added`, `reviewer.moved`,
    `decider.switched`,
    `configuration.published`, `webhook.added`, `webhook.rotated`, `webhook.removed`, `evidence.viewed`; a newer
    server may have more."""
    subject: str
    location: str | None = None
    detail: dict[str, Any] = {}


class JournalPage(Value, frozen=True, kw_only=True):
    """Some of the journal, newest first, and where it goes on."""

    items: tuple[JournalEntry, ...]
    next: int | None = None


class Reviewer(Value, frozen=True, kw_only=True):
    """A person who answers for pools."""

    name: str
    pools: tuple[str, ...] = ()
    has_key: bool = True
    """False: all their keys are revoked, and they are asked nothing."""


class NewReviewer(Value, frozen=True, kw_only=True):
    """A reviewer just added; `key` is shown this once."""

    name: str
    pools: tuple[str, ...] = ()
    key: str


class Webhook(Value, frozen=True, kw_only=True):
    """An endpoint that outcomes are sent to, and how it does."""

    id: str
    url: str
    locations: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    created_at: datetime
    created_by: str
    """Id of the key."""
    old_secret_until: datetime | None = None
    """Until when two secrets sign."""
    failing_since: datetime | None = None
    failure: str | None = None
    stopped_at: datetime | None = None
    """The receiver answered 410 Gone."""
    waiting: int = 0
    parked: int = 0
    oldest_waiting: datetime | None = None


class NewWebhook(Webhook, frozen=True, kw_only=True):
    """An endpoint just added; `secret` is shown this once."""

    secret: str


class NewSecret(Value, frozen=True, kw_only=True):
    """An endpoint's new secret, shown this once."""

    id: str
    secret: str
    old_secret_until: datetime


class TriedOut(Value, frozen=True, kw_only=True):
    """What came of a test."""

    delivered: bool
    status: int | None = None
    error: str | None = None
    seconds: float


class Redelivered(Value, frozen=True, kw_only=True):
    """How many deliveries are made again."""

    id: str
    redelivered: int


class DeliveryAttempt(Value, frozen=True, kw_only=True):
    """One attempt at a delivery."""

    attempt: int
    at: datetime
    seconds: float
    status: int | None = None
    """None: no answer came."""
    error: str | None = None


class Delivery(Value, frozen=True, kw_only=True):
    """What became of one version of an outcome at one endpoint."""

    decision: str
    version: int
    state: str
    """`waiting`, `sending`, `delivered` or `parked`."""
    created_at: datetime
    next_at: datetime | None = None
    ended_at: datetime | None = None
    attempts: tuple[DeliveryAttempt, ...] = ()


class Deliveries(Value, frozen=True, kw_only=True):
    """Some deliveries, the newest decision first, and where the next page begins."""

    items: tuple[Delivery, ...]
    next: str | None = None


class Breaker(Value, frozen=True, kw_only=True):
    """Whether a decider is being asked at all."""

    state: str | None = None
    reason: str | None = None
    fault: str | None = None
    """Of what kind the fault was that opened it."""
    since: datetime | None = None
    until: datetime | None = None
    """When an open one lets a probe through; past that it is `due` until the next question does."""


class PoolPeople(Value, frozen=True, kw_only=True):
    """The people of a pool."""

    members: int = 0
    at_work: int = 0
    """They have a task, or answered one within five minutes."""
    paused: bool = False


class ShadowTally(Value, frozen=True, kw_only=True):
    """What was expected of a decider in shadow in the last hour, and what came of it."""

    expected: int = 0
    answered: int = 0
    failed: int = 0
    dropped: int = 0
    """Not asked, so that others were served."""
    missing: int = 0
    """Expected and not answered; those of this moment included."""


class Decider(Value, frozen=True, kw_only=True):
    """Whoever can be asked."""

    id: str
    kind: str
    role: str = "serving"
    """`shadow`: asked on the side, and never believed."""
    switched_off: bool = False
    """By an operator, in every process."""
    breaker: Breaker | None = None
    """The worst of all workers; None: none has reported."""
    shadow: ShadowTally | None = None
    """None: it serves."""
    people: PoolPeople | None = None
    """None: it is no pool of people."""


class OpenDecisions(Value, frozen=True, kw_only=True):
    """Decisions of one lane without a final outcome."""

    lane: str
    count: int
    oldest_seconds: float


class AskingStream(Value, frozen=True, kw_only=True):
    """Questions to one decider that are not finished."""

    decider: str
    unread: int
    held: int
    """In workers' hands."""
    oldest_seconds: float | None = None
    dead: int = 0


class Overview(Value, frozen=True, kw_only=True):
    """Everything at one moment. Two of them give rates."""

    at: datetime
    revision: int
    accepted: int
    """Since the first decision; a failed commit leaves a gap."""
    open: tuple[OpenDecisions, ...] = ()
    overdue: int = 0
    """Open decisions with a step due that nobody takes."""
    sources: Mapping[str, int] = {}
    """Who settled the latest outcomes."""
    streams: tuple[AskingStream, ...] | None = None
    """None: the broker does not answer."""


class Published(Value, frozen=True, kw_only=True):
    """The configuration in force."""

    revision: int
    hash: str
    types: Any = None
    locations: Any = None


class ConfigRevision(Value, frozen=True, kw_only=True):
    """A published configuration, numbered and immutable."""

    number: int
    hash: str
    author: str
    message: str
    published_at: datetime
    again: int | None = None
    """The revision whose documents these are."""
    approved: tuple[str, ...] = ()
    only_at: tuple[str, ...] | None = None
    """`location:NAME` and `group:NAME`; None: everywhere."""
    rest: int | None = None
    """The revision that holds elsewhere."""
    goes_on: datetime | None = None
    documents: dict[str, str] | None = None
    """None where revisions are listed."""


class ConfigFault(Value, frozen=True, kw_only=True):
    """One thing that is wrong with documents."""

    detail: str
    document: str = ""
    line: int = 0
    path: str = ""
    nearest: str | None = None


class ConfigCheck(Value, frozen=True, kw_only=True):
    """What publishing documents would do."""

    base: int
    """The revision in force with which they were compared."""
    base_hash: str
    hash: str | None = None
    """None: they have faults."""
    in_force: bool = False
    """Exactly these documents hold everywhere already."""
    faults: tuple[ConfigFault, ...] = ()
    remarks: tuple[str, ...] = ()
    """What is likely a slip, in words; no fault, for it may be meant."""
    difference: dict[str, Any] | None = None
    """`in_words`, and the same for machines."""


class ConfigPreview(Value, frozen=True, kw_only=True):
    """What documents would have made of decisions."""

    days: float
    decisions: int
    is_sample: bool
    types: dict[str, dict[str, Any]]


class ConfigMember(Value, frozen=True, kw_only=True):
    """A process, and what it runs."""

    name: str
    role: str
    release: str
    is_live: bool
    silent_seconds: float
    revision: int
    hash: str
    since: datetime
    drift: str | None = None
    refused: int | None = None
    why: str | None = None


class ConfigReceipts(Value, frozen=True, kw_only=True):
    """How far a publication has come."""

    revision: int
    complete: bool
    live: int
    applied: int
    refused: tuple[str, ...]
    waiting: tuple[str, ...]
    processes: tuple[ConfigMember, ...]


class ConfigDraft(Value, frozen=True, kw_only=True):
    """Documents on their way to a revision."""

    id: str
    version: int
    base: int
    message: str
    author: str
    approved: tuple[str, ...]
    changed_at: datetime
    published: int | None = None


class Switch(Value, frozen=True, kw_only=True):
    """What is switched off, or was."""

    scope: str
    kind: str
    name: str
    at: str | None
    state: Literal["on", "off", "expired"]
    reason: str
    changed_by: str
    changed_at: datetime
    until: datetime | None
    generation: int
