"""One webhook on its way: the message, its signature, and what came back.

Standard Webhooks for the headers, CloudEvents 1.0 (structured mode) for the body.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final
from uuid import UUID

from adjudge.core.cloud_events import outcome_event
from adjudge.core.signing import signature
from adjudge.core.views import encode
from adjudge.engine.clocks import Clock
from adjudge.engine.feed.tail import decision_of
from adjudge.engine.webhooks.receivers import Answered
from adjudge.outbound import RefusedUrl
from adjudge.outbound.client import Client, Unended, Unreachable
from adjudge.store.feed import Row
from adjudge.store.webhooks.endpoints import Receiver
from adjudge.telemetry import tracing

ATTEMPT_SECONDS: Final = 15.0
LARGEST_ANSWER: Final = 1024 * 1024
"""Bytes; nobody reads it."""
CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
TEST_TYPE: Final = "dev.adjudge.test"


def message_id(decision: UUID, version: int) -> str:
    """Return the webhook-id: the same for every attempt, and without the full stop that the event's id has."""
    return f"msg_{decision.hex}_{version}"


def outcome_body(row: Row) -> bytes:
    """Return the event that tells of an outcome."""
    return encode(outcome_event(decision_of(row), trace=row.trace))


def test_body(message: str, now: Clock) -> bytes:
    """Return an event that tells of nothing: for an endpoint's owner to see it arrive."""
    return encode(
        {
            "specversion": "1.0",
            "id": message,
            "source": "/v1/webhooks",
            "type": TEST_TYPE,
            "time": now(),
            "datacontenttype": "application/json",
            "data": {},
        }
    )


class Poster:
    """Sends webhooks, one attempt each."""

    def __init__(self, client: Client, *, now: Clock, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._monotonic = monotonic
        self.now = now

    async def post(
        self, receiver: Receiver, message: str, body: bytes, at: datetime, trace: str | None = None
    ) -> Answered:
        """Sign and send a message at this moment; return what came of it, an answer or none."""
        timestamp = int(at.timestamp())
        headers = {
            "content-type": CONTENT_TYPE,
            "webhook-id": message,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(receiver.secrets, message, timestamp, body),
        }
        started = self._monotonic()
        status, error, retry_after = None, None, None
        try:
            with tracing.sending("webhook", [trace]):
                reply = await self._client.send(
                    "POST", receiver.url, headers=headers, body=body, seconds=ATTEMPT_SECONDS, largest=LARGEST_ANSWER
                )
            status, retry_after = reply.status, retry_seconds(reply.headers)
        except Unended as late:
            status = late.status
        except TimeoutError:
            error = f"no answer within {ATTEMPT_SECONDS:g} s"
        except Unreachable as failure:  # whatever becomes of an answer, its status says all
            status, error = failure.status, str(failure)[:300]
        except RefusedUrl as refused:
            error = str(refused)[:300]
        if status is not None:
            error = None if 200 <= status < 300 else f"answered {status}"
        return Answered(status, error, round(self._monotonic() - started, 4), retry_after)


def retry_seconds(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After: seconds, or a date, which is held against the receiver's own clock; None: it says nothing."""
    text = headers.get("retry-after", "")
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        until, now = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):  # TypeError: one of them without a zone
        return None
