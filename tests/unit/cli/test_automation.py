"""What people read of automation; and that nobody but keepers loads what its statistics need."""

from datetime import UTC, datetime

import pytest

from adjudge.cli import automation
from adjudge.cli.refusing import Refused
from adjudge.client.automation import Certificate, Slice

STANDING = {
    "audits": 800,
    "threshold": 0.9123,
    "coverage": 0.71,
    "watch": {
        "audits": 120,
        "errors": 1,
        "evidence": 0.71,
        "suspended_at": 20.0,
        "detects": [{"times": 2.0, "audits": 765, "days": 11.2}, {"times": 10.0, "audits": 21, "days": None}],
    },
}
LICENSED = Slice(
    scope="certificate:claim.pay:north:3f2a9c01d5e7",
    type="claim.pay",
    slice="north",
    plan="claims",
    stage=0,
    deciders=("claim-risk@1",),
    locations=("oslo", "bergen"),
    target=0.01,
    confidence=0.9,
    state="licensed",
    reason="2 of 568 audits were wrong at 0.9123 and above",
    epoch=1,
    certificate="c-1",
    standing=STANDING,
)


def test_a_slice_is_a_row_with_its_figures():
    assert automation._slice(LICENSED) == (
        "claim.pay:north:3f2a9c01d5e7",
        "claim-risk@1",
        "licensed",
        "1%",
        "0.912",
        "71%",
        "800",
        "c-1",
    )


def test_a_slice_says_how_soon_a_rise_would_show():
    shown = "\n".join(automation._shown(LICENSED))

    assert "promise     at most 1% wrong, with 90% confidence" in shown
    assert "1 of 120 audited automated decisions wrong; evidence 0.71 of 20" in shown
    assert "×2 765 audits, 11 d; ×10 21 audits" in shown


def test_a_certificate_says_how_many_of_its_inputs_are_lost():
    body = {
        "target": 0.01,
        "confidence": 0.9,
        "threshold": 0.9,
        "coverage": 0.5,
        "errors": 1,
        "audits": 400,
        "upper_bound": 0.0099,
        "inputs": [{"lost": True}, {"lost": False}],
        "start": {"threshold": 0.99, "why": "calibrate-audits"},
        "delta": 0.0608,
        "valid_until": "2026-12-28T00:00:00Z",
    }
    found = Certificate(
        id="c-1", scope=LICENSED.scope, epoch=1, issued_at=datetime(2026, 11, 28, tzinfo=UTC), in_force=True, body=body
    )

    shown = "\n".join(automation._certificate(found))

    assert "c-1 (in force)" in shown
    assert "2 audits, 1 lost and counted as wrong" in shown
    assert "epoch 1: 0.0608 of 0.1" in shown


def test_a_slice_that_there_is_not_is_refused():
    assert automation._the("claim.pay:north:3f2a9c01d5e7", (LICENSED,)) is LICENSED
    with pytest.raises(Refused, match="no slice 'x'"):
        automation._the("x", (LICENSED,))
