"""How far behind a queue is, and how fast it is answered."""

import pytest

from adjudge.engine.queues import LEAST_RATE, LIKELY_RATE, Length, Queue

BATCH = 200


def looked_at(queue, lengths, every=0.1, begin=100.0):
    """Show a queue these lengths, one after the other; return how far behind it was after each."""
    behind = []
    for n, length in enumerate(lengths):
        queue.measured(length, begin + n * every)
        behind.append(queue.seconds_behind)
    return behind


def answered(rate, unfinished=1_000, every=0.1, looks=30):
    """A queue that is kept at this length while `rate` a second are answered."""
    return [Length(unfinished, unfinished, unfinished + round(n * every * rate), 1.0) for n in range(looks)]


def test_how_fast_a_queue_is_answered_is_learnt_while_something_is_left_unread():
    assert looked_at(Queue(), answered(2_000))[-1] == pytest.approx(0.5)
    assert looked_at(Queue(), answered(80))[-1] == pytest.approx(12.5)


def test_before_that_is_known_a_queue_is_as_far_behind_as_its_oldest_has_waited():
    """A quick model in its first burst is no slow one: nothing is refused for a rate that nobody has seen."""
    assert looked_at(Queue(), [Length(5_000, 5_000, 5_000, 0.08)]) == [0.08]


def test_one_question_that_a_dead_worker_holds_does_not_close_the_queue():
    """It waits for its lease, half a minute; those that come after it do not."""
    assert looked_at(Queue(), [Length(0, 1, 1_000, 25.0)]) == [0.0]
    assert looked_at(Queue(), [Length(10, 11, 1_000, 25.0)]) == [10 / LIKELY_RATE]


def test_a_model_that_hangs_is_no_reason_to_refuse():
    """What was put to it goes on to people when its time is over; two answers in ten seconds are no capacity."""
    assert looked_at(Queue(), answered(0.2, unfinished=100, every=1.0, looks=60))[-1] == 100 / LEAST_RATE


def test_what_other_replicas_let_in_is_not_taken_for_slowness():
    """The broker counts what came in, whoever sent it."""
    queue = Queue()
    looked_at(queue, answered(2_000))

    assert queue.seconds_behind == pytest.approx(0.5)


def test_a_queue_with_little_to_do_shows_nothing():
    """All was read when it was looked at: how long it had been idle, nobody knows."""
    queue = Queue()
    looked_at(queue, [Length(0, 3, n, 0.01) for n in range(30)])
    looked_at(queue, [Length(50, 400, 400, 0.02)], begin=200.0)

    assert queue.seconds_behind == 0.02


def test_answers_that_come_in_batches_of_two_seconds_are_counted_over_as_long():
    """100 a second, 200 at a time: between two batches it does not stand still, and with one it does not run."""
    lengths = [Length(1_000, 1_000, 1_000 + BATCH * (n // 20), 1.0) for n in range(200)]

    assert looked_at(Queue(), lengths)[-1] == pytest.approx(10.0, rel=0.1)


def test_a_queue_that_becomes_quicker_is_believed_at_once_and_one_that_becomes_slower_by_and_by():
    queue = Queue()
    looked_at(queue, answered(100), begin=100.0)
    quicker = looked_at(queue, answered(1_000), begin=200.0)
    slower = looked_at(queue, answered(100, looks=60), begin=300.0)

    assert quicker[-1] == pytest.approx(1.0)
    assert slower[0] < slower[8] < slower[-1]
    assert slower[-1] > 9


def test_a_broker_that_lost_its_data_teaches_nothing():
    queue = Queue()
    looked_at(queue, answered(100))
    looked_at(queue, [Length(10, 10, 10, 0.1)] * 10, begin=200.0)

    assert queue.seconds_behind == pytest.approx(0.1)
