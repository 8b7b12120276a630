"""The calls of the people who answer."""

from collections.abc import Sequence
from typing import Any

import msgspec

from adjudge.client.calls import Call, known, nothing, path, prefer_wait, reader
from adjudge.client.values import Claim, DeclineReason, Lease, Queue, Recorded, Task

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
