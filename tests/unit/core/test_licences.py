"""A certified stage accepts under a licence in force for its slice and prefix, and under nothing else (promise 3)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.builders import NOON, SET_BY_HAND, Life, a_case, a_plan, models, people

from adjudge.core.advance import Settle
from adjudge.core.calibration import Temperature, Uncalibrated
from adjudge.core.controls import Controls
from adjudge.core.events import Deferred
from adjudge.core.licences import Licence
from adjudge.core.money import Stake
from adjudge.core.outcomes import Relied
from adjudge.core.plans import AgainstPeople, Certified
from adjudge.core.replaying import Diverged, replay

CERTIFIED = Certified(SET_BY_HAND)
PLAN = replace(a_plan(models(accept=CERTIFIED), people()), prefixes=("p0", "p1"))
SCOPE = "certificate:claim.pay::p0"
LICENCE = Licence(
    certificate="c-1",
    scope=SCOPE,
    threshold=0.9,
    calibrator=Uncalibrated(),
    calibration="calibrator#1",
    target=0.01,
    confidence=0.9,
    valid_until=NOON + timedelta(days=30),
)


def controls(*licences: Licence, generation: int = 4) -> Controls:
    return Controls(
        generations={each.scope: generation for each in licences}, licences={each.scope: each for each in licences}
    )


def life(*licences: Licence, confidence: float = 0.95, plan=PLAN) -> Life:
    found = Life(plan, a_case(due_in=90 * 86_400), controls(*licences))
    found.says(("claim-risk@1", "pay", confidence))
    return found


def why(found: Life) -> str:
    [deferred] = [event for event in found.history.events if isinstance(event, Deferred)]
    return f"{deferred.code}: {deferred.reason}"


def test_at_the_licensed_threshold_a_model_settles_and_the_outcome_names_its_certificate():
    step = life(LICENCE, confidence=0.9).step

    assert isinstance(step, Settle)
    assert (step.outcome.code, step.outcome.certificate, step.outcome.source) == ("certified", "c-1", "model")
    assert step.outcome.relied == (Relied("decider:claim-risk@1", 0), Relied("automation", 0), Relied(SCOPE, 4))
    assert step.outcome.reason == "claim-risk@1 is 0.90 sure, 0.9 is licensed (certificate c-1: at most 1% wrong)"


def test_what_is_promised_is_said_in_words():
    for votes, margin, over, said in (
        (3, 0.0, "plan", "the whole plan no worse than a majority of 3 people"),
        (5, 0.01, "automated", "at most 1 point worse than a majority of 5 people"),
        (3, 0.005, "automated", "at most 0.5 points worse than a majority of 3 people"),
    ):
        against = replace_(LICENCE, people=AgainstPeople(votes=votes, margin=margin, over=over), target=margin)
        assert against.promise == said
        step = life(against, confidence=0.9).step
        assert isinstance(step, Settle)
        assert step.outcome.reason == f"claim-risk@1 is 0.90 sure, 0.9 is licensed (certificate c-1: {said})"


def test_of_money_no_stake_is_accepted_that_is_larger_than_audits_can_speak_of():
    limit = Stake(50_000, "USD")
    stage = models(accept=replace(CERTIFIED, money=limit))
    plan = replace(a_plan(stage, people()), prefixes=("p0", "p1"), rates={"USD": 1.0, "EUR": 1.1})
    licence = replace_(LICENCE, money=limit)

    def step(stake: Stake | None):
        found = Life(plan, a_case(due_in=90 * 86_400, stake=stake), controls(licence))
        found.says(("claim-risk@1", "pay", 0.95))
        return found

    settled = step(Stake(45_000, "EUR")).step
    assert isinstance(settled, Settle)
    assert "at most 1% of the stake wrong, of stakes up to 500.00 USD" in settled.outcome.reason
    assert why(step(Stake(50_001, "USD"))) == (
        "unsure: a stake of 500.01 USD is not one up to 500.00 USD (certificate c-1)"
    )
    for unknown in (Stake(1, "CHF"), None):
        assert why(step(unknown)).startswith("unsure: ")


def test_below_it_people_are_asked_and_told_by_how_much():
    assert why(life(LICENCE, confidence=0.8999)) == "unsure: 0.8999 is under 0.9 (certificate c-1)"


def test_what_is_compared_and_said_is_the_calibrated_confidence():
    over_confident = replace_(LICENCE, calibrator=Temperature(2.0))

    assert why(life(over_confident, confidence=0.97)).startswith("unsure: 0.85 is under 0.9")
    settled = life(over_confident, confidence=0.995).step
    assert isinstance(settled, Settle)
    assert settled.outcome.confidence == pytest.approx(0.9338, abs=1e-4)


@pytest.mark.parametrize(
    ("licences", "said"),
    [
        ((), "no certificate is in force here"),
        (("certificate:claim.pay:north:p0",), "no certificate is in force here"),
        (("certificate:claim.pay::p9",), "no certificate is in force here"),
        (("certificate:other::p0",), "no certificate is in force here"),
    ],
)
def test_a_licence_of_another_slice_prefix_or_type_licenses_nothing(licences, said):
    assert why(life(*(replace_(LICENCE, scope=scope) for scope in licences))) == f"no-certificate: {said}"


def test_an_expired_licence_licenses_nothing():
    expired = replace_(LICENCE, valid_until=NOON)

    assert why(life(expired)) == "no-certificate: certificate c-1 has expired"


def test_a_later_stage_is_licensed_only_together_with_the_earlier_one_that_it_was_tested_with():
    """What reaches stage 2 depends on what stage 1 takes: 0.4% wrong alone, 4.7% behind one that takes 95%."""
    plan = replace(a_plan(models(accept=CERTIFIED), models("second@1", accept=CERTIFIED)), prefixes=("p0", "p1"))
    later = replace_(LICENCE, certificate="c-2", scope="certificate:claim.pay::p1", behind=(LICENCE.terms,))
    moved = replace_(LICENCE, certificate="c-3", threshold=0.7)

    def second(*licences: Licence) -> Life:
        found = life(*licences, confidence=0.5, plan=plan)
        found.says(("second@1", "pay", 0.95))
        return found

    step = second(LICENCE, later).step
    assert isinstance(step, Settle)
    assert step.outcome.certificate == "c-2"
    assert [each.scope for each in step.outcome.relied] == ["decider:second@1", "automation", SCOPE, later.scope]
    assert second(replace_(LICENCE, certificate="c-9"), later).step.outcome.certificate == "c-2"  # renewed
    assert "certificate c-2 speaks of another earlier stage" in second(moved, later).step.outcome.reason
    assert "certificate c-2 speaks of another earlier stage" in second(later).step.outcome.reason


def test_a_decision_is_replayed_with_the_certificates_of_its_time():
    found = life(LICENCE)

    replay(PLAN, found.history.case, found.history.events, {"c-1": LICENCE})
    with pytest.raises(Diverged):
        replay(PLAN, found.history.case, found.history.events, {"c-1": replace_(LICENCE, threshold=0.99)})


def test_one_that_deferred_for_want_of_a_certificate_is_replayed_without_it():
    found = life()

    replay(PLAN, found.history.case, found.history.events, {"c-1": LICENCE})


def replace_(licence: Licence, **changes: object) -> Licence:
    return Licence(**{name: getattr(licence, name) for name in licence.__struct_fields__} | changes)
