"""Slips between releases: what is older and newer reads each other's while one is rolled out."""

import msgspec
import pytest
from tests.unit.engine.builders import a_slip

from adjudge.engine import slips
from adjudge.engine.slips import NewerSlip, Slip

FIRST_FIELDS = 15
"""Of the slips of 0.1.0, which had no version."""


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
