"""A snapshot of what votes are worth, put in force beside a plan: what it changes, and what it never does."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import Life, a_plan, by_hand, models, people, settled

from adjudge.core.advance import Ask, Settle
from adjudge.core.controls import Controls
from adjudge.core.events import Asked, Derived
from adjudge.core.plans import Plan
from adjudge.core.pools import Prices, Snapshot, StageWeights, Stops, Weights
from adjudge.core.replaying import Diverged, replay
from adjudge.core.reviewers import Reviewers, TrackRecord

PRICES = Prices(wrong=100, vote=1, expert=20)
UNSURE = models(accept=by_hand("confidence > 0.999"))
NAMES = ("anna", "ben", "cleo", "dora", "emil")
REVIEWERS = Reviewers(
    ("pay", "refuse"),
    TrackRecord(0.9, 0.1, ((0.9, 0.1), (0.1, 0.9))),
    {"ben": TrackRecord(500, 500, ((250, 250), (250, 250)))},
    strength=2.0,
)
STOPS = Stops((0.0, 0.05, 0.05), expert=0.2)


def priced(most: int = 3, prices: Prices = PRICES) -> Plan:
    return a_plan(UNSURE, people(least=1, most=most, rule="majority", prices=prices))


def snapshot(plan: Plan, number: int = 7, *, votes: float = 0.9, stops: Stops = STOPS) -> Snapshot:
    weights = (Weights((0.8,), 0.0), Weights((0.8,), votes))
    stage = StageWeights(deciders=("claim-risk@1",), after=weights, stops=stops, audits=200)
    name = plan.learnt_as(1)
    return Snapshot(number=number, reviewers=REVIEWERS, people={}, stages={name: stage}, votes=600, audits=200)


def life(plan: Plan, learnt: Snapshot | None = None, pay: float = 0.7) -> Life:
    found = Life(plan, controls=Controls(learnt={"claim.pay": learnt} if learnt else {}))
    found.then(found.opinion("claim-risk@1", "pay", pay, distribution={"pay": pay, "refuse": 1 - pay}))
    return found


def test_until_something_is_learnt_the_votes_configured_are_bought_and_the_path_says_so():
    found = life(priced(), pay=0.99)

    found.votes(anna="pay")
    assert isinstance(found.step, Ask)
    found.votes(cleo="pay")

    assert settled(found.step)[3] == "2 of 2 agree (votes as configured: nothing is learnt here yet)"
    assert not any(event.learnt for event in found.history.events if isinstance(event, Derived))


def test_under_a_snapshot_a_vote_that_leaves_little_risk_is_enough_and_the_path_names_it():
    plan = priced()
    found = life(plan, snapshot(plan), pay=0.95)

    found.votes(anna="pay")

    assert settled(found.step) == (
        "pay", "final", "reviewer",
        "claim-risk@1 and 1 vote are 0.99 sure, another vote is not worth its price (snapshot 7)",
    )  # fmt: skip
    assert {event.learnt for event in found.history.events if isinstance(event, Asked)} == {7}
    assert set(found.step.outcome.deciders) == {"claim-risk@1", "agents"}


def test_an_expert_is_asked_as_soon_as_that_is_cheaper_than_more_votes():
    plan = priced()
    found = life(plan, snapshot(plan, stops=replace_(STOPS, experts=(1.0, 0.3, 0.3))), pay=0.6)

    found.votes(anna="refuse", cleo="pay")

    assert "risk is left: for an expert" in settled(found.step)[3]


def test_the_answer_is_replayed_with_the_snapshot_of_its_time():
    """Promise 7."""
    plan = priced()
    found = life(plan, snapshot(plan), pay=0.95)
    found.votes(anna="pay")
    later = snapshot(plan, 9, votes=0.1)

    replay(plan, found.history.case, found.history.events, snapshots={7: snapshot(plan), 9: later})
    with pytest.raises(Diverged):
        replay(plan, found.history.case, found.history.events, snapshots={7: later})


def test_a_snapshot_for_other_prices_another_model_or_another_type_changes_nothing():
    plan = priced()
    others = [priced(prices=replace(PRICES, wrong=50)), priced(most=4), a_plan(models("claim-risk@2"), plan.stages[1])]
    for other in others:
        found = life(plan, snapshot(other), pay=0.99)
        found.votes(anna="pay")
        assert isinstance(found.step, Ask)
    elsewhere = Life(plan, controls=Controls(learnt={"claim.refund": snapshot(plan)}))
    assert not any(event.learnt for event in elsewhere.history.events if isinstance(event, Derived))


def test_a_plan_without_prices_knows_no_snapshot():
    plain = a_plan(UNSURE, people(least=1, most=3, rule="majority"))
    found = life(plain, snapshot(priced()), pay=0.99)

    found.votes(anna="pay")

    assert isinstance(found.step, Ask)
    assert not any(event.learnt for event in found.history.events if isinstance(event, Derived))


def test_a_model_that_failed_says_nothing_and_votes_alone_are_weighed():
    """Never accepts on faults: less is known, so more is asked."""
    plan = priced()
    found = Life(plan, controls=Controls(learnt={"claim.pay": snapshot(plan)}))
    found.then(found.fault("claim-risk@1"))

    found.votes(anna="pay")

    assert isinstance(found.step, Ask)


def stops_of(risks: list[float], expert: float) -> Stops:
    return Stops(tuple(min(risk, expert) for risk in risks), expert)


VOTES = st.lists(st.sampled_from(("pay", "refuse")), min_size=5, max_size=5)
SNAPSHOTS = st.builds(
    snapshot,
    st.just(priced(most=5)),
    votes=st.floats(0, 3),
    stops=st.builds(stops_of, st.lists(st.floats(0, 0.5), min_size=5, max_size=5), st.floats(0, 0.49)),
)


def live(learnt: Snapshot, pay: float, votes: list[str]) -> tuple[Life, int]:
    """Let people vote for as long as they are asked; return how many votes that bought."""
    found = life(priced(most=5), learnt, pay=pay)
    for bought, (name, vote) in enumerate(zip(NAMES, votes, strict=True)):
        if not isinstance(found.step, Ask):
            return found, bought
        found.votes(**{name: vote})
    return found, len(votes)


@settings(deadline=None)
@given(learnt=SNAPSHOTS, pay=st.floats(0.001, 0.999), votes=VOTES, others=VOTES)
def test_a_vote_that_was_not_bought_changes_nothing(learnt, pay, votes, others):
    found, bought = live(learnt, pay, votes)

    again, bought_again = live(learnt, pay, [*votes[:bought], *others[bought:]])

    assert (again.history, bought_again) == (found.history, bought)


@settings(deadline=None)
@given(learnt=SNAPSHOTS, pay=st.floats(0.001, 0.999), votes=VOTES)
def test_whatever_was_learnt_every_question_ends_and_never_by_a_toss(learnt, pay, votes):
    """What people settle is likelier right than wrong, and more so than the risk at which an expert is worth his price;
    the rest is left to the fallback."""
    found, _ = live(learnt, pay, votes)

    assert isinstance(found.step, Settle)
    if found.step.outcome.source == "reviewer":
        [stage] = learnt.stages.values()
        assert 1 - found.step.outcome.confidence <= stage.stops.expert + 1e-9 < 0.5
    else:
        assert found.step.outcome.source == "fallback"
    replay(found.plan, found.history.case, found.history.events, snapshots={7: learnt})


def replace_(stops: Stops, **changes: tuple[float, ...]) -> Stops:
    return msgspec.structs.replace(stops, **changes)
