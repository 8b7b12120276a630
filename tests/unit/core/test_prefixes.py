"""What a prefix of a plan would have done with an audited decision: everything answered up to a stage is covered."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as replace_
from tests.builders import NOON, SET_BY_HAND, Life, a_case, a_plan, by_hand, models, people, seconds

from adjudge.core.advance import Settle
from adjudge.core.audits import Heard, ModelSaid, StageVote, said_in_plan, voted_in_plan
from adjudge.core.calibration import Temperature, Uncalibrated
from adjudge.core.controls import Controls
from adjudge.core.licences import Licence
from adjudge.core.plans import AgainstPeople, Certified
from adjudge.core.pools import Prices
from adjudge.core.prefixes import ANSWERED_BEFORE, NOT_ANSWERED, Prefix, Scored, why_untold

CERTIFIED = Certified(SET_BY_HAND)
PLAN = replace(
    a_plan(models(accept=CERTIFIED), models("second@1", accept=CERTIFIED), people()), prefixes=("p0", "p1", "p2")
)
CASE = a_case()
ANSWERS = ("pay", "refuse")
FIRST = Licence(
    certificate="c-1",
    scope="certificate:claim.pay::p0",
    threshold=0.9,
    calibrator=Uncalibrated(),
    calibration="",
    target=0.01,
    confidence=0.9,
    valid_until=NOON + seconds(60),
)


def said(first: float, second: float = 0.8, *votes: str) -> Heard:
    """What two models said, and people in the stage after them."""
    return Heard(
        {
            "claim-risk@1": ModelSaid("pay", first, {"pay": first, "refuse": 1 - first}),
            "second@1": ModelSaid("refuse", second, {"refuse": second, "pay": 1 - second}),
        },
        tuple(StageVote(2, f"r{n}", answer) for n, answer in enumerate(votes)),
    )


def test_the_first_stage_is_scored_by_its_calibrated_confidence():
    assert Prefix(PLAN, 0).scored(said(0.97), CASE, Uncalibrated()) == Scored(0.97, "pay")
    assert Prefix(PLAN, 0).scored(said(0.97), CASE, Temperature(2.0)).score < 0.9


def test_what_an_earlier_stage_takes_counts_at_every_threshold_with_its_own_answer():
    """Otherwise the certificate of a later stage speaks of other questions as soon as the earlier one moves."""
    assert Prefix(PLAN, 1, {0: FIRST}).scored(said(0.95), CASE, Uncalibrated()) == Scored(ANSWERED_BEFORE, "pay")
    assert Prefix(PLAN, 1, {0: FIRST}).scored(said(0.5), CASE, Uncalibrated()) == Scored(0.8, "refuse")
    assert Prefix(PLAN, 1).scored(said(0.95), CASE, Uncalibrated()) == Scored(0.8, "refuse")


def test_a_threshold_set_by_hand_takes_what_it_would_take():
    plan = replace(PLAN, stages=(models(accept=by_hand("confidence >= 0.9")), *PLAN.stages[1:]))

    assert Prefix(plan, 1).scored(said(0.95), CASE, Uncalibrated()) == Scored(ANSWERED_BEFORE, "pay")


def test_what_should_be_on_record_and_is_not_counts_at_every_threshold():
    found = Prefix(PLAN, 1).scored(Heard({"claim-risk@1": ModelSaid("pay", 0.5)}), CASE, Uncalibrated())

    assert (found.score, found.is_missing) == (ANSWERED_BEFORE, True)


def test_a_model_that_failed_or_said_what_is_no_answer_reaches_no_threshold():
    failed = Heard({"claim-risk@1": ModelSaid(fault="timeout")})
    nonsense = Heard({"claim-risk@1": ModelSaid("perhaps", 0.99, {"perhaps": 0.99, "pay": 0.01})})

    assert Prefix(PLAN, 0).scored(failed, CASE, Uncalibrated()) == Scored(NOT_ANSWERED, None)
    assert Prefix(PLAN, 0).scored(nonsense, CASE, Uncalibrated()) == Scored(NOT_ANSWERED, None)


ASIDE = {name: replace_(each, aside=True) for name, each in said(0.6, 0.7).said.items()}
OF_PEOPLE = replace(PLAN, stages=(*PLAN.stages[:2], people(least=2, most=2, rule="bayes", accept=CERTIFIED)))


def test_a_stage_of_people_is_scored_by_their_votes_and_what_models_had_said():
    agreeing = Prefix(OF_PEOPLE, 2).scored(said(0.6, 0.7, "pay", "pay"), CASE, Uncalibrated())
    differing = Prefix(OF_PEOPLE, 2).scored(said(0.6, 0.7, "pay", "refuse"), CASE, Uncalibrated())

    assert (agreeing.answer, agreeing.score > 0.9) == ("pay", True)
    assert differing.score < agreeing.score
    alone = Prefix(OF_PEOPLE, 2).scored(replace(said(0.6, 0.7, "pay", "pay"), said=ASIDE), CASE, Uncalibrated())
    assert alone.score != agreeing.score, "what was asked on the side was not known when people were asked"


def test_where_too_few_people_voted_the_stage_has_no_answer():
    for votes in ((), ("pay",)):
        assert Prefix(OF_PEOPLE, 2).scored(said(0.6, 0.7, *votes), CASE, Uncalibrated()) == Scored(NOT_ANSWERED, None)


def test_what_a_model_takes_before_people_counts_with_the_models_answer():
    found = Prefix(OF_PEOPLE, 2, {0: FIRST}).scored(said(0.95, 0.7, "refuse", "refuse"), CASE, Uncalibrated())

    assert found == Scored(ANSWERED_BEFORE, "pay")


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        (people(least=2, most=2), None),
        (people(least=1, most=3), "it asks 1 to 3 people"),
        (people(least=2, most=2, prices=Prices(wrong=10, vote=1)), "it buys votes by their price"),
        (
            people(accept=Certified(SET_BY_HAND, people=AgainstPeople())),
            "people's answers are not compared with people",
        ),
    ],
)
def test_which_stages_of_people_audits_can_tell_of(stage, why):
    found = why_untold(replace(PLAN, stages=(models(), stage)), 1)

    assert found is None if why is None else str(found).startswith(why)


def test_nothing_is_told_of_what_comes_after_people():
    plan = replace(PLAN, stages=(models(), people(), models("second@1")))

    assert [why_untold(plan, index) for index in range(3)] == [None, None, "people are asked before it"]


@given(
    confidence=st.floats(0.5, 1),
    answers=st.lists(st.sampled_from(ANSWERS), min_size=0, max_size=2),
    rule=st.sampled_from(("first", "agree", "majority", "bayes")),
    threshold=st.floats(0, 1),
)
def test_audits_of_a_stage_of_people_see_what_the_plan_does_under_a_licence(confidence, answers, rule, threshold):
    """The test reads audits that nothing was licensed for; what it licenses must be what is then done."""
    stages = (models(accept=by_hand("confidence > 1.0")), people(least=2, most=2, rule=rule, accept=CERTIFIED))
    plan = replace(a_plan(*stages), prefixes=("p0", "p1"))

    def told(controls: Controls) -> tuple[Life, Heard]:
        life = Life(plan, CASE, controls)
        other = {"refuse": 1 - confidence}
        life.then(life.opinion("claim-risk@1", "pay", confidence, distribution={"pay": confidence, **other}))
        for who, answer in enumerate(answers):
            life.then(life.vote(f"r{who}", answer), after=1)
        events = life.history.events
        return life, Heard(dict(said_in_plan(events)), tuple(voted_in_plan(events)))

    licence = replace_(FIRST, scope=plan.scope(1, "claim.pay", ""), threshold=threshold)
    _, heard = told(Controls())
    life, _ = told(Controls(generations={licence.scope: 1}, licences={licence.scope: licence}))

    found = Prefix(plan, 1).scored(heard, CASE, Uncalibrated())
    outcome = life.step.outcome if isinstance(life.step, Settle) else None
    assert (outcome is not None and outcome.code == "certified") == (found.score >= threshold)
    if outcome is not None and outcome.code == "certified":
        assert (outcome.answer, outcome.source) == (found.answer, "reviewer")
