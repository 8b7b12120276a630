"""`first`, `agree`, `majority`, `bayes`: of models and of people."""

import msgspec
import pytest
from tests.builders import NOON, SET_BY_HAND, Life, a_case, a_plan, by_hand, models, people, settled

from adjudge.core.advance import Ask, Settle, Wait
from adjudge.core.answers import Integer, Labels
from adjudge.core.calibration import Uncalibrated
from adjudge.core.combining import best_answer
from adjudge.core.controls import Controls
from adjudge.core.licences import Licence
from adjudge.core.plans import Answer, Certified, Combine, Provisional, Stage, Votes


def deferred_because(life: Life) -> str:
    (event,) = [event for event in life.history.events if type(event).__name__ == "Deferred"][-1:]
    return event.reason


class TestFirst:
    def test_the_first_model_that_answers_is_believed(self):
        life = Life(a_plan(models("a@1", "b@1")))

        life.says(("b@1", "refuse", 0.97))

        assert settled(life.step)[0] == "refuse"

    def test_a_fault_of_one_waits_for_the_other(self):
        life = Life(a_plan(models("a@1", "b@1")))

        assert isinstance(life.then(life.fault("a@1")), Wait)
        assert settled(life.says(("b@1", "pay", 0.97)))[0] == "pay"

    def test_whoever_was_not_asked_is_not_believed(self):
        life = Life(a_plan(models("a@1", accept=by_hand("true")), people()))

        assert isinstance(life.says(("stranger@9", "pay", 1.0)), Wait)
        assert isinstance(life.then(life.vote("mallory", "pay")), Wait)

    def test_only_the_first_answer_of_a_decider_counts(self):
        life = Life(a_plan(models("a@1", "b@1"), people()))

        life.says(("a@1", "pay", 0.5), ("a@1", "pay", 0.99))

        assert isinstance(life.step, Ask)
        assert deferred_because(life).startswith("0.50 is under 0.95")

    def test_an_answer_after_a_fault_of_the_same_decider_is_late(self):
        life = Life(a_plan(models("a@1"), people()))

        life.then(life.fault("a@1"), life.opinion("a@1", "pay", 1.0))

        assert deferred_because(life) == "a@1 failed"

    def test_the_first_vote_decides(self):
        life = Life(a_plan(people(rule="first")))

        assert settled(life.votes(anna="pay")) == ("pay", "final", "reviewer", "1 of 1 agree")


class TestAgree:
    def test_all_models_must_say_the_same(self):
        life = Life(a_plan(models("a@1", "b@1", rule="agree"), people()))

        life.says(("a@1", "pay", 0.99), ("b@1", "refuse", 0.99))

        assert deferred_because(life) == "deciders disagree: pay 1, refuse 1"

    def test_its_confidence_is_that_of_the_least_sure(self):
        life = Life(a_plan(models("a@1", "b@1", rule="agree")))

        life.says(("a@1", "pay", 0.99), ("b@1", "pay", 0.96))

        assert isinstance(life.step, Settle)
        assert life.step.outcome.confidence == 0.96
        assert life.step.outcome.deciders == ("a@1", "b@1")

    def test_it_waits_for_the_silent(self):
        life = Life(a_plan(models("a@1", "b@1", rule="agree")))

        assert isinstance(life.says(("a@1", "pay", 1.0)), Wait)

    @pytest.mark.parametrize("rule", ["agree", "bayes"])
    def test_one_fault_or_abstention_defers(self, rule):
        plan = a_plan(models("a@1", "b@1", rule=rule, accept=by_hand("true")), people())
        failed, lacking, abstained = Life(plan), Life(plan), Life(plan)

        failed.then(failed.opinion("a@1", "pay"), failed.fault("b@1", "garbage", "sum is 1.2"))
        lacking.then(lacking.opinion("a@1", "pay"), lacking.fault("b@1", "no-evidence", "there is no /evidence/age"))
        abstained.says(("a@1", "pay", 1.0), ("b@1", None, 0.0))

        assert deferred_because(failed) == "b@1 gave a malformed answer: sum is 1.2"
        assert deferred_because(lacking) == "b@1 could not use the evidence: there is no /evidence/age"
        assert deferred_because(abstained) == "a decider abstained"

    @pytest.mark.parametrize("rule", ["agree", "bayes"])
    def test_after_one_fault_the_silent_are_not_awaited(self, rule):
        life = Life(a_plan(models("a@1", "b@1", rule=rule), people()))

        life.then(life.fault("a@1"))

        assert isinstance(life.step, Ask)
        assert life.step.pool == "agents"

    def test_people_agree_by_equal_votes_running(self):
        life = Life(a_plan(people(least=2, most=4, rule="agree")))

        life.votes(anna="pay", ben="refuse", cleo="pay")
        assert isinstance(life.step, Ask)

        assert settled(life.votes(dan="pay")) == ("pay", "final", "reviewer", "3 of 4 agree")

    def test_people_who_never_agree_defer_after_the_last_vote(self):
        life = Life(a_plan(people(least=2, most=3, rule="agree")))

        life.votes(anna="pay", ben="refuse", cleo="pay")

        reason = "fallback: 3 votes, none agreed on: pay 2, refuse 1"
        assert settled(life.step) == ("refuse", "final", "fallback", reason)


class TestMajority:
    def test_more_than_half_of_all_models_asked_decide(self):
        life = Life(a_plan(models("a@1", "b@1", "c@1", rule="majority")))

        life.says(("a@1", "pay", 0.96), ("b@1", "refuse", 0.99), ("c@1", "pay", 0.98))

        assert isinstance(life.step, Settle)
        assert life.step.outcome.answer == "pay"
        assert life.step.outcome.confidence == pytest.approx(0.97)

    def test_a_fault_does_not_stop_those_who_are_enough_without(self):
        life = Life(a_plan(models("a@1", "b@1", "c@1", rule="majority")))

        life.then(life.fault("b@1"))
        life.says(("a@1", "pay", 0.96), ("c@1", "pay", 0.98))

        assert settled(life.step)[0] == "pay"

    def test_two_of_four_models_are_no_majority(self):
        life = Life(a_plan(models("a@1", "b@1", "c@1", "d@1", rule="majority"), people()))

        life.says(*[(name, "pay", 0.99) for name in ("a@1", "b@1")], *[(name, None, 0.0) for name in ("c@1", "d@1")])

        assert deferred_because(life) == "no majority: pay 2"

    def test_votes_are_bought_until_no_later_one_can_overturn(self):
        life = Life(a_plan(people(least=1, most=5, rule="majority")))

        life.votes(anna="pay", ben="pay")
        assert isinstance(life.step, Ask), "three others might still refuse"

        assert settled(life.votes(cleo="pay")) == ("pay", "final", "reviewer", "3 of 3 agree")

    def test_at_least_the_minimum_is_bought(self):
        life = Life(a_plan(people(least=3, most=3, rule="majority")))

        life.votes(anna="pay", ben="pay")
        assert isinstance(life.step, Ask)

        assert settled(life.votes(cleo="refuse"))[3] == "2 of 3 agree"

    def test_a_tie_after_the_last_vote_defers(self):
        life = Life(a_plan(people(least=2, most=2, rule="majority"), people("experts")))

        life.votes(anna="pay", ben="refuse")

        assert isinstance(life.step, Ask)
        assert life.step.pool == "experts"
        assert deferred_because(life) == "2 votes, none agreed on: pay 1, refuse 1"

    def test_no_vote_is_bought_that_can_decide_nothing(self):
        space = Labels(("pay", "refuse", "ask"))
        life = Life(a_plan(people(least=2, most=4, rule="majority"), people("experts")), a_case(space=space))

        life.votes(anna="pay", ben="refuse", cleo="ask")

        assert isinstance(life.step, Ask)
        assert life.step.pool == "experts"
        reason = "3 of 4 votes, and those left cannot agree: ask 1, pay 1, refuse 1"
        assert deferred_because(life) == reason

    def test_votes_beyond_the_last_seat_change_nothing(self):
        """Votes that cross: with more votes than seats two answers could each have the majority."""
        life = Life(a_plan(people(least=3, most=3, rule="majority")))

        crossing = (("anna", "refuse"), ("ben", "pay"), ("cleo", "pay"), ("dan", "refuse"), ("eva", "refuse"))
        life.then(*(life.vote(*each) for each in crossing))

        assert settled(life.step)[0] == "pay"

    def test_votes_without_an_answer_decide_nothing(self):
        life = Life(a_plan(people(least=2, most=2, rule="majority")))

        life.votes(anna=None, ben=None)

        assert settled(life.step)[2] == "fallback"


class TestBayes:
    def test_models_that_agree_are_surer_together_than_alone(self):
        rule = Combine("bayes", model_weight=1.0)
        stage = Stage(deciders=("a@1", "b@1"), combine=rule, accept=by_hand("confidence > 0.95"))
        life = Life(a_plan(stage))

        life.then(
            *(life.opinion(name, "pay", 0.9, distribution={"pay": 0.9, "refuse": 0.1}) for name in stage.deciders)
        )

        assert isinstance(life.step, Settle)
        assert life.step.outcome.confidence == pytest.approx(0.81 / (0.81 + 0.01), abs=1e-4)

    def test_a_vote_is_weighed_with_the_models_earlier_opinion(self):
        """Product of likelihoods at weights 1 and 1, in the labels' space of two."""
        rule = Combine("bayes", model_weight=1.0, vote_weight=1.0, accuracy=0.9)
        stage = Stage(pool="agents", combine=rule, votes=Votes(1, 3), accept=by_hand("confidence > 0.95"))
        life = Life(a_plan(models(), stage))

        life.then(life.opinion("claim-risk@1", "pay", 0.8, distribution={"pay": 0.8, "refuse": 0.2}))
        life.votes(anna="pay")

        assert isinstance(life.step, Settle)
        assert life.step.outcome.confidence == pytest.approx(0.8 * 0.9 / (0.8 * 0.9 + 0.2 * 0.1))
        assert life.step.outcome.source == "reviewer"
        assert life.step.outcome.deciders == ("claim-risk@1", "agents")
        assert life.step.outcome.reason.startswith("claim-risk@1 and 1 vote are 0.97 sure, ")
        assert [relied.scope for relied in life.step.outcome.relied] == ["decider:claim-risk@1", "automation"]

    def test_people_are_asked_until_the_belief_is_accepted(self):
        stage = people(least=1, most=3, rule="bayes", accept=by_hand("confidence > 0.99"))
        life = Life(a_plan(stage))

        life.votes(anna="pay", ben="refuse", cleo="refuse")

        answer, _, source, reason = settled(life.step)
        assert (answer, source) == ("refuse", "fallback")
        assert reason.endswith("`confidence > 0.99` does not hold (set by hand, config/claims.yaml:10)")

    def test_a_model_is_not_believed_by_people_who_all_abstain(self):
        """Its belief would be settled as theirs."""
        life = Life(a_plan(models(), people(rule="bayes"), fallback=(Answer("refuse"),)))

        life.says(("claim-risk@1", "pay", 0.9))
        life.votes(anna=None)

        assert settled(life.step)[:3] == ("refuse", "final", "fallback")

    def test_a_belief_outside_the_space_is_not_acted_on(self):
        """A distribution may reach beyond the space; its likeliest answer then is none."""
        life = Life(a_plan(models(rule="bayes", accept=by_hand("true")), people()))

        life.then(life.opinion("claim-risk@1", "pay", 0.4, distribution={"pay": 0.4, "maybe": 0.6}))

        assert deferred_because(life) == "'maybe' is not among the answers"

    def test_answers_that_nobody_named_have_their_share(self):
        """One vote among 1,000 numbers beats chance by far, but is not as sure as the person."""
        stage = people(rule="bayes", accept=by_hand("confidence > 0.9"))
        life = Life(a_plan(stage, fallback=(Answer("0"),)), a_case(space=Integer(0, 999), safe_side="0"))

        life.votes(anna="7")

        assert settled(life.step)[2] == "fallback"

    @pytest.mark.parametrize("accuracy", [0.0, 0.5, 1.0])
    def test_people_of_any_accuracy_can_be_combined(self, accuracy):
        stage = Stage(pool="agents", combine=Combine("bayes", accuracy=accuracy), votes=Votes(60, 60))
        life = Life(a_plan(stage))

        life.then(*(life.vote(f"person {number}", "pay") for number in range(60)))

        assert isinstance(life.step, Settle)
        assert 0 <= (life.step.outcome.confidence or 0) <= 1


class TestBuying:
    def test_one_at_a_time(self):
        life = Life(a_plan(people(least=2, most=3, rule="agree")))

        assert isinstance(life.step, Ask)
        assert (life.step.seats, life.step.first_seat) == (1, 0)
        life.votes(anna="pay")
        assert (life.step.seats, life.step.first_seat) == (1, 1)

    def test_two_together_and_no_third_before_both_have_answered(self):
        life = Life(a_plan(people(least=2, most=3, together=2, rule="agree")))

        assert (life.step.seats, life.step.first_seat) == (2, 0)
        assert isinstance(life.votes(anna="pay"), Wait)
        life.votes(ben="refuse")
        assert (life.step.seats, life.step.first_seat) == (1, 2)

    def test_a_declined_task_is_not_a_vote(self):
        life = Life(a_plan(people()))

        assert isinstance(life.then(life.declined("anna")), Wait)

        assert settled(life.votes(ben="pay"))[3] == "1 of 1 agree"

    def test_a_second_vote_of_the_same_person_is_not_bought(self):
        life = Life(a_plan(people(least=2, most=3, rule="agree")))

        life.then(life.vote("anna", "pay"))
        life.then(life.vote("anna", "pay"))

        assert isinstance(life.step, Wait)

    def test_no_votes_are_bought_for_a_stage_that_cannot_accept_them(self):
        life = Life(a_plan(people(least=1, most=5, accept=Certified(SET_BY_HAND))))

        life.votes(anna="pay")

        assert settled(life.step) == ("refuse", "final", "fallback", "fallback: no certificate is in force here")


class TestBest:
    def test_it_is_the_answer_of_most_votes(self):
        life = Life(a_plan(people(least=3, most=3)))
        opinions = [
            life.opinion("a@1", "ask", 1.0),
            life.vote("anna", "refuse"),
            life.vote("ben", "pay"),
            life.vote("cleo", "refuse"),
        ]

        assert best_answer(opinions) == best_answer(opinions[::-1]) == "refuse"

    def test_without_votes_it_is_the_surest_models(self):
        life = Life(a_plan())

        assert best_answer([life.opinion("a@1", "pay", 0.4), life.opinion("b@1", "refuse", 0.6)]) == "refuse"

    def test_a_model_that_was_switched_off_is_not_the_best(self):
        life = Life(a_plan(models("a@1", "b@1", rule="agree"), fallback=(Provisional(None),)))
        life.then(life.opinion("a@1", "pay", 0.9))
        life.controls = Controls(frozenset({"a@1"}))

        life.then(life.opinion("b@1", "refuse", 0.2))

        assert settled(life.step)[:2] == ("refuse", "provisional")
        life.replays()


@pytest.mark.parametrize("rule", ["agree", "majority"])
def test_people_who_answer_without_models_are_counted_whole(rule):
    """Votes are weighed down only where they are combined with models, with whom they err together."""
    life = Life(a_plan(people(least=2, most=2, rule=rule)))

    life.votes(anna="pay", ben="pay")

    assert isinstance(life.step, Settle)
    assert life.step.outcome.confidence == pytest.approx(0.95**2 / (0.95**2 + 0.05**2))


def test_the_reason_has_four_digits_of_what_is_licensed():
    licence = Licence(
        certificate="c-1",
        scope="certificate:claim.pay:north:3f2a",
        threshold=0.91234,
        calibrator=Uncalibrated(),
        calibration="k-1",
        target=0.01,
        confidence=0.9,
        valid_until=NOON,
    )

    assert licence.clause == "0.9123 is licensed (certificate c-1: at most 1% wrong)"
    assert msgspec.structs.replace(licence, threshold=0.5).clause.startswith("0.5 is licensed")
