"""A rule: the first case that holds answers; what cannot be told is no answer."""

import pytest

from adjudge.core.expressions import (
    InvalidExpression,
    Unevaluable,
    compile_rule_answer,
    compile_rule_condition,
)
from adjudge.core.rules import Rule, RuleCase


def a_case(when="true", answer="pay", **more):
    return RuleCase(when=compile_rule_condition(when), answer=answer, **more)


def said(*cases, evidence=None, **changes):
    values = {"candidates": [], "attributes": {}, "subject": {}, "question_type": "t", "location": "l"}
    return Rule(cases).answer({**values, "evidence": evidence or {}, **changes})


SMALL, LARGE = a_case("evidence.amount < 20.0"), a_case("evidence.amount > 500.0", "refuse")


@pytest.mark.parametrize(
    ("amount", "answer"), [(5, ("pay", 1.0)), (19.9, ("pay", 1.0)), (900, ("refuse", 1.0)), (100, None)]
)
def test_the_first_case_that_holds_answers_and_none_abstains(amount, answer):
    assert said(SMALL, LARGE, evidence={"amount": amount}) == answer


def test_an_earlier_case_comes_before_a_later_one():
    assert said(a_case(answer="first"), a_case(answer="second")) == ("first", 1.0)


@pytest.mark.parametrize("evidence", [{}, {"amount": "19.90"}, {"amount": None}, {"amount": 2**70}])
def test_a_case_that_cannot_be_told_ends_the_rule_although_a_later_one_would_hold(evidence):
    """Promise 3: what is not known to be false might have been true."""
    with pytest.raises(Unevaluable, match="case 1: "):
        said(SMALL, a_case(answer="refuse"), evidence=evidence)


def test_a_condition_that_is_neither_true_nor_false_is_not_true():
    with pytest.raises(Unevaluable, match="neither true nor false"):
        said(a_case("evidence.flag"), evidence={"flag": "yes"})


def test_an_answer_may_be_taken_from_the_evidence():
    scanned = a_case("has(evidence.scanned)", compile_rule_answer("evidence.scanned"), confidence=0.98)

    assert said(scanned, evidence={"scanned": "sku-7"}) == ("sku-7", 0.98)
    assert said(scanned) is None


def test_a_rule_reads_place_kind_attributes_subject_and_candidates():
    case = a_case(
        'attributes.tier == "gold" && location == "store-001" && question_type == "claim.pay" '
        '&& subject.customer == "7" && "pay" in candidates'
    )
    values = {"attributes": {"tier": "gold"}, "location": "store-001", "question_type": "claim.pay"}

    assert said(case, **values, subject={"customer": "7"}, candidates=["pay"]) == ("pay", 1.0)


def test_an_expression_of_many_steps_is_cut_off():
    """A bomb in configuration costs milliseconds, and is no answer."""
    bomb = a_case("evidence.l.all(a, evidence.l.all(b, evidence.l.all(c, a + b + c >= 0)))")

    with pytest.raises(Unevaluable):
        said(bomb, evidence={"l": list(range(1_000))})


@pytest.mark.parametrize("text", ["evidence.amount + 1.0", '"yes"', "nobody.knows", "evidence.a <", "x" * 1_001])
def test_what_is_no_condition_is_refused_when_it_is_read(text):
    with pytest.raises(InvalidExpression):
        compile_rule_condition(text)
