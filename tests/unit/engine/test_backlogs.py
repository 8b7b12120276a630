"""How far behind a backlog is, and how fast it is answered."""

import math

import pytest

from adjudge.engine.admission.backlogs import LEAST_RATE, LIKELY_RATE, LOOK_AGAIN, LOOKS, Backlog, Length

BATCH = 200


def looked_at(backlog, lengths, every=0.1, begin=100.0):
    """Show a backlog these lengths, one after the other; return how far behind it was after each. Calls: 10 s."""
    behind = []
    for n, length in enumerate(lengths):
        backlog.measured(length, begin + n * every, 10.0)
        behind.append(backlog.seconds_behind)
    return behind


def answered(rate, unread=1_000, every=0.1, looks=30, in_work=0):
    """A backlog that is kept at this length while `rate` a second are answered."""
    whole = unread + in_work
    return [Length(unread, whole, whole + math.floor(n * every * rate), 1.0) for n in range(looks)]


def test_how_fast_a_backlog_is_answered_is_learnt_while_something_is_left_unread():
    assert looked_at(Backlog(), answered(2_000))[-1] == pytest.approx(0.5)
    assert looked_at(Backlog(), answered(80))[-1] == pytest.approx(12.5)


def test_before_that_is_known_a_backlog_is_as_far_behind_as_its_oldest_has_waited():
    """A quick model in its first burst is no slow one: nothing is refused for a rate that nobody has seen."""
    assert looked_at(Backlog(), [Length(5_000, 5_000, 5_000, 0.08)]) == [0.08]


def test_one_question_that_a_dead_worker_holds_does_not_close_the_backlog():
    """It waits for its lease, half a minute; those that come after it do not."""
    assert looked_at(Backlog(), [Length(0, 1, 1_000, 25.0)]) == [0.0]
    assert looked_at(Backlog(), [Length(10, 11, 1_000, 25.0)]) == [10 / LIKELY_RATE]


def test_a_model_that_hangs_is_no_reason_to_refuse():
    """What was put to it goes on to people when its time is over; two answers in ten seconds are no capacity."""
    hangs = answered(0.2, unread=100, in_work=2, every=1.0, looks=60)

    assert looked_at(Backlog(), hangs, every=1.0)[-1] == 100 / LEAST_RATE


def test_many_workers_whose_calls_hang_are_no_reason_to_refuse_either():
    """Something ends every half second; but as long ago as a call may take it was begun."""
    hangs = answered(2, unread=100, in_work=20, looks=600)

    assert looked_at(Backlog(), hangs)[-1] == 100 / LEAST_RATE


@pytest.mark.parametrize("rate", [1, 5, 20, 40])
def test_a_model_that_answers_few_is_believed_to_answer_no_more(rate):
    """What is let in beyond that falls back, unasked, when its time is over."""
    slow = answered(rate, unread=100, in_work=2, looks=300)

    assert looked_at(Backlog(), slow)[-1] == pytest.approx(100 / rate, rel=0.25)


def test_two_answers_close_together_do_not_make_a_model_quicker_than_it_is():
    """Two a second, in pairs half a second apart and then one and a half."""
    pairs = [2 * (n // 20) * 2 + 2 * (n % 20 >= 5) for n in range(300)]
    lengths = [Length(100, 102, 102 + answers, 1.0) for answers in pairs]

    behind = looked_at(Backlog(), lengths)[100:]

    assert min(behind) >= 0.8 * 100 / 2


def test_the_time_before_workers_begin_is_no_slowness_of_theirs():
    """What was asked five seconds before they had started, and is answered within one."""
    lengths = [Length(2_600, 2_600, 2_600, 0.1 * n) for n in range(50)]
    lengths += [Length(2_600 - 200 * n, 2_800 - 200 * n, 2_600, 5.0) for n in range(1, 10)]

    assert max(looked_at(Backlog(), lengths)[50:]) <= 5.0


def test_what_was_let_in_since_the_last_look_comes_behind_what_was_unread():
    backlog = Backlog()
    looked_at(backlog, answered(100, unread=50))
    before = backlog.seconds_behind
    for n in range(40):
        backlog.enter(f"store-{n}", 103.0)

    assert (before, backlog.seconds_behind) == (pytest.approx(0.5), pytest.approx(0.9))


def test_what_other_replicas_let_in_is_not_taken_for_slowness():
    """The broker counts what came in, whoever sent it."""
    backlog = Backlog()
    looked_at(backlog, answered(2_000))

    assert backlog.seconds_behind == pytest.approx(0.5)


def test_a_backlog_with_little_to_do_shows_nothing():
    """All was read when it was looked at: how long it had been idle, nobody knows."""
    backlog = Backlog()
    looked_at(backlog, [Length(0, 3, n, 0.01) for n in range(30)])
    looked_at(backlog, [Length(50, 400, 400, 0.02)], begin=200.0)

    assert backlog.seconds_behind == 0.02


def test_answers_that_come_in_batches_of_two_seconds_are_counted_over_as_long():
    """100 a second, 200 at a time: between two batches it does not stand still, and with one it does not run."""
    lengths = [Length(1_000, 1_000, 1_000 + BATCH * (n // 20), 1.0) for n in range(200)]

    assert looked_at(Backlog(), lengths)[-1] == pytest.approx(10.0, rel=0.1)


def test_a_backlog_that_becomes_quicker_is_believed_at_once_and_one_that_becomes_slower_by_and_by():
    backlog = Backlog()
    looked_at(backlog, answered(100), begin=100.0)
    quicker = looked_at(backlog, answered(1_000), begin=200.0)
    slower = looked_at(backlog, answered(100, looks=60), begin=300.0)

    assert quicker[-1] == pytest.approx(1.0)
    assert slower[0] < slower[8] < slower[-1]
    assert slower[-1] > 9


def test_a_broker_that_lost_its_data_teaches_nothing():
    backlog = Backlog()
    looked_at(backlog, answered(100))
    looked_at(backlog, [Length(10, 10, 10, 0.1)] * 10, begin=200.0)

    assert backlog.seconds_behind == pytest.approx(0.1)


@pytest.mark.parametrize(("rate", "after"), [(20, 2), (200, 20), (5_000, LOOK_AGAIN)])
def test_what_a_slow_model_was_given_is_looked_at_sooner(rate, after):
    """A hundred questions are half a second of one that answers two hundred, and five of one that answers twenty."""
    backlog = Backlog()
    looked_at(backlog, answered(rate, unread=100, in_work=2, looks=100))

    for _ in range(after - 1):
        backlog.enter("store-1", 200.0)
    before = backlog.looks_due
    backlog.enter("store-1", 200.0)

    assert (before, backlog.looks_due) == (0, LOOKS)


def test_a_location_has_a_share_of_a_backlog_whose_rate_nobody_knows_yet():
    """The first burst is the longest: until its rate was seen a model was given all that came."""
    backlog = Backlog()
    backlog.measured(Length(60, 60, 60, 0.3), 100.0, 10.0)
    backlog.enter("store-2", 100.0)
    for _ in range(round(LIKELY_RATE) // 2 - 1):
        backlog.enter("store-1", 100.0)
    before = backlog.has_its_share("store-1", 100.0)
    backlog.enter("store-1", 100.0)

    assert (before, backlog.has_its_share("store-1", 100.0)) == (False, True)


def test_nobody_goes_behind_others_for_questions_that_were_answered_since_the_last_look():
    """1,000 a second for a decider that answers them at once: of those let in since then hardly any still waits."""
    backlog = Backlog()
    first = []
    for n in range(4_000):
        now, location = 100.0 + n / 1_000, "store-1" if n % 2 else f"store-{n % 8}"
        if n % 300 == 0:
            backlog.measured(Length(0, 5, n, 0.01), now, 10.0)
        first.append(backlog.goes_first(location, now))
        backlog.enter(location, now)

    assert all(first[2_000:])


def test_what_another_lane_has_shown_counts_until_this_one_shows_it():
    backlog = Backlog()
    backlog.believe(50.0)
    believed = looked_at(backlog, [Length(100, 100, 100, 1.0)])
    shown = looked_at(backlog, answered(200, unread=100), begin=200.0)

    assert (believed, shown[-1]) == ([2.0], pytest.approx(0.5))
