"""What `advance` is told of a question."""

import pytest
from tests.builders import NOON, PAY_OR_REFUSE, a_plan

from adjudge.core.money import Stake
from adjudge.core.specifications import Location, QuestionType
from adjudge.engine.intake.questions import Question, case_of


@pytest.mark.parametrize(("stake", "currency"), [(Stake(100, "EUR"), None), (Stake(100, "USD"), "EUR"), (None, None)])
def test_a_case_says_in_which_currency_its_stake_is_read(stake, currency):
    question = Question(type="claim.pay", location="default", evidence={}, evidence_json=b"{}", subject={}, stake=stake)
    kind = QuestionType(name="claim.pay", space=PAY_OR_REFUSE)

    case = case_of(question, kind, a_plan(), Location(name="default", currency="EUR"), NOON, {})

    assert case.currency == currency
