"""The calls of the people who answer, and what they are answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from adjudge.client.calls import Call, known, nothing, path, prefer_wait, reader
from adjudge.client.values import Money, Value

DeclineReason: TypeAlias = Literal["no_evidence", "unsure", "conflict", "other"]


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


_claim = reader(Claim)
_recorded = reader(Recorded)
_lease = reader(Lease)


def claim(count: int = 1, *, wait: int = 20, pools: Sequence[str] | None = None) -> Call[Claim]:
    """Lease up to `count` (at most 3) tasks, waiting up to `wait` seconds (at most 30) for the first."""
    return Call(
        method="POST",
        path=path("reviews", "claim"),
        read=_claim,
        body=known(count=count, pools=pools),
        headers=prefer_wait(wait),
        wait_seconds=wait,
    )


def answer(task: Task, answer: Any, *, seconds: float | None = None) -> Call[Recorded]:
    """Answer a task; `seconds` is the time at work. Raises Conflict where lease or decision ended before."""
    body = {"answer": answer, "token": task.token, **known(seconds=seconds)}
    return Call(method="POST", path=path("reviews", task.id, "answer"), read=_recorded, body=body)


def decline(task: Task, reason: DeclineReason, note: str | None = None) -> Call[None]:
    """Give a task back for good: it goes to somebody else and is no vote."""
    body = known(token=task.token, reason=reason, note=note)
    return Call(method="POST", path=path("reviews", task.id, "decline"), read=nothing, body=body)


def release(task: Task) -> Call[None]:
    """Give a task back unseen: it may come again."""
    return Call(method="POST", path=path("reviews", task.id, "release"), read=nothing, body={"token": task.token})


def heartbeat(task: Task) -> Call[Lease]:
    """Renew the lease of a task. Raises Conflict where it has ended."""
    return Call(method="POST", path=path("reviews", task.id, "heartbeat"), read=_lease, body={"token": task.token})


def queues() -> Call[tuple[Queue, ...]]:
    """Return how much waits for each pool, and who is at work."""
    return Call(method="GET", path=path("reviews", "queues"), read=_read_queues)


class _Queues(msgspec.Struct, frozen=True):
    queues: tuple[Queue, ...]


def _read_queues(content: bytes) -> tuple[Queue, ...]:
    return msgspec.json.decode(content, type=_Queues).queues
