"""Cursors come back as they went out, and nothing else is one."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjudge.engine.feed.cursors import LONGEST, Cursors, InvalidCursor
from adjudge.store.feed import Mark, Position

CURSORS = Cursors(b"a key of this installation")
GENERATION = "7711562618674570575/0000001F"
moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
marks = st.builds(
    Mark,
    st.builds(Position, st.integers(0, 2**64 - 1), st.uuids(), st.integers(0, 2**31 - 1)),
    moments,
    st.just(GENERATION),
)


@given(mark=marks)
def test_a_mark_comes_back_as_it_was_in_letters_that_need_no_quoting(mark):
    sealed = CURSORS.seal(mark)

    assert CURSORS.open(sealed) == mark
    assert len(sealed) < LONGEST
    assert set(sealed) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(text=st.text(max_size=300))
def test_text_is_no_cursor(text):
    with pytest.raises(InvalidCursor):
        CURSORS.open(text)


@given(mark=marks, at=st.integers(0, 90), letter=st.sampled_from("Aab0_"))
def test_a_changed_cursor_is_no_cursor(mark, at, letter):
    sealed = CURSORS.seal(mark)
    changed = sealed[:at] + letter + sealed[at + 1 :]

    if changed[:-1] != sealed[:-1]:  # the last letter has bits to spare
        with pytest.raises(InvalidCursor):
            CURSORS.open(changed)


def test_a_cursor_of_another_installation_is_no_cursor():
    mark = Mark(Position(7, UUID(int=1), 1), datetime(2026, 12, 1, tzinfo=UTC), GENERATION)

    with pytest.raises(InvalidCursor):
        Cursors(b"another key").open(CURSORS.seal(mark))
