"""What lies before a reviewer: held answers, undo, prefetch, leases."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adjudge.cli.reviewing.desk import (
    AGAIN_SECONDS,
    HELD_SECONDS,
    IDLE_SECONDS,
    Ask,
    Deliver,
    Desk,
    Release,
    Renew,
    Say,
    Show,
)
from adjudge.cli.reviewing.entering import Answered, Skipped
from adjudge.client import Claim, Empty

PAY, REFUSE = Answered("pay"), Answered("refuse")
LEASE = 120.0


@pytest.fixture
def desk(a_task):
    """A desk with a task shown and one more leased."""
    desk = Desk()
    desk.begin(0)
    desk.claimed(Claim(tasks=(a_task("a"), a_task("b"))), LEASE, 0)
    return desk


def sent(effects):
    return [(effect.task.id, effect.verdict) for effect in effects if isinstance(effect, Deliver)]


def test_two_tasks_are_leased_at_once_and_the_first_is_shown(a_task):
    desk = Desk()

    assert desk.begin(0) == [Ask(2)]
    assert desk.claimed(Claim(tasks=(a_task("a"), a_task("b"))), LEASE, 0) == [Show(a_task("a"))]


def test_the_next_task_is_shown_without_waiting_for_the_server(desk, a_task):
    effects = desk.decided(PAY, 1)

    assert effects == [Show(a_task("b")), Ask(1)]


def test_an_answer_is_held_back_until_the_next_one(desk):
    assert sent(desk.decided(PAY, 1)) == []
    assert sent(desk.decided(REFUSE, 1.5)) == [("a", PAY)]


def test_an_answer_is_held_back_no_longer_than_two_seconds(desk):
    desk.decided(PAY, 1)

    assert sent(desk.ticked(1 + HELD_SECONDS - 0.01)) == []
    assert desk.wakes_at() == 1 + HELD_SECONDS
    assert sent(desk.ticked(1 + HELD_SECONDS)) == [("a", PAY)]


def test_what_was_taken_back_is_never_sent(desk, a_task):
    desk.decided(PAY, 1)

    effects = desk.taken_back(2)

    assert effects == [Show(a_task("a"))]
    assert sent(desk.ticked(100)) == []
    assert sent(desk.decided(REFUSE, 101)) == []
    assert sent(desk.ticked(200)) == [("a", REFUSE)]


def test_what_was_shown_comes_after_what_was_taken_back(desk, a_task):
    desk.decided(PAY, 1)
    desk.taken_back(2)

    assert desk.decided(PAY, 3)[0] == Show(a_task("b"))


def test_what_has_been_sent_cannot_be_taken_back(desk):
    desk.decided(PAY, 1)
    desk.ticked(10)

    assert desk.taken_back(10) == [Say("nothing to take back: the last answer has been sent")]


def test_a_skip_can_be_taken_back_too(desk, a_task):
    desk.decided(Skipped(), 1)

    assert desk.taken_back(2) == [Show(a_task("a"))]


def test_leaving_sends_the_answer_and_gives_the_rest_back(desk, a_task):
    desk.decided(PAY, 1)
    desk.is_asking = False
    desk.claimed(Claim(tasks=(a_task("c"),)), LEASE, 1)

    effects = desk.left(2)

    assert sent(effects) == [("a", PAY)]
    assert [effect.task.id for effect in effects if isinstance(effect, Release)] == ["b", "c"]


def test_a_claim_that_comes_after_leaving_is_given_back(desk, a_task):
    desk.left(1)

    assert desk.claimed(Claim(tasks=(a_task("c"),)), LEASE, 2) == [Release(a_task("c"))]


def test_active_seconds_leave_out_time_away(desk):
    desk.touched(5)
    desk.touched(5 + IDLE_SECONDS * 20)
    desk.decided(PAY, 5 + IDLE_SECONDS * 20 + 1)

    (effect,) = [each for each in desk.ticked(10_000) if isinstance(each, Deliver)]

    assert effect.seconds == 5 + IDLE_SECONDS + 1


def test_time_spent_again_after_undo_is_added(desk):
    desk.decided(PAY, 4)
    desk.taken_back(5)
    desk.decided(REFUSE, 8)

    (effect,) = [each for each in desk.ticked(100) if isinstance(each, Deliver)]

    assert effect.seconds == 4 + 3


def test_leases_of_all_tasks_are_renewed_in_time(desk, a_task):
    wakes = desk.wakes_at()

    assert wakes is not None
    assert wakes <= LEASE / 3
    assert desk.ticked(wakes) == [Renew(a_task("a")), Renew(a_task("b"))]


def test_the_lease_of_a_held_answer_is_renewed_too(a_task):
    desk = Desk()
    desk.begin(0)
    desk.claimed(Claim(tasks=(a_task("a"),)), 3.0, 0)
    desk.decided(PAY, 1)

    assert desk.ticked(2.5) == [Renew(a_task("a"))]


def test_a_wrong_clock_neither_storms_nor_sleeps(a_task):
    for seconds in (-3600.0, 3600.0):
        desk = Desk()
        desk.begin(0)
        desk.claimed(Claim(tasks=(a_task("a"),)), seconds, 0)

        assert 2 <= (desk.wakes_at() or 0) <= 15


def test_a_task_whose_lease_ended_is_put_away(desk, a_task):
    assert desk.lost(a_task("a"), "the lease has ended", 3) == [
        Say("claim.pay is no longer before you: the lease has ended"),
        Show(a_task("b")),
        Ask(1),
    ]


def test_an_answer_whose_lease_ended_is_said_to_be_lost(desk, a_task):
    desk.decided(PAY, 1)

    assert desk.lost(a_task("a"), "the lease has ended", 2) == [
        Say("your answer to claim.pay was not sent: the lease has ended")
    ]
    assert sent(desk.ticked(100)) == []


def test_an_empty_queue_says_why_once_and_asks_on(a_task):
    desk = Desk()
    desk.begin(0)
    empty = Claim(empty=Empty(reason="paused", detail="agents: paused"))

    first, second = desk.claimed(empty, 0, 1), desk.claimed(empty, 0, 2)

    assert first == [Say("the pool is paused; waiting, Ctrl-C ends (agents: paused)"), Ask(2, 1.0)]
    assert second == [Ask(2, 1.0)]


def test_a_server_that_is_away_is_asked_again_later(a_task):
    desk = Desk()
    desk.begin(0)

    assert desk.claim_failed("cannot reach it") == [Say("cannot reach it"), Ask(2, AGAIN_SECONDS)]


def test_an_answer_that_could_not_be_sent_is_sent_again(desk, a_task):
    lost = Deliver(a_task("a"), PAY, 4.0)

    assert sent(desk.undelivered(lost, "cannot reach it")) == [("a", PAY)]


def test_a_task_whose_answer_was_not_one_comes_again_and_keeps_its_lease(desk, a_task):
    desk.decided(PAY, 1)
    [delivered] = [effect for effect in desk.decided(REFUSE, 2) if isinstance(effect, Deliver)]

    effects = desk.returned(delivered, "outside its space", 3)

    assert effects[0] == Say("your answer to claim.pay was not taken: outside its space")
    assert Show(a_task("a")) in effects
    assert Renew(a_task("a")) in desk.ticked(3)


def test_an_answer_that_could_not_be_sent_on_leaving_is_said_to_be_lost(desk, a_task):
    desk.left(1)

    effects = desk.undelivered(Deliver(a_task("a"), PAY, 4.0), "cannot reach it")

    assert effects == [Say("your answer to claim.pay was not sent: cannot reach it")]


STEPS = st.lists(
    st.sampled_from(["pay", "refuse", "skip", "undo", "tick", "late tick", "claim", "empty", "lose"]), max_size=60
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_each_task_ends_in_one_verdict_or_is_given_back(a_task, steps):
    desk, now, made, lost = Desk(), 0.0, 0, set()
    effects = desk.begin(now)
    for step in [*steps, "leave"]:
        now += 0.5
        match step:
            case "undo":
                effects += desk.taken_back(now)
            case "tick":
                effects += desk.ticked(now)
            case "late tick":
                now += HELD_SECONDS
                effects += desk.ticked(now)
            case "claim" if desk.is_asking:
                made += 1
                effects += desk.claimed(Claim(tasks=(a_task(f"t-{made}"),)), LEASE, now)
            case "empty" if desk.is_asking:
                effects += desk.claimed(Claim(empty=Empty(reason="none_waiting")), LEASE, now)
            case "lose" if desk.next:
                lost.add(desk.next[0].id)
                effects += desk.lost(desk.next[0], "lost", now)
            case "leave":
                effects += desk.left(now)
            case "pay" | "refuse":
                effects += desk.decided(Answered(step), now)
            case "skip":
                effects += desk.decided(Skipped(), now)

    ended = [effect.task.id for effect in effects if isinstance(effect, Deliver | Release)]
    assert sorted([*ended, *lost]) == sorted(f"t-{number + 1}" for number in range(made))
