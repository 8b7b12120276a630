"""A number and its noun, as people read them."""

from adjudge.core.counting import counted


def test_one_is_no_plural():
    assert [counted(number, "vote") for number in (0, 1, 2, 2000)] == ["0 votes", "1 vote", "2 votes", "2000 votes"]
    assert [counted(number, "person", "people") for number in (1, 3)] == ["1 person", "3 people"]
