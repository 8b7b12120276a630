"""Answers and their keys, over all five spaces."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adjudge.core.answers import (
    LARGEST_STRUCTURE,
    Boolean,
    Candidates,
    Integer,
    Labels,
    OutsideSpace,
    Structured,
    canonical,
    close,
    keyed,
)

UNTIMED = settings(deadline=None)  # the machine may be busy
LABELS = Labels(("pay", "refuse", "true", "7"))
NUMBERS = Integer(-5, 12)
OBJECT = Structured(canonical({"type": "object", "properties": {"count": {"type": "integer", "minimum": 0}}}))
ANYTHING = Structured("{}")
SMALL = st.integers(-(2**40), 2**40)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | SMALL | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("space", "value"),
    [(LABELS, "pay"), (Boolean(), True), (Boolean(), False), (NUMBERS, -5), (NUMBERS, 12), (OBJECT, {"count": 3})],
)
def test_a_value_comes_back_from_its_key(space, value):
    key = space.key(value)

    assert type(key) is str
    assert space.value(key) == value
    assert space.holds(key)
    assert keyed(space, value) == keyed(space, key) == key


@UNTIMED
@given(value=JSON)
def test_structured_answers_come_back_from_their_keys(value):
    key = ANYTHING.key(value)

    assert ANYTHING.value(key) == value
    assert ANYTHING.holds(key)
    assert ANYTHING.key(ANYTHING.value(key)) == key


@pytest.mark.parametrize(
    ("space", "value"),
    [
        (LABELS, "Pay"),
        (LABELS, True),
        (LABELS, 7),
        (LABELS, None),
        (LABELS, ["pay"]),
        (Boolean(), 1),
        (Boolean(), "true"),
        (Boolean(), None),
        (NUMBERS, True),
        (NUMBERS, 13),
        (NUMBERS, 3.0),
        (NUMBERS, "3"),
        (OBJECT, {"count": -1}),
        (OBJECT, {"count": True}),
        (OBJECT, []),
        (ANYTHING, float("nan")),
        (ANYTHING, {"a": float("inf")}),
        (ANYTHING, {1, 2}),
        (ANYTHING, "\ud800"),
        (ANYTHING, "nul \0"),
        (ANYTHING, {"\\\0": 1}),
        (ANYTHING, "x" * LARGEST_STRUCTURE),
        (ANYTHING, nested(5_000)),
    ],
)
def test_what_may_not_be_answered_is_refused(space, value):
    with pytest.raises(OutsideSpace):
        space.key(value)


@pytest.mark.parametrize(
    ("space", "key"),
    [
        (LABELS, "other"),
        (Boolean(), "True"),
        (Boolean(), "1"),
        (NUMBERS, "+3"),
        (NUMBERS, "03"),
        (NUMBERS, "13"),
        (NUMBERS, "٣"),
        (NUMBERS, "3.0"),
        (NUMBERS, ""),
        (NUMBERS, "9" * 10_000),
        (OBJECT, '{"count": 3}'),
        (OBJECT, '{"count":3.0}'),
        (OBJECT, "{"),
        (OBJECT, "[" * 100_000),
    ],
)
def test_only_canonical_keys_are_held(space, key):
    assert not space.holds(key)


@pytest.mark.parametrize(
    ("space", "text", "key"),
    [
        (Boolean(), "true", "true"),
        (NUMBERS, "7", "7"),
        (OBJECT, '{ "count": 3 }', '{"count":3}'),
        (LABELS, "true", "true"),
        (ANYTHING, "plain text", '"plain text"'),
        (ANYTHING, r"\u0000", r'"\\u0000"'),
    ],
)
def test_deciders_may_answer_with_the_text_of_a_value(space, text, key):
    assert keyed(space, text) == key


@pytest.mark.parametrize(("space", "text"), [(Boolean(), "yes"), (NUMBERS, "7.5"), (NUMBERS, "[" * 100_000)])
def test_text_of_no_value_is_refused(space, text):
    with pytest.raises(OutsideSpace):
        keyed(space, text)


@pytest.mark.parametrize(
    ("one", "other"),
    [({"b": 1, "a": 2}, {"a": 2, "b": 1}), (1, 1.0), ({"a": [2.0]}, {"a": [2]}), ("é", "\u00e9"), (0, -0.0)],
)
def test_equal_values_have_one_canonical_text(one, other):
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), (1, "1"), (None, "null"), ([], {}), (1.5, 1)])
def test_different_values_have_different_texts(one, other):
    assert canonical(one) != canonical(other)


def test_canonical_text_is_compact_and_keeps_its_letters():
    assert canonical({"b": [1, None], "a": "żółw"}) == '{"a":"żółw","b":[1,null]}'


def test_a_requests_candidates_close_its_space():
    space = Candidates(("other", "none"))

    assert close(space, ("cola", "other")) == Labels(("cola", "other", "none"))
    assert close(space, None) == Labels(("other", "none"))
    assert close(LABELS, ("ignored",)) is LABELS


@pytest.mark.parametrize(("space", "size"), [(LABELS, 4), (Boolean(), 2), (NUMBERS, 18), (OBJECT, None)])
def test_the_size_of_a_space_is_known_where_it_is_finite(space, size):
    assert space.size() == size
