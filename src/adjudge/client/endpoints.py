"""Webhooks, their endpoints and deliveries: the calls, and what they answer."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from adjudge.client.calls import Call, known, nothing, path, reader
from adjudge.client.values import Value


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


_new_webhook = reader(NewWebhook)
_new_secret = reader(NewSecret)
_tried_out = reader(TriedOut)
_redelivered = reader(Redelivered)
_deliveries = reader(Deliveries)


def add(url: str, *, locations: Sequence[str] | None = None, types: Sequence[str] | None = None) -> Call[NewWebhook]:
    """Add an endpoint: it is told what is settled from now on, at all of the key's locations where none are named.

    Its secret is shown this once.
    """
    body = known(url=url, locations=locations, types=types)
    return Call(method="POST", path=path("webhooks"), read=_new_webhook, body=body, repeatable=False)


def list_all() -> Call[tuple[Webhook, ...]]:
    """Return the endpoints that the key may see, and how they do."""
    return Call(method="GET", path=path("webhooks"), read=_read_webhooks)


def remove(id: str) -> Call[None]:
    """Remove an endpoint: nothing more is sent there, also of what waits."""
    return Call(method="DELETE", path=path("webhooks", id), read=nothing)


def test(id: str) -> Call[TriedOut]:
    """Send an event that tells of nothing, once and at once."""
    return Call(method="POST", path=path("webhooks", id, "test"), read=_tried_out, wait_seconds=15)


def rotate(id: str, *, keep_hours: float | None = None) -> Call[NewSecret]:
    """Make a new secret, shown this once; the old one signs beside it for a day, or as long as is said."""
    body = known(keep_hours=keep_hours)
    return Call(method="POST", path=path("webhooks", id, "rotate"), read=_new_secret, body=body, repeatable=False)


def redeliver(id: str, *, decision: str | None = None) -> Call[Redelivered]:
    """Send again what was given up, at most 10,000 at a time; or what was told of one decision."""
    body = known(decision=decision)
    return Call(method="POST", path=path("webhooks", id, "redeliver"), read=_redelivered, body=body)


def deliveries(
    id: str,
    *,
    state: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[Deliveries]:
    """Return a page of deliveries with their attempts, the newest decision first."""
    params = known(state=state, limit=None if limit is None else str(limit), cursor=cursor)
    return Call(method="GET", path=path("webhooks", id, "deliveries"), read=_deliveries, params=params)


class _Webhooks(msgspec.Struct, frozen=True):
    webhooks: tuple[Webhook, ...]


def _read_webhooks(content: bytes) -> tuple[Webhook, ...]:
    return msgspec.json.decode(content, type=_Webhooks).webhooks
