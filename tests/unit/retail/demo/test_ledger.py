from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from adjudge.client import Decision, Outcome
from adjudge_retail.demo.cases import Case, folder_sources
from adjudge_retail.demo.ledger import Ledger
from adjudge_retail.demo.stores import TWELVE
from adjudge_retail.labelled import read_set

ASKED = datetime(2026, 3, 7, 18, 21, tzinfo=UTC)


@pytest.fixture
def case(make_set):
    (source,) = folder_sources(read_set(make_set()))
    return Case(
        event="e-1", source=source, item=source.labelled.items[0], store=TWELVE.stores[0], truth="a", facing="g1.s1.f01"
    )


def a_decision(number=1, *, status="open", settled_after=None):
    outcome = None
    if settled_after is not None:
        at = ASKED + timedelta(seconds=settled_after)
        outcome = Outcome(version=1, answer="a", source="model", settled_at=at)
    return Decision(
        id=f"d-{number}",
        type="item.label",
        location="store-01",
        status=status,
        revision=1,
        asked_at=ASKED,
        outcome=outcome,
    )


def test_a_ledger_is_complete_once_all_that_was_accepted_is_settled(case):
    ledger = Ledger(expected=3)
    ledger.accept(case, a_decision(1), 0)
    ledger.accept(replace(case, event="e-2"), a_decision(2, status="final", settled_after=1), 0)
    ledger.refuse(replace(case, event="e-3"), "too much")
    assert not ledger.complete.is_set()

    ledger.hear(a_decision(1, status="final", settled_after=2))

    assert ledger.complete.is_set()
    assert ledger.settled == 2


def test_a_provisional_outcome_is_not_the_end(case):
    ledger = Ledger(expected=1)
    ledger.accept(case, a_decision(), 0)

    ledger.hear(a_decision(status="provisional", settled_after=1))

    assert not ledger.complete.is_set()
    assert ledger.entries["d-1"].milliseconds is None
    assert ledger.open == 1


def test_a_settled_decision_is_counted_once(case):
    ledger = Ledger(expected=2)
    ledger.accept(case, a_decision(), 0)

    for _ in range(2):
        ledger.hear(a_decision(status="final", settled_after=1))

    assert ledger.settled == 1


def test_an_outcome_may_come_before_the_answer_to_the_question(case):
    """The feed is read beside the requests: a quick model is heard of first."""
    ledger = Ledger(expected=1)
    ledger.hear(a_decision(1, status="final", settled_after=1))
    assert not ledger.entries

    ledger.accept(case, a_decision(1), 0)

    assert ledger.complete.is_set()


def test_votes_for_audits_are_votes_and_known_apart(case):
    ledger = Ledger(expected=1)
    ledger.vote("e-1")
    ledger.vote("e-1", audits=True)

    assert (ledger.votes, ledger.audit_votes) == ({"e-1": 2}, {"e-1": 1})


def test_the_time_to_an_outcome_begins_when_the_question_was_due(case):
    """A client that falls behind must not make the system look quick."""
    ledger = Ledger(expected=1)
    ledger.accept(case, a_decision(status="final", settled_after=0.5), late_seconds=2)

    assert ledger.entries["d-1"].milliseconds == pytest.approx(2500)


def test_the_client_reads_what_the_tests_build():
    assert msgspec.json.decode(msgspec.json.encode(a_decision()), type=Decision) == a_decision()
