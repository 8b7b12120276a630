"""The typed client of the API: `Adjudge`, and `AsyncAdjudge` where calls are awaited.

    with Adjudge() as adjudge:
        decision = adjudge.decisions.create("claim.pay", evidence={"amount": "50.00", "text": "fell"}, wait=5)

Calls are retried while the server cannot be reached or sheds load, under one idempotency key each.
"""

from adjudge.client.administration import (
    Breaker,
    Decider,
    NewReviewer,
    Overview,
    PoolPeople,
    Published,
    Reviewer,
    ShadowTally,
)
from adjudge.client.asynchronous import AsyncAdjudge
from adjudge.client.configuration import (
    ConfigCheck,
    ConfigDraft,
    ConfigFault,
    ConfigMember,
    ConfigPreview,
    ConfigReceipts,
    ConfigRevision,
    Switch,
)
from adjudge.client.decisions import Question
from adjudge.client.endpoints import Delivery, Webhook
from adjudge.client.finding import NotConnected
from adjudge.client.keys import JournalEntry, Key, Limits, NewKey
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
from adjudge.client.reviews import Claim, Empty, Lease, Media, OtherAnswers, Queue, Recorded, Task, Whole
from adjudge.client.synchronous import Adjudge
from adjudge.client.values import Decision, Event, Label, Labelled, Money, Outcome, OutcomeEvent, Path, Plan, WaitingFor

__all__ = [
    "Adjudge",
    "AsyncAdjudge",
    "Breaker",
    "Claim",
    "ConfigCheck",
    "ConfigDraft",
    "ConfigFault",
    "ConfigMember",
    "ConfigPreview",
    "ConfigReceipts",
    "ConfigRevision",
    "Conflict",
    "Decider",
    "Decision",
    "Delivery",
    "Empty",
    "Event",
    "Forbidden",
    "Invalid",
    "JournalEntry",
    "Key",
    "Label",
    "Labelled",
    "Lease",
    "Limits",
    "Media",
    "Money",
    "NewKey",
    "NewReviewer",
    "NotConnected",
    "NotFound",
    "OtherAnswers",
    "Outcome",
    "OutcomeEvent",
    "Overloaded",
    "Overview",
    "Path",
    "Patience",
    "Plan",
    "Pointed",
    "PoolPeople",
    "Problem",
    "Published",
    "Question",
    "Queue",
    "Recorded",
    "Reviewer",
    "ShadowTally",
    "Switch",
    "Task",
    "Unauthorized",
    "Unavailable",
    "WaitingFor",
    "Webhook",
    "Whole",
]
