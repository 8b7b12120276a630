"""What `advance` is told of a question."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.builders import NOON, PAY_OR_REFUSE, a_plan

from adjudge.core.money import Stake
from adjudge.core.specifications import Location, QuestionType
from adjudge.engine.intake.questions import Question, case_of, fingerprint


@pytest.mark.parametrize(("stake", "currency"), [(Stake(100, "EUR"), None), (Stake(100, "USD"), "EUR"), (None, None)])
def test_a_case_says_in_which_currency_its_stake_is_read(stake, currency):
    question = Question(type="claim.pay", location="default", evidence={}, evidence_json=b"{}", subject={}, stake=stake)
    kind = QuestionType(name="claim.pay", space=PAY_OR_REFUSE)

    case = case_of(question, kind, a_plan(), Location(name="default", currency="EUR"), NOON, {})

    assert case.currency == currency


def test_a_deadline_is_kept_in_utc_and_told_from_others_as_it_was_sent():
    """The hash is one that the release before has stored: a key of before the upgrade stands for its question."""
    in_paris = datetime(2026, 3, 7, 18, 21, 7, tzinfo=timezone(timedelta(hours=1)))
    question = Question(
        type="t",
        location="default",
        evidence={"a": 1},
        evidence_json=b'{"a":1}',
        subject={},
        deadline=in_paris,
        idempotency_key="k",
    )

    case = case_of(question, QuestionType(name="t", space=PAY_OR_REFUSE), a_plan(), Location(name="default"), NOON, {})

    assert (case.deadline, case.deadline.tzinfo) == (in_paris, UTC)
    assert fingerprint(question).hex() == "c99bda1234ed46b1dc83a5c6086a92ee"
