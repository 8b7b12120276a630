"""Decisions, their outcomes and paths as the API answers them, typed. Unknown fields are passed over."""

from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

Status: TypeAlias = Literal["open", "held", "provisional", "final", "amended", "cancelled"]
Source: TypeAlias = Literal["model", "rule", "reviewer", "fallback", "cancel"]


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
    nobody_left: bool = False
    """Of `timed_out`: there was time, but nobody who could answer."""
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


class Label(Value, frozen=True, kw_only=True):
    """What became known of a decision's truth; of a late vote, `ref` is the reviewer."""

    at: datetime
    source: str
    answer: Any
    ref: str = ""
    after_version: int = 0


class Path(Value, frozen=True, kw_only=True):
    """All that happened to a decision, in order, and every version of its outcome."""

    decision: Decision
    events: tuple[Event, ...]
    outcomes: tuple[Outcome, ...] = ()
    labels: tuple[Label, ...] = ()
    stake: Money | None = None
    plan: Plan | None = None


class Labelled(Value, frozen=True, kw_only=True):
    """A truth that was recorded, and the decision, amended where its type allows that."""

    label: dict[str, Any]
    decision: Decision
