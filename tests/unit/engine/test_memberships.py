"""A group's evidence is what was audited while its slices were in it."""

from uuid import UUID

import msgspec
from tests.unit.engine.slices import COVERS, NOW

from adjudge.engine.certificates import memberships
from adjudge.store.automation.audited import Waiting
from adjudge.store.automation.covers import Membership


def a_group(*members: str):
    return msgspec.structs.replace(COVERS, slice="region=north", members=members)


def audit(number: int, slice_: str) -> Waiting:
    return Waiting(decision_id=UUID(int=number), number=number, role="certify", rate=1.0, asked_at=NOW, slice=slice_)


def test_who_is_there_at_first_counts_from_the_beginning_and_who_comes_or_goes_from_then_on():
    first = memberships.noted(None, a_group("a", "b"), 100)
    second = memberships.noted(first, a_group("a", "c"), 200)
    third = memberships.noted(second, a_group("a", "b", "c"), 300)

    rows = [audit(number, name) for name in ("a", "b", "c") for number in (50, 250, 350)]
    kept = [(row.slice, row.number) for row in memberships.while_members(rows, third.memberships)]
    assert kept == [("a", 50), ("a", 250), ("a", 350), ("b", 50), ("b", 350), ("c", 250), ("c", 350)]
    at = memberships.Members(third).at
    assert [at(1), at(200), at(201), at(300), at(301)] == [
        ("a", "b"),
        ("a", "b"),
        ("a", "c"),
        ("a", "c"),
        ("a", "c", "b"),
    ]
    assert memberships.Members(COVERS).at(3) == ("all",)
    assert memberships.counted_after(third) == [0, 300, 200]
    assert second.sources(150) == ("a", "c", "b")
    assert second.sources(200) == ("a", "c"), "of who has gone nothing more comes"
    assert memberships.noted(third, a_group("c", "b", "a"), 400).memberships == third.memberships


def test_groups_of_before_that_was_noted_have_who_is_in_them_from_the_beginning():
    before = a_group("a", "b")

    now = memberships.noted(before, a_group("b"), 70)

    assert now.memberships == (Membership(slice="a", until=70), Membership(slice="b"))
    assert memberships.while_members([audit(1, "x")], ()) == [audit(1, "x")]


def test_a_slice_is_no_group():
    assert memberships.noted(None, COVERS, 5) == COVERS
