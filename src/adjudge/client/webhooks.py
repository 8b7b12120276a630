"""Receiving webhooks: whether one is really from Adjudge, and what it tells.

    event = verify(request.body, request.headers, "whsec_…")

Told at least once: keep the `id` of what you have dealt with, and pass over what you know.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from adjudge.client.values import OutcomeEvent
from adjudge.core.signing import is_signed, read_secret

TOLERANCE_SECONDS: Final = 300.0
TEST_TYPE: Final = "dev.adjudge.test"
_LONGEST_TIMESTAMP: Final = 12


class _Typed(msgspec.Struct):
    type: str


_typed = msgspec.json.Decoder(_Typed)
_event = msgspec.json.Decoder(OutcomeEvent)


class NotVerified(Exception):
    """This webhook is not to be trusted: answer 400 and do nothing."""


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    tolerance_seconds: float = TOLERANCE_SECONDS,
    now: Callable[[], float] = time.time,
) -> OutcomeEvent | None:
    """Return the event of a webhook; None: it was sent by `adjudge webhooks test`, and tells of nothing.

    `body` is what came, byte for byte. Of several secrets any may have signed. Raises NotVerified for a wrong
    or missing signature and for an old message, which may be a replay; ValueError for a malformed secret.
    """
    secrets = [read_secret(each) for each in ([secret] if isinstance(secret, str) else secret)]
    found = {name.lower(): value for name, value in headers.items() if name.lower().startswith("webhook-")}
    try:
        message, timestamp, signature = (found[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as missing:
        raise NotVerified(f"the header {missing} is missing") from None
    if not is_signed(secrets, signature, message, timestamp, body):
        raise NotVerified("no signature is by a secret of this endpoint")
    _require_fresh(timestamp, tolerance_seconds, now())
    try:
        return None if _typed.decode(body).type == TEST_TYPE else _event.decode(body)
    except msgspec.DecodeError as error:
        raise NotVerified(f"the signature holds, but this version cannot read the event: {error}") from error


def _require_fresh(timestamp: str, tolerance_seconds: float, now: float) -> None:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _LONGEST_TIMESTAMP):
        raise NotVerified("the timestamp is not a number of seconds")
    if abs(now - int(timestamp)) > tolerance_seconds:
        raise NotVerified(f"signed {now - int(timestamp):.0f} s ago: a replay, or a clock is wrong")
