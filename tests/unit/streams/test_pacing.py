"""How large batches become, by what they take."""

import random

import pytest

from adjudge.streams.pacing import MEMORY, Pace


def settled(pace, seconds, batches=200, waiting=10_000):
    """Handle batches, each as large as it may be, until the size has come to rest; return the sizes."""
    sizes = []
    for _ in range(batches):
        count = min(pace.most, waiting)
        sizes.append(count)
        pace.handled(count, seconds(count))
    return sizes


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
    pace.handled(200, 60.0)
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
