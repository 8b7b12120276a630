"""A learnt pool at work in a plan: whom it believes, when it asks on, when it gives up."""

import math
from dataclasses import replace as replaced

import pytest
from msgspec.structs import replace
from tests.builders import Life, a_plan, models, people, settled

from adjudge.core.advance import Ask, Settle
from adjudge.core.plans import Combine, Stage
from adjudge.core.pools import Pool, Stops, Weights, scores
from adjudge.core.reviewers import Reviewers, TrackRecord

CROWD = TrackRecord(0.9, 0.1, ((0.9, 0.1), (0.1, 0.9)))
KNOWN = {"ben": TrackRecord(500, 500, ((250, 250), (250, 250)))}
REVIEWERS = Reviewers(("pay", "refuse"), CROWD, KNOWN, strength=2.0)
POOL = Pool(
    ("claim-risk@1",),
    (Weights((1.0,), 0.0), Weights((0.5,), 0.8), Weights((0.4,), 0.7)),
    REVIEWERS,
    Stops((0.0, 0.1, 0.1), expert=0.3),
)


def asked(pool: Pool = POOL) -> Stage:
    return replaced(people(least=1, most=3, rule="bayes"), combine=Combine("bayes", pool=pool))


def after_the_model(pool: Pool = POOL, pay: float = 0.7) -> Life:
    life = Life(a_plan(models(), asked(pool)))
    life.then(life.opinion("claim-risk@1", "pay", pay, distribution={"pay": pay, "refuse": 1 - pay}))
    return life


def test_a_vote_that_leaves_little_risk_ends_the_asking():
    life = after_the_model(pay=0.9)

    life.votes(anna="pay")

    odds = (0.9 / 0.1) ** 0.5 * (0.9 / 0.1) ** 0.8
    assert isinstance(life.step, Settle)
    assert life.step.outcome.confidence == pytest.approx(odds / (1 + odds), abs=1e-6)


def test_a_rare_answer_is_believed_less_than_a_model_says():
    """Odds of one to four among the audits weigh half a model's odds, by their weight; no model, no correction."""
    weights = tuple(replace(each, frequency=0.5) for each in POOL.after)
    pool = replace(POOL, after=weights, frequencies={"pay": math.log(0.2), "refuse": math.log(0.8)})
    said = {"claim-risk@1": {"pay": 0.8, "refuse": 0.2}}

    pay, refuse, _ = scores(pool, said, [], ["pay", "refuse"], 2)
    unheard = scores(pool, {}, [], ["pay", "refuse"], 2)

    assert pay - refuse == pytest.approx(math.log(0.8 / 0.2) + 0.5 * math.log(0.2 / 0.8))
    assert unheard == [0.0, 0.0, 0.0]


def test_an_answer_that_nobody_named_may_be_the_frequent_one():
    pool = replace(
        POOL, after=(Weights((0.0,), 0.0, 1.0),), frequencies={"pay": math.log(0.2), "refuse": math.log(0.8)}
    )

    pay, other = scores(pool, {"claim-risk@1": {"pay": 1.0}}, [], ["pay"], 2)

    assert other - pay == pytest.approx(math.log(4))


def test_a_risk_that_is_worth_another_vote_buys_it():
    life = after_the_model()

    life.votes(anna="refuse")

    assert isinstance(life.step, Ask)


def test_who_guesses_is_not_believed():
    """The same vote settles from anna, and not from somebody whose votes have said nothing so far."""
    by_anna, by_ben = after_the_model(pay=0.9), after_the_model(pay=0.9)

    by_anna.votes(anna="pay")
    by_ben.votes(ben="pay")

    assert settled(by_anna.step)[0] == "pay"
    assert isinstance(by_ben.step, Ask)


def test_what_stays_in_doubt_after_the_last_vote_is_left_to_the_fallback():
    """For an expert where the plan escalates to one; never a toss."""
    life = after_the_model(pay=0.5)

    life.votes(ben="pay", anna="refuse", cleo="pay")

    assert settled(life.step)[1:3] == ("final", "fallback")


def test_a_model_that_the_pool_does_not_know_is_not_heard():
    deaf = Pool(("other@1",), POOL.after, REVIEWERS, Stops((0.0, 1.0)))
    life = after_the_model(deaf, pay=0.94)

    life.votes(anna="refuse")

    assert settled(life.step)[0] == "refuse"
