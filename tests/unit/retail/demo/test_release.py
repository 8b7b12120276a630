from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.unit.retail.demo.test_earning import a_slice

from adjudge.automation.watching import Watch, delays
from adjudge.client import Decision, Outcome
from adjudge_retail.demo.cases import Case, folder_sources
from adjudge_retail.demo.earning import Earning
from adjudge_retail.demo.ledger import Ledger
from adjudge_retail.demo.release import SPARE, Release, audits_until_suspended
from adjudge_retail.demo.stores import TWELVE
from adjudge_retail.labelled import read_set

ASKED = datetime(2026, 3, 7, 18, 21, tzinfo=UTC)


@pytest.fixture
def ledger(make_set):
    """A hundred questions are expected; a model has answered three alone in group fresh."""
    (source,) = folder_sources(read_set(make_set()))
    case = Case(
        event="", source=source, item=source.labelled.items[0], store=TWELVE.stores[0], truth="a", facing="g1.s1.f01"
    )
    found = Ledger(expected=100)
    for number in range(3):
        outcome = Outcome(version=1, answer="a", source="model", settled_at=ASKED, certificate="c-1")
        decision = Decision(
            id=f"d-{number}",
            type="item.label",
            location="store-01",
            status="final",
            revision=1,
            asked_at=ASKED,
            outcome=outcome,
        )
        found.accept(replace(case, event=f"e-{number}"), decision, 0)
    return found


def earned(certificate="c-1"):
    earning = Earning()
    earning.hear([a_slice(certificate)], 1, lambda _: 100)
    return earning


def test_a_model_is_made_worse_where_it_answers_alone(ledger):
    release = Release()

    assert not release.consider(40, 20, ledger, earned())  # not yet
    assert release.consider(50, 25, ledger, earned())
    assert not release.consider(60, 30, ledger, earned())  # once

    assert release.key == ("item.label", "fresh")
    assert [release.edge_of(group) for group in ("fresh", "express", "market")] == ["2.1", "2.0", "2.0"]


def test_where_nothing_was_earned_nothing_is_made_worse(ledger):
    release = Release()

    assert not release.consider(90, 25, ledger, earned(None))
    assert not release.consider(90, 25, Ledger(expected=100), earned())
    assert release.edge_of("fresh") == "2.0"


def test_the_stated_number_of_audits_is_what_the_watch_is_tested_for():
    best = delays(target=0.05, delta=Watch.begin(target=0.05).delta, audits_per_day=1, times=(5,))[0].audits

    assert audits_until_suspended(0.25, 0.05) == pytest.approx(2 * best + SPARE, abs=1)
    assert audits_until_suspended(0.05, 0.05) == 0
    assert audits_until_suspended(1.0, 0.05) < 70
