"""How large batches become, by what they take."""

import random
from collections import deque

import pytest

from adjudge.streams.consuming.pacing import MEMORY, Pace


def settled(pace, seconds, batches=200, waiting=10_000):
    """Handle batches, each as large as it may be, until the size has come to rest; return the sizes."""
    sizes, now = [], 0.0
    for _ in range(batches):
        count = min(pace.most, waiting)
        sizes.append(count)
        pace.handled(count, now, now + seconds(count))
        now += seconds(count)
    return sizes


def one_after_the_other(seconds, *, seed, batches=3_000):
    """Handle two batches at once of which one waits for the other, every third with one message that is more urgent.

    Return the sizes of those between, when they have come to rest.
    """
    chance, pace, running, sizes, now, free = random.Random(seed), Pace(200, 0.1), deque(), [], 0.0, 0.0
    for number in range(batches):
        if len(running) == 2:
            count, began, now = running.popleft()
            pace.handled(count, began, now)
        is_urgent = number % 3 == 0
        count = 1 if is_urgent else pace.most_between
        free = max(free, now) + seconds(count) * chance.uniform(0.9, 1.1)
        running.append((count, now, free))
        sizes += [] if is_urgent else [count]
    return sizes[len(sizes) // 2 :]


def mean(sizes):
    return sum(sizes) / len(sizes)


def test_the_first_batch_has_one_message_and_the_next_are_quickly_as_large_as_they_may_be():
    assert settled(Pace(200, 0.1), lambda count: 0.008 + count * 1e-4, batches=4) == [1, 12, 130, 200]


def test_nothing_is_known_of_a_call_that_takes_long_by_itself_but_that_two_may_share_it():
    assert settled(Pace(200, 0.1), lambda count: 1.0, batches=9) == [1, 2, 4, 8, 16, 32, 64, 128, 200]


@pytest.mark.parametrize("each", [0.002, 0.005, 0.02, 0.04])
def test_a_batch_whose_time_grows_with_its_messages_takes_about_as_long_as_wished(each):
    """5 ms a message, and never 200 of them in one second, in front of which what is urgent would wait."""
    sizes = settled(Pace(200, 0.1), lambda count: 0.003 + each * count)

    assert max(0.003 + each * size for size in sizes) < 0.2
    assert 0.1 - each <= 0.003 + each * sizes[-1] <= 0.1


def test_a_message_that_alone_takes_longer_than_wished_is_handled_alone():
    assert settled(Pace(200, 0.1), lambda count: 0.001 + 2.0 * count)[-1] == 1


def test_a_call_that_costs_much_by_itself_is_shared():
    """A model behind a network takes 0.3 s for one question and little more for two hundred."""
    assert settled(Pace(200, 0.1), lambda count: 0.3 + 0.0005 * count)[-1] == 200


def test_three_quarters_of_the_highest_rate_are_kept_where_a_call_costs_more_than_wished():
    fixed, each = 0.5, 0.02
    size = settled(Pace(200, 0.1), lambda count: fixed + each * count)[-1]

    rate, highest = size / (fixed + each * size), 1 / each
    assert rate >= 0.73 * highest


@pytest.mark.parametrize("seed", range(20))
def test_times_that_scatter_by_half_change_little(seed):
    chance = random.Random(seed)
    sizes = settled(Pace(200, 0.1), lambda count: (0.003 + 0.005 * count) * chance.uniform(0.5, 1.5), batches=400)

    late = sizes[100:]
    assert 10 <= sum(late) / len(late) <= 30


def test_an_outage_is_forgotten_and_the_size_comes_back():
    """A batch that waited a minute for the database says nothing of the next hundred."""
    pace = Pace(200, 0.1)
    assert settled(pace, lambda count: 0.002 + 0.0001 * count)[-1] == 200
    pace.handled(200, 1_000.0, 1_060.0)
    assert pace.most < 20

    assert settled(pace, lambda count: 0.002 + 0.0001 * count, batches=2 * MEMORY)[-1] == 200


def test_a_model_that_becomes_slow_gets_smaller_batches_at_once():
    pace = Pace(200, 0.1)
    settled(pace, lambda count: 0.002 + 0.0001 * count)

    sizes = settled(pace, lambda count: 0.002 + 0.02 * count, batches=40)
    assert sizes[-1] <= 6
    assert sum(size > 20 for size in sizes) <= 4


def test_what_waits_may_be_less_than_a_batch():
    """Of messages that come one by one nothing is learnt but what one takes."""
    pace = Pace(200, 0.1)
    settled(pace, lambda count: 0.01, waiting=1)
    assert pace.most == 10


@pytest.mark.parametrize(("each", "expected"), [(0.3, 1), (0.025, 1), (0.005, 5), (0.001, 30)])
def test_between_what_is_more_urgent_a_batch_takes_two_fifths_of_the_time(each, expected):
    """A model with a lock: what is urgent waits for two batches, not for a tenth of a second each."""
    assert mean(one_after_the_other(lambda count: each * count, seed=1)) <= 1.1 * expected


def test_a_call_that_costs_the_same_whatever_is_in_it_is_shared_by_as_many_between_others():
    pace = Pace(200, 0.1)
    settled(pace, lambda count: 0.3 + 0.0005 * count)

    assert pace.most_between == 200


@pytest.mark.parametrize("seed", range(10))
def test_a_call_whose_time_scatters_is_shared_between_others_too(seed):
    chance, pace, now, sizes = random.Random(seed), Pace(200, 0.1), 0.0, []
    for _ in range(400):
        began, now = now, now + 0.2 * chance.lognormvariate(0, 0.5) + 0.0002 * pace.most_between
        sizes.append(pace.most_between)
        pace.handled(pace.most_between, began, now)

    assert mean(sizes[200:]) >= 120
