"""Which labels nobody could tell apart."""

import pytest

from adjudge.core.alike import indistinguishable


@pytest.mark.parametrize(
    "other",
    [
        *("crate ", " crate", "crate\u00a0", "cra\u200bte", "crate\ufeff", "cra\u00adte", "\u200ecrate"),
        *("\u2068crate\u2069", "crate\u061c", "cra\u2063te"),
    ],
)
def test_what_is_not_seen_tells_no_labels_apart(other):
    assert list(indistinguishable(("crate", "box", other))) == [("crate", other)]


def test_one_character_may_be_put_together_in_two_ways():
    assert list(indistinguishable(("caf\u00e9", "cafe\u0301"))) == [("caf\u00e9", "cafe\u0301")]


def test_what_joins_characters_is_seen():
    """In Persian a letter has another form, and an emoji is another one."""
    assert list(indistinguishable(("\u0645\u06cc\u062e", "\u0645\u06cc\u200c\u062e"))) == []
