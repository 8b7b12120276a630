"""Outcomes as CloudEvents 1.0: what the feed, server-sent events and webhooks carry."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from adjudge.core.views import DecisionView

SOURCE: Final = "/v1/decisions"
TYPE_PREFIX: Final = "dev.adjudge.outcome."
"""Before the decision's status: `provisional`, `final`, `amended`, `cancelled`."""


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One outcome, told to somebody. The same version has the same id however often it is told."""

    specversion: str
    id: str
    source: str
    type: str
    subject: UUID
    time: datetime
    datacontenttype: str
    traceparent: str | None = None
    """W3C trace context of the question (the extension of that name)."""
    cursor: str | None = None
    """In the feed: where to go on after this one (an extension of ours)."""
    data: DecisionView


def outcome_event(decision: DecisionView, *, trace: str | None = None, cursor: str | None = None) -> CloudEvent:
    """Return the event that tells of the decision's outcome; it has one."""
    outcome = decision.outcome
    assert outcome is not None
    return CloudEvent(
        specversion="1.0",
        id=f"{decision.id}.{outcome.version}",
        source=SOURCE,
        type=TYPE_PREFIX + decision.status,
        subject=decision.id,
        time=outcome.settled_at,
        datacontenttype="application/json",
        traceparent=trace,
        cursor=cursor,
        data=decision,
    )
