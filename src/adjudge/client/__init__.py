"""The typed client of the API: `Adjudge`, and `AsyncAdjudge` where calls are awaited.

    with Adjudge() as adjudge:
        decision = adjudge.decisions.create("claim.pay", evidence={"amount": "50.00", "text": "fell"}, wait=5)

Calls are retried while the server cannot be reached or sheds load, under one idempotency key each.
"""

from adjudge.client.asynchronous import AsyncAdjudge
from adjudge.client.decisions import Question
from adjudge.client.finding import NotConnected
from adjudge.client.problems import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Overloaded,
    Pointed,
    Problem,
    Unauthorized,
    Unavailable,
)
from adjudge.client.retrying import Patience
from adjudge.client.synchronous import Adjudge
from adjudge.client.values import (
    Breaker,
    Claim,
    Decider,
    Decision,
    Empty,
    Event,
    Key,
    Labelled,
    Lease,
    Media,
    Money,
    NewKey,
    NewReviewer,
    OtherAnswers,
    Outcome,
    Path,
    Plan,
    Published,
    Queue,
    Recorded,
    Reviewer,
    Task,
    WaitingFor,
    Whole,
)

__all__ = [
    "Adjudge",
    "AsyncAdjudge",
    "Breaker",
    "Claim",
    "Conflict",
    "Decider",
    "Decision",
    "Empty",
    "Event",
    "Forbidden",
    "Invalid",
    "Key",
    "Labelled",
    "Lease",
    "Media",
    "Money",
    "NewKey",
    "NewReviewer",
    "NotConnected",
    "NotFound",
    "OtherAnswers",
    "Outcome",
    "Overloaded",
    "Path",
    "Patience",
    "Plan",
    "Pointed",
    "Problem",
    "Published",
    "Question",
    "Queue",
    "Recorded",
    "Reviewer",
    "Task",
    "Unauthorized",
    "Unavailable",
    "WaitingFor",
    "Whole",
]
