import time
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from tests.unit.automation.voting import a_set

from adjudge.automation.backtesting.asking import majority
from adjudge.automation.reviewers import Ballots, consensus, learn
from adjudge.core.reviewers import Reviewers


def ballots_of(data):
    return Ballots.of(data.answers, data.reviewers, labels=len(data.labels), people=data.people)


@pytest.mark.parametrize("labels", [4, 20])
def test_consensus_weighed_by_what_is_learnt_beats_the_majority(labels):
    """Nothing but votes is known; good reviewers are found by agreeing with each other."""
    data = a_set(1_500, labels=labels, people=30, votes=5, skill=1.0)
    counts = np.stack([(data.answers == label).sum(1) for label in range(labels)], 1)

    learnt = (consensus(ballots_of(data)).argmax(1) == data.truth).mean()

    assert learnt > (counts.argmax(1) == data.truth).mean() + 0.01


def test_golden_answers_stay_what_they_are():
    """Three people who are wrong together do not outvote a truth that is known."""
    answers = np.array([[1, 1, 1]] * 30 + [[0, 0, 0]] * 5)
    reviewers = np.tile([0, 1, 2], (35, 1))
    golden = np.array([0] * 30 + [-1] * 5)

    learnt = learn(Ballots.of(answers, reviewers, labels=2, people=3), golden)

    assert learnt.rates()[0, 0, 1] > 0.7


def test_what_is_not_known_of_a_person_pulls_their_votes_to_the_crowd():
    answers = np.array([[0, 0, 0, 0]] * 40 + [[0, 0, 0, 1]])
    reviewers = np.array([[0, 1, 2, -1]] * 40 + [[0, 1, 2, 3]])
    learnt = learn(Ballots.of(answers, reviewers, labels=2, people=4), np.zeros(41, int))

    newcomer, veteran, crowd = learnt.rates()[3, 0, 0], learnt.rates()[0, 0, 0], learnt.crowd()[0, 0]

    assert veteran > crowd > newcomer > 0.5 * crowd  # one wrong vote is not believed outright


def test_later_votes_weigh_more():
    answers = np.array([[0]] * 50 + [[1]] * 50)  # somebody who has stopped looking
    reviewers = np.zeros((100, 1), int)
    ballots = Ballots.of(answers, reviewers, labels=2, people=1)
    truth = np.zeros(100, int)

    faded, even = learn(ballots, truth, keep=0.9), learn(ballots, truth)

    assert faded.rates()[0, 0, 0] < 0.3 < even.rates()[0, 0, 0]


@pytest.mark.parametrize("labels", [4, 20])
def test_the_snapshot_updated_vote_by_vote_is_what_a_batch_would_have_learnt(labels):
    """Online and batch agree where the truth is known, decay included."""
    data = a_set(120, labels=labels, people=6, votes=3)
    ballots = ballots_of(data)
    names = [f"person-{number}" for number in range(6)]
    batch = learn(ballots, data.truth, keep=0.97).snapshot(data.labels, names)
    online = learn(ballots, data.truth, keep=0.97).snapshot(data.labels, names)
    online = msgspec.structs.replace(online, records={})

    for item, who, answer in zip(ballots.items, ballots.reviewers, ballots.answers, strict=True):
        online = online.with_vote(names[who], data.labels[answer], {data.labels[data.truth[item]]: 1.0})

    for name in names:
        theirs, ours = batch.records[name], online.records[name]
        assert ours.right == pytest.approx(theirs.right)
        assert ours.wrong == pytest.approx(theirs.wrong)
        assert np.asarray(ours.rows) == pytest.approx(np.asarray(theirs.rows))


def test_a_snapshot_says_what_the_table_says():
    data = a_set(300, people=6, votes=3)
    learnt = learn(ballots_of(data), data.truth)
    snapshot = learnt.snapshot(data.labels, [f"person-{number}" for number in range(6)])

    said = snapshot.log_likelihoods("person-2", "label-1", data.labels, 4)
    of_a_stranger = snapshot.log_likelihoods("nobody", "label-1", data.labels, 4)

    assert said[:4] == pytest.approx(np.log(learnt.rates()[2, :, 1]))
    assert of_a_stranger[:4] == pytest.approx(np.log(learnt.crowd()[:, 1]))


def test_an_update_after_a_vote_takes_less_than_a_tenth_of_a_millisecond():
    data = a_set(400, labels=10, people=20, votes=3)
    snapshot = learn(ballots_of(data), data.truth).snapshot(data.labels, [str(number) for number in range(20)])
    belief = dict.fromkeys(data.labels, 0.1)

    fastest = min(_timed(snapshot, belief) for _ in range(200))

    assert fastest < 100e-6


def _timed(snapshot, belief) -> float:
    began = time.perf_counter()
    snapshot.with_vote("7", "label-3", belief)
    return time.perf_counter() - began


@pytest.mark.parametrize("are_known", [True, False])
@pytest.mark.parametrize("error", [0.05, 0.25])
def test_votes_weighed_by_what_is_learnt_are_right_as_often_as_the_majority_where_people_are_alike(error, are_known):
    """Few votes of each person, wrong answers alike: a confusion that never came up is not impossible.

    Priors of two and four votes, whatever there is to learn: up to 1.2 points fewer.
    """
    people, labels = 30 if are_known else 0, 10
    rows = 5_000
    chance = np.random.default_rng(7)
    truth = chance.integers(0, labels, rows)
    wrong = chance.random((rows, 3)) < error * chance.choice([0.4, 2.2], rows, p=[2 / 3, 1 / 3])[:, None]
    answers = np.where(wrong, (truth[:, None] + chance.integers(1, labels, (rows, 3))) % labels, truth[:, None])
    who = np.argsort(chance.random((rows, 30)), 1)[:, :3] if are_known else np.full((rows, 3), -1)
    learnt = learn(Ballots.of(answers[:600], who[:600], labels=labels, people=people), truth[:600])

    rates = np.log(learnt.rates())
    weighed = sum(rates[who[600:, place], :, answers[600:, place]] for place in range(3)).argmax(1)

    theirs = (majority(answers[600:], 3) == truth[600:]).mean()
    assert (weighed == truth[600:]).mean() >= theirs - 0.002


def learnt_of(errors, *, labels, rows):
    """Learn of people who are wrong so often, whatever is true, and then say anything else."""
    chance = np.random.default_rng(3)
    truth = chance.integers(0, labels, rows)
    who = chance.integers(0, len(errors), (rows, 3))
    wrong = chance.random(who.shape) < errors[who]
    answers = np.where(wrong, (truth[:, None] + chance.integers(1, labels, who.shape)) % labels, truth[:, None])
    return learn(Ballots.of(answers, who, labels=labels, people=len(errors)), truth)


def test_what_people_are_like_says_how_much_the_crowd_counts():
    """Where they differ their own votes do; where they are alike everybody's."""
    differing = learnt_of(np.linspace(0, 0.7, 10), labels=4, rows=2_000)
    alike = learnt_of(np.full(10, 0.2), labels=4, rows=2_000)

    assert differing.coin == 2
    assert alike.coin is None
    assert alike.strength >= 200


def test_who_is_careless_is_seen_in_all_their_votes_long_before_what_they_take_for_what():
    """Thirty votes each on ten labels: drawn to the crowd's rates as they are, they are off by 0.1 to 0.16."""
    errors = np.linspace(0, 0.7, 30)

    rates = learnt_of(errors, labels=10, rows=300).rates()[:30]

    assert np.abs(np.diagonal(rates, axis1=1, axis2=2).mean(1) - (1 - errors)).mean() < 0.09


def test_beside_a_crowd_that_is_hardly_ever_wrong_a_careless_persons_rates_add_up():
    """Else what they say wrongly would count as ten times less likely than it is."""
    learnt = learnt_of(np.linspace(0, 0.7, 10), labels=4, rows=300)
    sure = replace(learnt, crowd_rows=np.full((4, 4), 1e-5) + np.eye(4) * 0.99996)

    assert sure.drawn_to().sum(2) == pytest.approx(np.ones((11, 4)), rel=1e-3)


def test_a_snapshot_of_old_moves_no_rates():
    """It has no `coin`: what was decided by it is replayed with the rates of its time."""
    learnt = learnt_of(np.linspace(0, 0.7, 10), labels=4, rows=300)
    now = learnt.snapshot([f"label-{number}" for number in range(4)], [str(number) for number in range(10)])
    stored = {key: value for key, value in msgspec.to_builtins(now).items() if key != "coin"}

    of_old = msgspec.convert(stored, Reviewers).log_likelihoods("9", "label-1", now.labels, 4)

    mine, all_mine = learnt.rows[9, :, 1], learnt.rows[9].sum(1)
    expected = (mine + learnt.strength * learnt.crowd()[:, 1]) / (all_mine + learnt.strength)
    assert of_old[:4] == pytest.approx(np.log(expected))
