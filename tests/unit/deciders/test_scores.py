import math
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adjudge.core.answers import Boolean, Integer, Labels, OutsideSpace, Structured, canonical, keyed
from adjudge.deciders import frames, scores
from adjudge.deciders.results import Claim
from adjudge.deciders.scores import Garbage, Odd, Reader, Scores

LABELS = Labels(("pay", "refuse", "other"))
PLACE = Structured(canonical({"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}}))
SPACES = [LABELS, Boolean(), Integer(0, 3), PLACE]


class Verdict(str, Enum):  # noqa: UP042  the `str` of this kind is its name
    PAY = "pay"


class Count(IntEnum):
    TWO = 2


class Float32:
    """As array libraries have them: no float, but can become one."""

    def __float__(self) -> float:
        return 0.5


class Hostile(dict):
    def items(self):
        raise KeyError("broken")

    def __repr__(self):
        raise RuntimeError("even this")


def read(space, result):
    return Reader().read(space, result)


@pytest.mark.parametrize(
    ("space", "result", "distribution"),
    [
        (LABELS, {"pay": 0.9, "refuse": 0.1}, {"pay": 0.9, "refuse": 0.1}),
        (LABELS, {"pay": 1}, {"pay": 1.0}),
        (LABELS, [("pay", 0.5), ["refuse", 0.5]], {"pay": 0.5, "refuse": 0.5}),
        (LABELS, MappingProxyType({"pay": 1.0}), {"pay": 1.0}),
        (LABELS, {Verdict.PAY: 1.0}, {"pay": 1.0}),
        (LABELS, {"pay": Float32(), "other": Decimal("0.5")}, {"pay": 0.5, "other": 0.5}),
        (Boolean(), {True: 0.7, False: 0.3}, {"true": 0.7, "false": 0.3}),
        (Boolean(), {"true": 0.7, "false": 0.3}, {"true": 0.7, "false": 0.3}),
        (Integer(0, 3), {0: 0.2, Count.TWO: 0.8}, {"0": 0.2, "2": 0.8}),
        (Boolean(), {np.True_: 0.9, np.False_: 0.1}, {"true": 0.9, "false": 0.1}),
        (PLACE, {'{ "x": 1 }': 1.0}, {'{"x":1}': 1.0}),
        (PLACE, [({"x": 1}, 0.5), ({"x": 2}, 0.5)], {'{"x":1}': 0.5, '{"x":2}': 0.5}),
    ],
)
def test_each_form_of_a_result_is_read_in_its_space(space, result, distribution):
    found = read(space, result)

    assert found.distribution == distribution
    assert all(type(key) is str for key in found.distribution)
    assert all(type(each) is float for each in found.distribution.values())


def test_a_result_of_none_abstains():
    assert read(LABELS, None) == Scores(None, 0.0, None)


def test_of_equals_at_the_top_the_smallest_key_is_the_answer_and_confidence_stands():
    assert read(LABELS, {"refuse": 0.4, "pay": 0.4, "other": 0.2})[:2] == ("pay", 0.4)


def test_probabilities_may_be_a_thousandth_off_and_are_left_so():
    assert read(LABELS, {"pay": 0.9, "refuse": 0.1009}).distribution == {"pay": 0.9, "refuse": 0.1009}


@pytest.mark.parametrize(
    ("space", "result", "why"),
    [
        (LABELS, {"pay": 0.9, "refuse": 0.1011}, "the probabilities add up to 1.0011, not 1"),
        (LABELS, {"pay": 0.9}, "the probabilities add up to 0.9, not 1"),
        (LABELS, {"pay": math.nan}, "'pay' has nan, which is not a probability"),
        (LABELS, {"pay": 0.5, "refuse": math.nan}, "'refuse' has nan"),
        (LABELS, {"pay": math.inf, "refuse": -math.inf}, "'pay' has inf"),
        (LABELS, {"pay": 1.1, "refuse": -0.1}, "'pay' has 1.1"),
        (LABELS, {"pay": 1.0000001}, "'pay' has 1.0000001"),
        (LABELS, {"pay": 1.0, "refuse": -1e-9}, "'refuse' has -1e-09"),
        (LABELS, {"pay": "0.5", "refuse": 0.5}, "'0.5' is not a probability"),
        (LABELS, {"pay": None}, "None is not a probability"),
        (LABELS, {"pay": True}, "True is not a probability"),
        (LABELS, {"pay": np.True_}, "True_ is not a probability"),
        (LABELS, Claim("pay", True), "True is not a probability"),
        (LABELS, {"Pay": 1.0}, "'Pay' is not one of pay, refuse, other"),
        (LABELS, {"pay": 0.5, 1: 0.5}, "1 is not one of"),
        (LABELS, {}, "it names no answer; None abstains"),
        (LABELS, "pay", "'pay' is not a mapping from answer to probability"),
        (LABELS, 0.9, "0.9 is not a mapping from answer to probability"),
        (LABELS, ["pay"], "'pay' is not a pair of answer and probability"),
        (LABELS, [("pay", 0.5), ("pay", 0.5)], "it names 'pay' twice"),
        (LABELS, Hostile(), "KeyError: 'broken' (test_scores.py:"),
        (LABELS, {object: 1.0}, "<class 'object'> is not an answer"),
        (Boolean(), {1: 1.0}, "1 is not true or false"),
        (Boolean(), {True: 0.5, "true": 0.5}, "it names 'true' twice"),
        (Integer(0, 3), {4: 1.0}, "4 is not a whole number from 0 to 3"),
        (Integer(0, 3), {True: 1.0}, "True is not a whole number from 0 to 3"),
        (PLACE, {'{"y": 1}': 1.0}, '"x" is a required property'),
        (PLACE, [({"x": {1, 2}}, 1.0)], "not JSON serializable"),
    ],
)
def test_what_is_no_distribution_over_the_space_is_garbage_and_says_why(space, result, why):
    with pytest.raises(Garbage) as raised:
        read(space, result)

    assert why in str(raised.value)


def test_what_another_process_says_of_a_result_is_said_whole_and_nothing_else():
    """It used to be cut short in the middle, and called no mapping."""
    said = "'pay' has 1.1, which is not a probability (a result of the model's own process)"

    with pytest.raises(Garbage) as raised:
        read(LABELS, Odd(said))

    assert str(raised.value) == said


def test_a_result_without_end_is_refused():
    result = [("pay", 0.0)] * (scores.MOST_ANSWERS + 1)

    with pytest.raises(Garbage, match="more than 10000 answers"):
        read(LABELS, result)


def test_structured_answers_are_bounded_together():
    structures = Structured(canonical({"type": "string"}))

    with pytest.raises(Garbage, match="characters together"):
        read(structures, [(f'"{letter * 16_000}"', 0.2) for letter in "abcde"])


def test_a_shared_space_is_not_mistaken_for_another():
    reader = Reader()

    assert reader.read(LABELS, {"other": 1.0}).answer == "other"
    with pytest.raises(Garbage):
        reader.read(Labels(("pay", "refuse")), {"other": 1.0})


answers = st.one_of(
    st.sampled_from(["pay", "refuse", "other", "true", "2", '{"x": 1}', '{"x": "a"}', "\ud800", "[" * 9999]),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.none(),
    st.text(max_size=3),
    st.tuples(st.integers()),
    st.sampled_from([Verdict.PAY, Count.TWO, b"pay", Decimal(1), object()]),
)
probabilities = st.one_of(
    st.sampled_from([0.0, 1.0, 0.5, 0.25, 0, 1, True, Float32(), "1", None]), st.floats(), st.integers()
)
results = st.one_of(
    st.none(),
    st.dictionaries(answers, probabilities, max_size=3),
    st.lists(st.tuples(answers, probabilities), max_size=3),
    st.lists(st.tuples(st.fixed_dictionaries({"x": answers}), probabilities), max_size=2),
    st.lists(answers, max_size=3),
    st.sampled_from([Hostile(), Hostile, iter([]), "pay", b"", 1.0, object(), Odd("odd")]),
)


def judged(space, result):
    try:
        return read(space, result)
    except Garbage:
        return "garbage"


@given(space=st.sampled_from(SPACES), result=results)
def test_whatever_is_returned_what_is_read_is_a_distribution_over_the_space(space, result):
    """Promise 3: a malformed score never accepts."""
    found = judged(space, result)

    if found != "garbage" and found.answer is not None:
        assert found.confidence == found.distribution[found.answer] == max(found.distribution.values())
        assert all(0 <= each <= 1 for each in found.distribution.values())
        assert abs(sum(found.distribution.values()) - 1) <= 1.001e-3
        assert all(_is_key(space, key) for key in found.distribution)
        assert msgspec.json.decode(msgspec.json.encode(found.distribution)) == found.distribution


@example(space=Integer(0, 3), result={Decimal(1): 1.0})  # serialisers write it as "1"
@given(space=st.sampled_from(SPACES), result=results)
def test_a_result_is_judged_alike_here_and_from_another_process(space, result):
    frame = frames.write_up(frames.Results([frames.portable(result)]))
    (carried,) = frames.read_reply(frame[frames.HEAD.size :])

    assert judged(space, carried) == judged(space, result)


def _is_key(space, key):
    try:
        return keyed(space, key) == key
    except OutsideSpace:
        return False
