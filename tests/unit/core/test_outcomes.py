"""Paths that replay to their outcomes."""

import pytest
from msgspec.structs import replace
from tests.builders import NOON, Life, a_case, a_plan, by_hand, models, people

from adjudge.core.controls import Controls
from adjudge.core.events import Deferred, Opinion, Settled, read_events, write_events
from adjudge.core.plans import Answer, Provisional
from adjudge.core.replaying import Diverged, replay


def a_life():
    life = Life(a_plan(models(), people(least=2, most=3, rule="majority")))
    life.says(("claim-risk@1", "pay", 0.5))
    life.votes(anna="pay", ben="pay")
    return life


def test_a_path_replays():
    a_life().replays()


def test_a_path_that_lost_a_vote_diverges():
    life = a_life()
    path = tuple(event for event in life.history.events if getattr(event, "by", "") != "ben")

    with pytest.raises(Diverged, match="replayed nothing"):
        replay(life.plan, life.history.case, path)


def test_a_path_under_another_threshold_diverges():
    life = a_life()
    looser = a_plan(models(accept=by_hand("confidence >= 0.5")), *life.plan.stages[1:])

    with pytest.raises(Diverged, match="event 2: recorded Deferred"):
        replay(looser, life.history.case, life.history.events)


def test_a_path_with_another_answer_diverges():
    life = a_life()
    *before, last = life.history.events
    assert isinstance(last, Settled)
    forged = Settled(at=last.at, version=1, outcome="final", answer="refuse", source="reviewer", reason=last.reason)

    with pytest.raises(Diverged):
        replay(life.plan, life.history.case, (*before, forged))


def test_a_path_that_was_worded_otherwise_replays():
    life = a_life()
    worded = tuple(
        replace(event, reason="in other words") if isinstance(event, Deferred | Settled) else event
        for event in life.history.events
    )

    assert worded != life.history.events
    replay(life.plan, life.history.case, worded)


@pytest.mark.parametrize(("outcome", "source"), [("final", "cancel"), ("amended", "reviewer")])
def test_what_somebody_did_by_hand_ends_a_replay(outcome, source):
    life = a_life()
    by_somebody = Settled(at=life.now, version=2, outcome=outcome, answer="refuse", source=source)

    replay(life.plan, life.history.case, (*life.history.events, by_somebody))


def test_a_provisional_and_its_final_replay_as_one_path():
    life = Life(a_plan(people(timeout=5), fallback=(Provisional("pay"),)))
    life.until()
    life.until()

    assert [event.version for event in life.history.events if isinstance(event, Settled)] == [1, 2]
    life.replays()


def test_events_survive_storage():
    life = Life(a_plan(models(), fallback=(Answer("pay"),)), controls=Controls(frozenset({"claim-risk@1"})))

    assert read_events(write_events(life.history.events)) == life.history.events


@pytest.mark.parametrize("distribution", [{"pay": float("nan")}, {"pay": 1.5}, {"pay": -0.1}, {"pay": float("inf")}])
def test_what_is_no_probability_makes_no_opinion(distribution):
    with pytest.raises(ValueError, match="probability"):
        Opinion(at=NOON, stage=0, by="a@1", source="model", answer="pay", distribution=distribution)


@pytest.mark.parametrize(
    ("answer", "distribution", "reason"),
    [
        ("maybe", None, "claim-risk@1 gave a malformed answer: 'maybe' is not among the answers"),
        ("pay", {"pay": 0.9}, "claim-risk@1 gave a malformed answer: its probabilities add up to 0.9"),
        ("pay", {"refuse": 1.0}, "claim-risk@1 gave a malformed answer: 'pay' has no probability"),
    ],
)
def test_a_malformed_opinion_counts_as_a_fault(answer, distribution, reason):
    """Should the edge ever let one through."""
    life = Life(a_plan(models(accept=by_hand("true")), people()), a_case())

    life.then(life.opinion("claim-risk@1", answer, 0.99, distribution=distribution))

    assert life.step.record[0].reason == reason
