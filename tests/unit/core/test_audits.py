"""What an open audit needs next; its truth is unanimity or an expert's word, and what cannot be known is lost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adjudge.core.audits import (
    AuditSpec,
    AuditVote,
    Close,
    Lose,
    ModelSaid,
    SeatExpert,
    SeatPeople,
    Standing,
    Stay,
    next_step,
    proportional,
    said_in_plan,
)
from adjudge.core.events import Asked, Opinion, TimedOut

NOW = datetime(2026, 11, 28, tzinfo=UTC)
SPEC = AuditSpec(pool="agents", expert="experts", rate=0.05, votes=3, patience=timedelta(days=2))
ALONE = AuditSpec(pool="agents", expert=None, rate=0.05, votes=3)


def votes(*answers: str, purpose: Any = "truth") -> tuple[AuditVote, ...]:
    return tuple(AuditVote(reviewer=f"r{n}", pool="agents", purpose=purpose, answer=a) for n, a in enumerate(answers))


def standing(*answers: str, **more: Any) -> Standing:
    usual: dict[str, Any] = {
        "opened_at": NOW,
        "has_evidence": True,
        "expert_asked": False,
        "seats": 3,
        "leased": 0,
        "votes": votes(*answers),
        "expert": None,
        "left": 2,
        "members": 5,
    }
    return Standing(**usual | more)


def step(spec: AuditSpec, found: Standing, *, expert_too: bool = False, after: timedelta = timedelta(0)) -> object:
    return next_step(spec, found, expert_too=expert_too, now=NOW + after)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (standing(seats=0), SeatPeople(("truth", "truth", "truth"))),
        (standing("a", "a", "a"), Close("a", "unanimity")),
        (standing("a", "b"), SeatExpert("split")),
        (standing("a", left=0), SeatExpert("declined")),
        (standing(has_evidence=False), Lose("evidence-gone")),
        (standing(expert_asked=True, left=0), Lose("declined")),
        (standing("a", expert_asked=True, expert=votes("b")[0]), Close("b", "expert")),
        (standing("a", late="b"), Close("b", "late")),
        (standing(seats=0, late="b"), Close("b", "late")),
        (standing(has_evidence=False, late="b"), Close("b", "late")),
        (standing("a", expert_asked=True, left=0, late="b"), Close("b", "late")),
        (standing("a", expert_asked=True, expert=votes("b")[0], late="c"), Close("b", "expert")),
    ],
)
def test_what_follows(found, wanted):
    assert step(SPEC, found) == wanted


def test_where_all_votes_are_set_apart_as_peoples_the_expert_says_what_is_true():
    """And is asked whatever they said, once they have said it."""
    spec = AuditSpec(pool="agents", expert="experts", rate=0.05, votes=0, people=2, expert_share=1)
    said = votes("a", "a", purpose="people")

    assert step(spec, standing(seats=0)) == SeatPeople(("people", "people"))
    assert isinstance(step(spec, standing(votes=said[:1]), expert_too=True), Stay)
    assert step(spec, standing(votes=said), expert_too=True) == SeatExpert("share")


def test_what_came_of_itself_is_the_truth_and_is_compared_with_people_who_have_spoken():
    """Votes set apart are no part of the truth: without them people would count as right."""
    spec = AuditSpec(pool="agents", expert="experts", rate=0.05, votes=3, people=2, expert_share=1)
    said = votes("a", "a", purpose="people")

    assert step(spec, standing(seats=0, late="b")) == SeatPeople(("people", "people"))
    assert step(spec, standing(votes=said[:1], late="b")) == Stay(NOW + spec.patience)
    assert step(spec, standing(votes=said, late="b")) == Close("b", "late")
    assert step(spec, standing(votes=said[:1], late="b"), after=spec.patience) == Close("b", "late")
    assert step(spec, standing(votes=said[:1], late="b", left=0)) == Close("b", "late")


def test_a_coin_sends_some_of_the_unanimous_to_the_expert_too():
    assert step(SPEC, standing("a", "a", "a"), expert_too=True) == SeatExpert("share")


def test_a_majority_is_never_the_truth_where_there_is_an_expert():
    assert step(SPEC, standing("a", "a", "b")) == SeatExpert("split")


def test_without_an_expert_what_most_say_is_called_a_consensus_and_a_tie_is_lost():
    assert step(ALONE, standing("a", "a", "b")) == Close("a", "consensus")
    assert step(ALONE, standing("a", "b", "c")) == Lose("split")
    assert step(ALONE, standing("a", "a", "a"), expert_too=True) == Close("a", "unanimity")


def test_an_audit_has_no_deadline_but_after_its_patience_the_expert_is_asked():
    assert isinstance(step(SPEC, standing("a")), Stay)
    assert step(SPEC, standing("a"), after=SPEC.patience) == SeatExpert("unanswered")
    assert isinstance(step(ALONE, standing("a"), after=timedelta(days=400)), Stay)


def test_while_somebody_has_it_in_hand_or_the_pool_is_empty_nothing_is_lost():
    assert isinstance(step(ALONE, standing("a", left=0, leased=1)), Stay)
    assert isinstance(step(ALONE, standing(left=0, members=0)), Stay)


def test_votes_set_apart_are_waited_for_and_are_no_part_of_the_truth():
    spec = AuditSpec(pool="agents", expert="experts", rate=1, votes=2, people=1)
    apart = votes("b", purpose="people")

    assert step(spec, standing(seats=0)) == SeatPeople(("truth", "truth", "people"))
    assert isinstance(step(spec, standing("a", "a")), Stay)
    assert step(spec, standing(votes=votes("a", "a") + apart)) == Close("a", "unanimity")


def test_where_only_experts_audit_they_are_asked_at_once():
    assert step(AuditSpec(pool=None, expert="experts", rate=1, votes=0), standing(seats=0)) == SeatExpert("share")


def test_a_rate_in_proportion_to_the_stake_is_never_below_it_and_there_are_few_of_them():
    """What audits weigh has a bound only where no rate is lower than what is proportional."""
    rates = {stake: proportional(0.05, stake, 200) for stake in range(1, 5_000)}

    assert (proportional(0.05, 200, 200), proportional(0.05, 400, 200), proportional(0.05, 0, 200)) == (0.05, 0.1, 0)
    assert all(exact(stake) <= rate <= 1.1 * exact(stake) or rate == 1 for stake, rate in rates.items())
    assert min(rate for stake, rate in rates.items() if stake >= 4_000) == 1
    assert len(set(rates.values())) < 250


def exact(stake: float) -> float:
    return 0.05 * stake / 200 * (1 - 1e-9)


def test_a_model_that_was_too_late_for_the_plan_has_said_nothing_in_it():
    """What it says on the side afterwards is not what the plan had: its answer would not have been accepted."""
    asked = Asked(at=NOW, stage=0, deciders=("quick@1", "slow@1"), until=NOW)
    heard = Opinion(at=NOW, stage=0, by="quick@1", source="model", answer="pay", confidence=0.9)

    said: dict[str, ModelSaid] = {}
    for by, opinion in said_in_plan([asked, heard, TimedOut(at=NOW, stage=0)]):
        said.setdefault(by, opinion)

    assert said["quick@1"].answer == "pay"
    assert (said["slow@1"].answer, said["slow@1"].fault) == (None, "timeout")
