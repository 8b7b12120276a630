"""Slips between releases: what is older and newer reads each other's while one is rolled out."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from tests.builders import NOON, a_case

from adjudge.core.events import Asked
from adjudge.engine import slips
from adjudge.engine.slips import NewerSlip, Slip

FIRST_FIELDS = 15
"""Of the slips of 0.1.0, which had no version."""


def a_slip(**more) -> Slip:
    return Slip(
        decision=UUID(int=7),
        revision=1,
        type="claim.pay",
        location="default",
        stage=0,
        decider="claim-risk@1",
        version=0,
        case=a_case(),
        events=(Asked(at=NOON, stage=0, deciders=("claim-risk@1",), until=NOON + timedelta(seconds=1)),),
        evidence=b"{}",
        subject=b"{}",
        trace=None,
        until=NOON + timedelta(seconds=1),
        reply=None,
        **more,
    )


def fields(slip: Slip) -> list[object]:
    return msgspec.msgpack.decode(slips.entry(slip, "standard").body)


def test_a_slip_of_the_first_release_is_read():
    old = msgspec.msgpack.encode(fields(a_slip())[:FIRST_FIELDS])

    assert slips.read(old) == a_slip()


def test_what_a_newer_release_adds_is_passed_over():
    newer = msgspec.msgpack.encode([*fields(a_slip()), "something new"])

    assert slips.read(newer) == a_slip()


def test_the_first_fields_stay_where_they_are():
    """They are read by position."""
    names = [field.name for field in msgspec.structs.fields(Slip)]

    assert " ".join(names[:FIRST_FIELDS]) == (
        "decision revision type location stage decider version case events evidence subject trace until reply resent"
    )
    assert all(not field.required for field in msgspec.structs.fields(Slip)[FIRST_FIELDS:])


def test_a_slip_that_means_something_else_is_left_to_others():
    newer = slips.entry(a_slip(v=slips.VERSION + 1), "standard").body

    with pytest.raises(NewerSlip):
        slips.read(newer)
