"""What a prefix of a plan would have done with an audited decision: everything answered up to a stage is covered."""

from dataclasses import replace

from tests.builders import NOON, SET_BY_HAND, a_case, a_plan, by_hand, models, people, seconds

from adjudge.core.audits import ModelSaid
from adjudge.core.calibration import Temperature, Uncalibrated
from adjudge.core.licences import Licence
from adjudge.core.plans import Certified
from adjudge.core.prefixes import ANSWERED_BEFORE, NOT_ANSWERED, Scored, is_of_models, scored

CERTIFIED = Certified(SET_BY_HAND)
PLAN = replace(
    a_plan(models(accept=CERTIFIED), models("second@1", accept=CERTIFIED), people()), prefixes=("p0", "p1", "p2")
)
CASE = a_case()
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


def said(first: float, second: float = 0.8) -> dict[str, ModelSaid]:
    return {
        "claim-risk@1": ModelSaid("pay", first, {"pay": first, "refuse": 1 - first}),
        "second@1": ModelSaid("refuse", second, {"refuse": second, "pay": 1 - second}),
    }


def test_the_first_stage_is_scored_by_its_calibrated_confidence():
    assert scored(PLAN, 0, said(0.97), CASE, Uncalibrated(), {}) == Scored(0.97, "pay")
    assert scored(PLAN, 0, said(0.97), CASE, Temperature(2.0), {}).score < 0.9


def test_what_an_earlier_stage_takes_counts_at_every_threshold_with_its_own_answer():
    """Otherwise the certificate of a later stage speaks of other questions as soon as the earlier one moves."""
    assert scored(PLAN, 1, said(0.95), CASE, Uncalibrated(), {0: FIRST}) == Scored(ANSWERED_BEFORE, "pay")
    assert scored(PLAN, 1, said(0.5), CASE, Uncalibrated(), {0: FIRST}) == Scored(0.8, "refuse")
    assert scored(PLAN, 1, said(0.95), CASE, Uncalibrated(), {}) == Scored(0.8, "refuse")


def test_a_threshold_set_by_hand_takes_what_it_would_take():
    plan = replace(PLAN, stages=(models(accept=by_hand("confidence >= 0.9")), *PLAN.stages[1:]))

    assert scored(plan, 1, said(0.95), CASE, Uncalibrated(), {}) == Scored(ANSWERED_BEFORE, "pay")


def test_what_should_be_on_record_and_is_not_counts_at_every_threshold():
    found = scored(PLAN, 1, {"claim-risk@1": said(0.5)["claim-risk@1"]}, CASE, Uncalibrated(), {})

    assert (found.score, found.is_missing) == (ANSWERED_BEFORE, True)


def test_a_model_that_failed_or_said_what_is_no_answer_reaches_no_threshold():
    failed = {"claim-risk@1": ModelSaid(fault="timeout")}
    nonsense = {"claim-risk@1": ModelSaid("perhaps", 0.99, {"perhaps": 0.99, "pay": 0.01})}

    assert scored(PLAN, 0, failed, CASE, Uncalibrated(), {}) == Scored(NOT_ANSWERED, None)
    assert scored(PLAN, 0, nonsense, CASE, Uncalibrated(), {}) == Scored(NOT_ANSWERED, None)


def test_stages_of_people_are_not_of_models():
    assert [is_of_models(PLAN, index) for index in range(3)] == [True, True, False]
