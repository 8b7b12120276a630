"""Expressions: every fault is found when they are read; what cannot be evaluated does not hold."""

import pytest
from tests.builders import a_case, by_hand, models

from adjudge.core.accepting import Accepted, judge, stakes
from adjudge.core.beliefs import Belief
from adjudge.core.expressions import (
    LONGEST,
    VARIABLES,
    InvalidExpression,
    compile_condition,
    compile_over_evidence,
)
from adjudge.core.money import Stake

RATES = {"USD": 1.0, "EUR": 1.25}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("confidense >= 0.9", "`confidense >= 0.9`, column 1: undeclared reference to 'confidense'"),
        ("confidence > 0.5 && margn > 0.1", "column 21: undeclared reference to 'margn'"),
        ("confidence > 1", "column 12: found no matching overload for '_>_' applied to '(double, int)'; write whole "),
        ('stake_in("USD") > 5', "column 17: found no matching overload for '_>_' applied to '(double, int)'; write "),
        ("confidence >= 0.5 &&\n  margn > 0.1", "line 2, column 3: undeclared reference to 'margn'"),
        ("stake_in('usd') > 5.0", "undeclared reference to 'stake_in'"),
        ("confidence >= ", "column 15: Syntax error"),
        ("answer > 5.0", "found no matching overload"),
        ("confidence", "`confidence` is not a condition: it must be true or false"),
        ("", "column"),
        ("true" + " " * LONGEST, f"at most {LONGEST} characters"),
    ],
)
def test_a_fault_is_found_when_read_with_its_place(text, fault):
    with pytest.raises(InvalidExpression) as refusal:
        compile_condition(text)

    assert fault in str(refusal.value)


def test_a_hint_says_how_to_write_a_whole_number():
    with pytest.raises(InvalidExpression, match="write whole numbers of this type with a point"):
        compile_condition("stake < 5")


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_can_be_read(name):
    text = {"attributes": "size(attributes) == 0", "opinions": "size(opinions) == 0", "stakes": "size(stakes) == 2"}
    condition = text.get(name, f"{name} == {name}")

    assert isinstance(judged(condition, a_case(stake=Stake(1, "USD"))), Accepted)


@pytest.mark.parametrize(("text", "threshold"), [("confidence >= 0.95", 0.95), (" confidence>=1.0 ", 1.0)])
def test_a_plain_threshold_is_known(text, threshold):
    assert compile_condition(text).threshold == threshold


@pytest.mark.parametrize("text", ["confidence > 0.95", "margin >= 0.95", "confidence >= 0.9 && margin > 0.1"])
def test_anything_more_is_no_plain_threshold(text):
    assert compile_condition(text).threshold is None


def test_an_expression_tells_what_it_reads_and_which_rates_it_needs():
    condition = compile_condition('confidence > 0.9 && stake_in("USD") < 5.0 && stake_in("EUR") < 5.0')

    assert condition.reads == {"confidence", "stakes"}
    assert condition.currencies == {"USD", "EUR"}


@pytest.mark.parametrize("condition", ["stake < 1000000000.0", 'stake_in("USD") < 1000000000.0'])
def test_a_missing_stake_is_infinite(condition):
    assert not isinstance(judged(condition, a_case(stake=None)), Accepted)


@pytest.mark.parametrize(
    ("stake", "rates", "condition", "holds"),
    [
        (Stake(400, "EUR"), RATES, 'stake_in("USD") == 5.0', True),
        (Stake(500, "USD"), RATES, 'stake_in("EUR") == 4.0', True),
        (Stake(249, "EUR"), RATES, 'stake_in("EUR") == 2.49', True),
        (Stake(249, "EUR"), RATES, "stake == 2.49", True),
        (Stake(249, "USD"), {}, 'stake_in("USD") == 2.49', True),
        (Stake(249, "EUR"), {}, 'stake_in("USD") < 1000.0', False),
        (Stake(249, "GBP"), RATES, 'stake_in("USD") < 1000.0', False),
        (None, {}, 'stake_in("USD") < 1000.0', False),
    ],
)
def test_a_stake_is_compared_in_other_currencies_only_at_given_rates(stake, rates, condition, holds):
    assert isinstance(judged(condition, a_case(stake=stake), rates), Accepted) == holds


@pytest.mark.parametrize(
    ("stake", "currency", "condition", "holds"),
    [
        (Stake(400, "EUR"), "USD", "stake == 5.0", True),
        (Stake(9999, "EUR"), "USD", "stake < 100.0", False),
        (Stake(500, "USD"), "EUR", "stake == 4.0", True),
        (Stake(249, "GBP"), "USD", "stake < 1000.0", False),
    ],
)
def test_a_stake_is_read_in_the_currency_of_the_location(stake, currency, condition, holds):
    """Where there is no rate it counts as infinite: doubt defers."""
    assert isinstance(judged(condition, a_case(stake=stake, currency=currency), RATES), Accepted) == holds


def test_a_stake_in_its_own_currency_takes_no_detour():
    """2.49 × 1.08 ÷ 1.08 is not 2.49."""
    assert stakes(Stake(249, "EUR"), {"USD": 1.0, "EUR": 1.08})["EUR"] == 2.49


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"attributes": {}},
        {"attributes": {"a": None}},
        {"attributes": {"a": 10**30}},
        {"attributes": {"a": object()}},
    ],
)
def test_what_cannot_be_evaluated_does_not_hold(values):
    condition = compile_condition("attributes.a > 1.0")

    assert not condition.holds(values)
    assert condition.value(values) is None


def test_an_expression_over_the_evidence_gives_a_value():
    expression = compile_over_evidence('double(evidence.amount) > 10.0 ? "refuse" : candidates[0]')

    assert expression.value({"evidence": {"amount": "12.50"}, "candidates": []}) == "refuse"
    assert expression.value({"evidence": {"amount": "2.50"}, "candidates": ["pay"]}) == "pay"
    assert expression.value({"evidence": {}, "candidates": ["pay"]}) is None


def test_expressions_are_equal_when_their_texts_are():
    assert compile_condition("true") == compile_condition("true")
    assert compile_condition("true") != compile_condition("false")
    assert len({compile_condition("true"), compile_condition("true")}) == 1


def judged(condition, case, rates=RATES):
    return judge(models(accept=by_hand(condition)), Belief("pay", 0.9, 0.8, (), 1, 1), case, rates)
