"""One line verifies a webhook; what is forged, changed or old is refused with the reason."""

import json

import pytest

from adjudge.client.webhooks import TOLERANCE_SECONDS, NotVerified, verify
from adjudge.core.signing import shown, signature

NOW = 1_800_000_000
SECRET, OLD = bytes(32), bytes(range(32))
EVENT = {
    "specversion": "1.0",
    "id": "01a2.1",
    "source": "/v1/decisions",
    "type": "dev.adjudge.outcome.final",
    "time": "2026-12-01T12:00:00Z",
    "data": {
        "id": "01a2",
        "type": "claim.pay",
        "location": "default",
        "status": "final",
        "revision": 1,
        "asked_at": "2026-12-01T11:59:00Z",
        "outcome": {"version": 1, "answer": "pay", "source": "model", "settled_at": "2026-12-01T12:00:00Z"},
    },
}


def sent(event: object = EVENT, *, secrets=(SECRET,), at: float = NOW) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(event).encode()
    return body, {
        "Webhook-Id": "msg_1",
        "webhook-timestamp": str(int(at)),
        "WEBHOOK-SIGNATURE": signature(secrets, "msg_1", int(at), body),
    }


def verified(body, headers, secret=None):
    return verify(body, headers, secret or shown(SECRET), now=lambda: NOW)


def test_a_webhook_is_verified_and_read_in_one_line():
    event = verified(*sent())

    assert (event.id, event.decision.id, event.outcome.answer) == ("01a2.1", "01a2", "pay")


def test_either_of_two_secrets_will_do_while_they_are_exchanged():
    assert verified(*sent(secrets=(SECRET, OLD)), shown(OLD))
    assert verified(*sent(secrets=(OLD,)), [shown(SECRET), shown(OLD)])


def test_a_test_tells_of_nothing():
    assert verified(*sent({"type": "dev.adjudge.test", "data": {}})) is None


def test_what_somebody_else_has_signed_is_refused():
    with pytest.raises(NotVerified, match="no signature is by a secret"):
        verified(*sent(secrets=(OLD,)))


def test_a_changed_body_is_refused():
    body, headers = sent()

    with pytest.raises(NotVerified, match="no signature is by a secret"):
        verified(body.replace(b"pay", b"not"), headers)


@pytest.mark.parametrize("seconds", [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1])
def test_a_replayed_webhook_is_refused_with_its_age(seconds):
    with pytest.raises(NotVerified, match=f"signed {seconds:.0f} s ago"):
        verified(*sent(at=NOW - seconds))


@pytest.mark.parametrize("name", ["Webhook-Id", "webhook-timestamp", "WEBHOOK-SIGNATURE"])
def test_a_missing_header_is_named(name):
    body, headers = sent()
    del headers[name]

    with pytest.raises(NotVerified, match=f"'{name.lower()}' is missing"):
        verified(body, headers)


@pytest.mark.parametrize("timestamp", ["", "soon", "1e9", "-1", "9" * 40, "１８"])
def test_a_timestamp_that_is_none_is_refused(timestamp):
    body, headers = sent()
    headers["webhook-timestamp"] = timestamp
    headers["WEBHOOK-SIGNATURE"] = signature_of(timestamp, body)

    with pytest.raises(NotVerified, match="not a number of seconds"):
        verified(body, headers)


def signature_of(timestamp: str, body: bytes) -> str:
    return signature([SECRET], "msg_1", timestamp, body)  # the text is what is signed


def test_what_is_signed_and_no_event_is_refused():
    with pytest.raises(NotVerified, match="cannot read the event"):
        verified(*sent({"type": "dev.adjudge.outcome.final"}))


def test_a_malformed_secret_is_the_receiver_s_own_fault():
    with pytest.raises(ValueError, match="a secret is whsec_"):
        verified(*sent(), "my secret!")
