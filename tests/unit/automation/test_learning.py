"""What votes are worth, learnt of people of known skill, and applied by the plan."""

import dataclasses

import numpy as np
import pytest
from msgspec.structs import replace
from tests.unit.automation.asked import (
    CROWD,
    LABELS,
    MODEL,
    PRICES,
    Item,
    audited,
    items,
    life,
    majority,
    outcome,
    priced_plan,
    stages,
)

from adjudge.automation.binomial import beta_quantile
from adjudge.automation.learning import ENOUGH_AUDITS, LATEST, Voted, is_news, learn_reviewers, learnt
from adjudge.core.advance import Settle
from adjudge.core.pools import Snapshot, Weights
from adjudge.core.reviewers import Reviewers

PLAN = priced_plan()
NAME = PLAN.learnt_as(1)


def closed(found: list[Item]) -> list[Voted]:
    """As audits close in service: unanimity is the truth, else the expert's word."""
    return [
        Voted(
            votes=tuple(item.votes),
            labels=LABELS,
            truth=item.votes[0][1] if len({answer for _, answer in item.votes}) == 1 else item.truth,
            said={MODEL: item.said},
        )
        for item in found
    ]


def accuracy(reviewers: Reviewers, name: str) -> float:
    """The share of somebody's votes that were right, as counted."""
    record = reviewers.records[name]
    return record.right / (record.right + record.wrong)


@pytest.fixture(scope="module")
def snapshot():
    found = learnt(closed(items(300, seed=4)), stages(PLAN))
    assert found is not None
    return found


def test_fewer_votes_are_bought_at_no_worse_accuracy_than_three_for_each(snapshot):
    """Even where the expert is no better than the majority, and with what he costs counted."""
    judged = items(800, seed=77)

    seen = [(item, *outcome(PLAN, item, snapshot)) for item in judged]

    unlearnt = sum(outcome(PLAN, item, None)[1] for item in judged)
    bought = sum(bought for _, _, bought in seen)
    experts = sum(answer is None for _, answer, _ in seen)
    right = sum((answer or majority(item)) == item.truth for item, answer, _ in seen)
    assert bought < 0.9 * unlearnt < 0.7 * 3 * len(judged)
    assert bought + PRICES.expert * experts < 3 * len(judged)
    assert right >= sum(majority(item) == item.truth for item in judged)


def test_the_poor_reviewers_vote_weighs_little_and_theirs_is_the_interval_that_says_so(snapshot):
    emil, anna = (snapshot.reviewers.log_likelihoods(name, "pay", LABELS, 2) for name in ("emil", "anna"))

    assert emil[0] - emil[1] < 0.3 * (anna[0] - anna[1])
    assert snapshot.people["emil"].high < snapshot.people["anna"].low
    for name, skill in CROWD.items():
        seen = snapshot.people[name]
        assert seen.low < seen.accuracy < seen.high
        assert seen.low - 0.04 < skill < seen.high + 0.04


def test_the_risk_that_is_left_is_what_it_says():
    """Many people of whom little is known: weights learnt on the votes that they were known by would promise less
    than half of what is wrong."""
    skills = {f"person-{number}": float(skill) for number, skill in enumerate(np.linspace(0.6, 0.98, 60))}
    found = learnt(audited(items(300, seed=1, skills=skills)), stages(PLAN))
    lives = [(item, life(PLAN, item, found)[0].step) for item in items(800, seed=51, skills=skills)]
    ended = [(item, step.outcome) for item, step in lives if isinstance(step, Settle)]

    promised = sum(1 - outcome.confidence for _, outcome in ended) / len(ended)
    wrong = sum(outcome.answer != item.truth for item, outcome in ended) / len(ended)

    assert promised == pytest.approx(wrong, rel=0.5)


def test_how_frequent_answers_are_corrects_a_model_that_was_trained_on_other_shares():
    """Of questions to most of which the answer is "pay", its "refuse" is true less often than it says."""
    asked = items(3_000, seed=11)
    most_pay = [item for number, item in enumerate(asked) if item.truth == "pay" or number % 9 == 0][:500]

    alike, lopsided = (learnt(audited(found), stages(PLAN)) for found in (asked[:500], most_pay))

    assert alike is not None
    assert lopsided is not None
    assert alike.stages[NAME].frequencies == {}
    stage = lopsided.stages[NAME]
    share = sum(item.truth == "refuse" for item in most_pay) / len(most_pay)
    assert np.exp(stage.frequencies["refuse"]) == pytest.approx(share, abs=0.01)
    assert all(weights.frequency > 0.5 for weights in stage.after)
    pool = lopsided.pool(NAME)
    assert pool is not None
    assert pool.frequencies == stage.frequencies


def test_a_new_label_pauses_how_frequent_labels_are_until_the_latest_audits_had_it():
    """Not until all have it that anything is learnt from. The others still weigh the models, by their own labels."""
    asked = items(6_000, seed=11)
    most_pay = [item for number, item in enumerate(asked) if item.truth == "pay" or number % 9 == 0]
    before = audited(most_pay[:500])
    after = [dataclasses.replace(one, labels=(*LABELS, "ask")) for one in audited(most_pay[500:1_000])]

    found = [learnt([*before, *after[:more]], stages(PLAN)) for more in (0, 1, LATEST - 1, LATEST, len(after))]

    told = [snapshot.stages[NAME].frequencies for snapshot in found if snapshot is not None]
    assert [sorted(frequencies) for frequencies in told] == [
        ["pay", "refuse"],
        [],
        [],
        ["ask", "pay", "refuse"],
        ["ask", "pay", "refuse"],
    ]
    assert told[-1]["pay"] > told[-1]["refuse"] > told[-1]["ask"]
    old, new = (snapshot.stages[NAME] for snapshot in (found[0], found[-1]) if snapshot is not None)
    for one, other in zip(old.after, new.after, strict=True):
        assert other.frequency == pytest.approx(one.frequency, abs=0.25)


def test_until_there_is_enough_evidence_nothing_is_learnt():
    few = audited(items(ENOUGH_AUDITS - 1, seed=5))
    enough = audited(items(ENOUGH_AUDITS, seed=5))

    assert learnt(few, stages(PLAN)) is None
    assert learnt([*few, *(Voted(votes=item.votes) for item in enough)], stages(PLAN)) is None
    assert learnt(enough, stages(PLAN)) is not None


def test_a_new_version_of_a_model_begins_with_the_votes_configured():
    """No audit has its opinion: what was learnt with the old one says nothing of it."""
    heard = audited(items(200, seed=6))
    unheard = [Voted(votes=each.votes, labels=LABELS, truth=each.truth, said={"claim-risk@0": {}}) for each in heard]

    assert learnt(unheard, stages(PLAN)) is None


def test_people_are_learnt_of_from_blind_votes_without_truth_too():
    """By agreeing with each other: Dawid and Skene."""
    votes = [Voted(votes=tuple(item.votes)) for item in items(600, seed=8)]

    reviewers = learn_reviewers(votes)

    assert min(CROWD, key=lambda name: accuracy(reviewers, name)) == "emil"
    assert accuracy(reviewers, "emil") < 0.8 < 0.88 < accuracy(reviewers, "anna")


def test_what_most_say_is_no_truth_about_those_who_say_it():
    """Two who guess alike outvote a good one; the consensus would make the good one look poor."""
    chance = np.random.default_rng(1)
    given = []
    for number in range(300):
        right, guess = ("pay", "refuse") if number % 2 else ("refuse", "pay")
        alike = right if chance.random() < 0.5 else guess
        given.append(Voted(votes=(("anna", right), ("bo", alike), ("cy", alike)), truth=alike, is_sure=False))
    clamped = [Voted(votes=each.votes, truth=each.truth) for each in given]

    unsure, sure = learn_reviewers(given).records["anna"], learn_reviewers(clamped).records["anna"]

    assert sure.right / (sure.right + sure.wrong) < 0.6
    assert unsure.right == pytest.approx(
        learn_reviewers([Voted(votes=each.votes) for each in given]).records["anna"].right
    )


def test_many_labels_are_learnt_as_one_coin():
    """Each question has its own candidates: who agrees counts, not on what."""
    chance = np.random.default_rng(2)
    given = []
    for number in range(400):
        truth = f"sku-{number}"
        votes = [
            (name, truth if chance.random() < skill else f"sku-{number}-{chance.integers(5)}")
            for name, skill in CROWD.items()
        ]
        given.append(Voted(votes=tuple(votes)))

    found = learn_reviewers(given)

    accuracy = {name: one.right / (one.right + one.wrong) for name, one in found.records.items()}
    assert not found.crowd.rows
    assert found.labels == ()  # a snapshot does not list all that was ever a candidate
    assert accuracy["emil"] == pytest.approx(0.6, abs=0.08)
    assert accuracy["anna"] == pytest.approx(0.95, abs=0.04)


def test_the_order_of_questions_is_the_order_of_time():
    """Somebody who has stopped looking is known by what they do now."""
    early = items(700, seed=9, skills={"anna": 0.95, "ben": 0.95, "cleo": 0.95})
    late = items(700, seed=10, skills={"anna": 0.95, "ben": 0.95, "cleo": 0.55})

    grew_worse = learn_reviewers(audited([*early, *late])).records["cleo"]
    mended = learn_reviewers(audited([*late, *early])).records["cleo"]

    assert (
        mended.right / (mended.right + mended.wrong) > grew_worse.right / (grew_worse.right + grew_worse.wrong) + 0.08
    )


def test_a_snapshot_is_worth_publishing_where_something_has_moved(snapshot):
    again = learnt(closed(items(303, seed=4)), stages(PLAN))
    more = learnt(closed(items(500, seed=4)), stages(PLAN))
    other = learnt(closed(items(300, seed=4, skills={**CROWD, "emil": 0.9})), stages(PLAN))

    assert is_news(None, snapshot)
    assert not is_news(snapshot, snapshot)
    assert not is_news(snapshot, again)
    assert is_news(snapshot, more)
    assert is_news(snapshot, other)


def test_weights_for_another_number_of_votes_or_other_weights_are_news(snapshot):
    stage = snapshot.stages[NAME]

    def with_weights(*after: Weights) -> Snapshot:
        return replace(snapshot, stages={NAME: replace(stage, after=after)})

    *others, last = stage.after
    assert is_news(snapshot, with_weights(*others))
    assert is_news(snapshot, with_weights(*others, replace(last, votes=last.votes * 1.3)))
    assert not is_news(snapshot, with_weights(*others, replace(last, votes=last.votes * 1.03)))


def test_labels_that_are_as_frequent_as_they_were_are_no_news(snapshot):
    """Their weight may stand still while one of them comes three times as often."""

    def where(**frequencies: float) -> Snapshot:
        stage = snapshot.stages[NAME]
        return replace(snapshot, stages={NAME: replace(stage, frequencies=frequencies)})

    held = where(fraud=-3.0, pay=-0.05)
    assert not is_news(held, where(fraud=-2.8, pay=-0.06))
    assert is_news(held, where(fraud=-2.7, pay=-0.07))
    assert is_news(held, where(fraud=-3.0, pay=-0.05, reject=-6.0))
    assert is_news(held, where())


def test_the_interval_is_that_of_the_beta_distribution():
    """Beta(2, 1) has the distribution function x²."""
    assert beta_quantile(2.0, 1.0, 0.25) == pytest.approx(0.5)
    assert beta_quantile(30.0, 10.0, 0.05) < 0.75 < beta_quantile(30.0, 10.0, 0.95)
