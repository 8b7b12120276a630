"""What people read of automation; and that nobody but keepers loads what its statistics need."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from adjudge.cli import automation
from adjudge.cli.automation_in_words import certificate_lines, slice_lines, slice_row
from adjudge.cli.refusing import Refused
from adjudge.client.automation import Calibration, Certificate, ReliabilityBin, Slice

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
    assert slice_row(LICENSED) == (
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
    shown = "\n".join(slice_lines(LICENSED))

    assert "promise     at most 1% wrong, with 90% confidence" in shown
    assert "1 of 120 audited automated decisions wrong; evidence 0.71 of 20" in shown
    assert "×2 after about 765 audits, 11 d; ×10 after about 21 audits" in shown


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

    shown = "\n".join(certificate_lines(found))

    assert "c-1 (in force)" in shown
    assert "2 audits, 1 lost and counted as wrong" in shown
    assert "epoch 1: 0.0608 of 0.1" in shown


def test_a_certificate_says_what_a_confidence_means_here():
    """Which calibrator was chosen, by what, and how reliable it is."""
    bins = (ReliabilityBin(0.62, 0.6, 50), ReliabilityBin(0.97, 0.98, 51))
    losses = {"none": 0.4123, "temperature": 0.3712}
    calibration = Calibration({"kind": "temperature", "temperature": 1.8}, losses, 0.0153, bins, 101)
    body = {"target": 0.01, "errors": 1, "audits": 400, "upper_bound": 0.0099, "coverage": 0.5, "delta": 0.06}

    shown = certificate(**body, start={"threshold": 0.9, "why": "one-error"}, calibration=calibration)

    assert "temperature, by 101 audits; log loss of those held out: none 0.412, temperature 0.371" in shown
    reliability = shown.partition("reliability")[2].splitlines()
    assert [line.strip() for line in reliability] == [
        "off by 0.015 on average:",
        "0.620 is right in 0.600 of 50",
        "0.970 is right in 0.980 of 51",
    ]


PEOPLE = {"votes": 3, "margin": 0.01, "over": "plan"}
PROMISE = "the whole plan at most 1 point worse than a majority of 3 people"


def test_a_slice_that_is_compared_with_people_says_so_in_each_line():
    watch = {
        "audits": 120,
        "only_model_wrong": 2,
        "only_people_wrong": 5,
        "evidence": 0.71,
        "suspended_at": 20.0,
        "detects": [{"worse_by": 0.05, "audits": 254, "days": 5.1}],
    }
    compared = msgspec.structs.replace(
        LICENSED, people=PEOPLE, promise=PROMISE, target=0.01, standing={**STANDING, "watch": watch}
    )

    shown = "\n".join(slice_lines(compared))

    assert slice_row(compared)[3] == "3 people +1"
    assert f"promise     {PROMISE}, with 90% confidence" in shown
    assert "of 120 audited decisions only the model or plan wrong in 2, only people in 5; evidence 0.71 of 20" in shown
    assert "rise shows  5 points worse after about 254 audits, 5 d" in shown


def certificate(*, calibration: Calibration | None = None, **body: Any) -> str:
    usual = {"confidence": 0.9, "threshold": 0.9, "inputs": [], "valid_until": "2026-12-28T00:00:00Z"}
    found = Certificate(
        id="c-2",
        scope=LICENSED.scope,
        epoch=1,
        issued_at=datetime(2026, 11, 28, tzinfo=UTC),
        in_force=True,
        body={**usual, **body},
        calibration=calibration,
    )
    return "\n".join(certificate_lines(found))


def test_a_certificate_against_people_says_on_what_it_rests():
    tested = {"coverage": 0.5, "start": {"threshold": 0.9, "why": "calibrate-audits"}, "delta": 0.06}

    shown = certificate(
        target=0.01, people=PEOPLE, audits=400, only_model_wrong=2, only_people_wrong=9, p_value=0.0213, **tested
    )

    assert f"promise     {PROMISE}, with 90% confidence" in shown
    assert "of 400 audits only the model or plan wrong in 2, only people in 9; p = 0.0213" in shown


def test_a_certificate_that_a_slice_has_from_its_group_names_that():
    shown = certificate(
        target=0.01,
        inherits="c-1",
        siblings=20,
        money={"minor": 50_000, "currency": "USD"},
        **{"from": "certificate:claim.pay:region=north:3f2a"},
    )

    assert "promise     at most 1% of the stake wrong, of stakes up to 500.00 USD, with 90% confidence" in shown
    assert "evidence    that of c-1, of its group claim.pay:region=north:3f2a, one of 20 slices" in shown


def test_a_slice_that_there_is_not_is_refused():
    assert automation._the("claim.pay:north:3f2a9c01d5e7", (LICENSED,)) is LICENSED
    with pytest.raises(Refused, match="no slice 'x'"):
        automation._the("x", (LICENSED,))
