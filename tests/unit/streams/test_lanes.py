from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adjudge.streams.consuming.lanes import Batch, Lanes
from adjudge.streams.messages import Message

weights = st.dictionaries(st.sampled_from(["realtime", "standard", "bulk", "shadow"]), st.integers(1, 9), min_size=1)


def messages(lane, count, *, crashes=0, start=0):
    return [Message(f"{start + i}-0", "n", lane, b"", crashes) for i in range(count)]


@given(weights=weights, batch=st.integers(1, 20), counts=st.lists(st.integers(0, 50), min_size=4, max_size=4))
def test_every_message_comes_out_once_in_the_order_of_its_lane(weights, batch, counts):
    lanes = Lanes(weights, batch)
    added = {lane: messages(lane, count) for lane, count in zip(weights, counts, strict=False)}
    for lane, given_in in added.items():
        lanes.add(lane, given_in, claimed=False)

    taken = {lane: [] for lane in weights}
    while one := lanes.take():
        assert 1 <= len(one.messages) <= batch
        taken[one.lane] += one.messages

    assert taken == {lane: added.get(lane, []) for lane in weights}
    assert len(lanes) == 0


@given(weights=weights, batch=st.integers(1, 20))
def test_backlogged_lanes_are_served_in_the_proportion_of_their_weights(weights, batch):
    lanes = Lanes(weights, batch)
    for lane in weights:
        lanes.add(lane, messages(lane, 10_000), claimed=False)

    served = Counter()
    for _ in range(200):
        one = lanes.take()
        served[one.lane] += len(one.messages)

    shares = [served[lane] / weight for lane, weight in weights.items()]
    assert max(shares) - min(shares) <= batch  # never apart by more than one batch of the lightest lane


def test_a_lane_that_was_empty_gets_no_credit_for_its_absence():
    lanes = Lanes({"standard": 1, "bulk": 1}, batch=10)
    lanes.add("standard", messages("standard", 1_000), claimed=False)
    for _ in range(50):
        lanes.take()

    lanes.add("bulk", messages("bulk", 1_000), claimed=False)

    assert Counter(lanes.take().lane for _ in range(20))["standard"] in {9, 10, 11}


def test_what_was_claimed_goes_before_what_was_read_and_not_in_one_batch_with_it():
    lanes = Lanes({"standard": 1}, batch=10)
    lanes.add("standard", messages("standard", 3, start=100), claimed=False)
    lanes.add("standard", messages("standard", 2, crashes=1), claimed=True)

    first, second = lanes.take(), lanes.take()

    assert [first.claimed, len(first.messages)] == [True, 2]
    assert [second.claimed, len(second.messages)] == [False, 3]


def test_a_suspect_is_alone_in_its_batch_so_that_it_takes_no_other_along():
    lanes = Lanes({"standard": 1}, batch=10)
    lanes.add("standard", messages("standard", 2, crashes=1), claimed=True)
    lanes.add("standard", messages("standard", 2, crashes=2, start=10), claimed=True)
    lanes.add("standard", messages("standard", 2, crashes=1, start=20), claimed=True)

    batches = [lanes.take() for _ in range(4)]

    assert [(len(one.messages), one.suspect) for one in batches] == [(2, False), (1, True), (1, True), (2, False)]


@given(counts=st.lists(st.integers(0, 12), min_size=3, max_size=3), at_least=st.integers(1, 10))
def test_a_lane_has_room_for_what_its_batch_lacks(counts, at_least):
    lanes = Lanes({"a": 1, "b": 1, "c": 1}, batch=10)
    for lane, count in zip("abc", counts, strict=True):
        lanes.add(lane, messages(lane, count), claimed=False)

    room = {lane: 10 - count for lane, count in zip("abc", counts, strict=True)}
    assert lanes.with_room(at_least) == {lane: free for lane, free in room.items() if free >= at_least}


@pytest.mark.parametrize(("weights", "batch"), [({}, 1), ({"a": 0}, 1), ({"a": 1}, 0)])
def test_lanes_without_weight_or_batch_are_refused(weights, batch):
    with pytest.raises(ValueError, match="at least 1"):
        Lanes(weights, batch)


@given(weights=weights, counts=st.lists(st.integers(0, 30), min_size=4, max_size=4), claimed=st.booleans())
def test_one_by_one_messages_come_in_the_order_of_batches_of_one(weights, counts, claimed):
    one_by_one, batches = Lanes(weights, 1), Lanes(weights, 1)
    for lanes in (one_by_one, batches):
        for lane, count in zip(weights, counts, strict=False):
            lanes.add(lane, messages(lane, count), claimed=claimed)

    expected = []
    while batch := batches.take():
        expected += batch.messages
    found = []
    while one := one_by_one.take_one(1):
        found += one.messages if isinstance(one, Batch) else [one]

    assert found == expected
    assert len(one_by_one) == 0
