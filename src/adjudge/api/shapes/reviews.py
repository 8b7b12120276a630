"""Responses to reviewers, as the OpenAPI document has them: tasks, leases, queues."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from adjudge.api.answers import Answer
from adjudge.api.shapes import Amount, Shape


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
    due_5m: int = Field(description="due within five minutes; audits are never")
    at_work: int = Field(description="people")
    votes_per_hour: float
    median_seconds: float | None
    paused: bool


class Queues(Shape):
    """What waits in each pool that the key may see."""

    queues: list[QueueView]
