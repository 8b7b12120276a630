"""Asking, waiting, settling; each fallback; what people read of it."""

import pytest
from tests.builders import NOON, SET_BY_HAND, Life, a_case, a_plan, by_hand, models, people, seconds, settled

from adjudge.core.advance import Ask, Settle, Wait
from adjudge.core.answers import Labels
from adjudge.core.controls import Controls
from adjudge.core.events import Asked, Deferred, Derived, FellBack
from adjudge.core.money import Stake
from adjudge.core.outcomes import Relied
from adjudge.core.plans import Answer, Certified, Escalate, Hold, Origin, Plan, Provisional, SafeSide, Stage

OFF = Controls(switched_off=frozenset({"claim-risk@1"}))


class TestStages:
    def test_a_sure_model_settles(self):
        life = Life(a_plan(models()))

        life.says(("claim-risk@1", "pay", 0.99))

        reason = "claim-risk@1 is 0.99 sure, 0.95 is enough (set by hand, config/claims.yaml:10)"
        assert settled(life.step) == ("pay", "final", "model", reason)

    def test_a_rule_is_called_a_rule(self):
        life = Life(a_plan(models("limits@1")))
        opinion = life.opinion("limits@1", "pay", 1.0)

        life.then(type(opinion)(at=life.now, stage=0, by="limits@1", source="rule", answer="pay", confidence=1.0))

        assert settled(life.step)[2] == "rule"

    def test_an_unsure_model_defers_to_people(self):
        origin = Origin("groups/eu.yaml", 14)
        life = Life(
            a_plan(models("vision-sku@2", accept=by_hand("confidence >= 0.95", origin)), people(least=2, most=3))
        )

        life.says(("vision-sku@2", "pay", 0.61))

        deferred, asked = life.step.record
        assert isinstance(deferred, Deferred)
        assert deferred.reason == "0.61 is under 0.95 (set by hand, groups/eu.yaml:14)"
        assert isinstance(asked, Asked)
        assert settled(life.votes(anna="pay", ben="pay")) == ("pay", "final", "reviewer", "2 of 2 agree")
        life.replays()

    def test_a_confidence_that_only_just_misses_does_not_look_like_its_threshold(self):
        life = Life(a_plan(models(), people()))

        life.says(("claim-risk@1", "pay", 0.94999))

        assert life.step.record[0].reason.startswith("0.94999 is under 0.95 ")

    def test_a_condition_is_quoted_where_it_is_more_than_a_threshold(self):
        life = Life(
            a_plan(models(accept=by_hand("confidence > 0.9 && stake < 100.0"))), a_case(stake=Stake(250, "USD"))
        )

        life.says(("claim-risk@1", "pay", 0.99))

        reason = "claim-risk@1 is 0.99 sure, `confidence > 0.9 && stake < 100.0` holds"
        assert settled(life.step)[3].startswith(reason)

    @pytest.mark.parametrize("accept", [None, Certified(SET_BY_HAND)])
    def test_without_a_threshold_or_a_certificate_no_model_is_believed(self, accept):
        life = Life(Plan(name="p", stages=(_accepting(accept), people()), fallback=(Answer("refuse"),)))

        life.says(("claim-risk@1", "pay", 1.0))

        assert isinstance(life.step, Ask)
        assert life.step.pool == "agents"

    @pytest.mark.parametrize(
        "condition", ["1 / (votes - votes) > 0", 'attributes.region == "eu"', "stake_in('USD') < 5.0"]
    )
    def test_a_condition_that_cannot_be_evaluated_defers(self, condition):
        life = Life(a_plan(models(accept=by_hand(condition)), people()), a_case(stake=Stake(1, "EUR")))

        life.says(("claim-risk@1", "pay", 1.0))

        assert isinstance(life.step, Ask)

    def test_an_abstention_defers(self):
        life = Life(a_plan(models(accept=by_hand("true")), people()))

        life.says(("claim-risk@1", None, 0.0))

        assert life.step.record[0].reason == "no decider had an answer"

    def test_silence_defers_when_the_stages_time_is_over(self):
        life = Life(a_plan(models(timeout=2), people()))
        assert life.step.until == NOON + seconds(2)

        life.until()

        assert life.step.record[0].reason == "claim-risk@1 did not answer in time"

    def test_an_answer_recorded_after_the_time_out_is_late(self):
        life = Life(a_plan(models(accept=by_hand("true")), people()))

        life.then(life.time_out(), life.opinion("claim-risk@1", "pay", 1.0))

        assert isinstance(life.step, Ask)
        assert life.step.pool == "agents"

    def test_nothing_is_awaited_beyond_the_deadline(self):
        life = Life(a_plan(models(timeout=100)), a_case(due_in=60))

        assert life.step.until == NOON + seconds(60)

    def test_after_the_final_outcome_nothing_happens(self):
        life = Life(a_plan())
        life.says(("claim-risk@1", "pay", 0.99))

        again = life.says(("claim-risk@1", "refuse", 1.0))

        assert again == Wait(life.history.case.deadline, ())


class TestControls:
    def test_a_model_that_is_switched_off_is_not_asked(self):
        life = Life(a_plan(models(), people()), controls=OFF)

        assert isinstance(life.step, Ask)
        assert life.step.pool == "agents"
        assert life.step.record[0].reason == "claim-risk@1 is switched off"

    def test_of_two_only_the_other_is_asked(self):
        life = Life(a_plan(models("claim-risk@1", "b@1")), controls=OFF)

        assert life.step.deciders == ("b@1",)

    def test_rules_over_all_models_are_passed_over_without_one_of_them(self):
        life = Life(a_plan(models("claim-risk@1", "b@1", rule="majority"), people()), controls=OFF)

        assert isinstance(life.step, Ask)
        assert life.step.pool == "agents"

    def test_a_model_switched_off_after_its_answer_is_not_believed(self):
        life = Life(a_plan(models(), people()))
        life.controls = OFF

        life.says(("claim-risk@1", "pay", 1.0))

        assert life.step.record[0].code == "switched-off"

    def test_a_replay_knows_what_was_switched_off(self):
        life = Life(a_plan(models(), models("b@1"), people()))
        life.controls = OFF
        life.says(("claim-risk@1", "pay", 1.0))
        life.controls = Controls()
        life.says(("b@1", "pay", 1.0))

        life.replays()

    def test_people_go_on_without_the_model_that_was_switched_off(self):
        life = Life(a_plan(models(), people(rule="bayes")))
        life.says(("claim-risk@1", "refuse", 0.9))
        life.controls = OFF

        life.votes(anna="pay")

        assert isinstance(life.step, Settle)
        assert life.step.outcome.deciders == ("agents",)

    def test_an_outcome_names_the_generations_it_relied_on(self):
        life = Life(a_plan(), controls=Controls(generations={"decider:claim-risk@1": 7}))

        life.says(("claim-risk@1", "pay", 1.0))

        assert isinstance(life.step, Settle)
        assert life.step.outcome.relied == (Relied("decider:claim-risk@1", 7), Relied("automation", 0))

    @pytest.mark.parametrize("place", ["everywhere", "type:claim.pay", "location:default", "type:claim.pay@default"])
    def test_where_automation_is_off_people_are_asked_and_the_path_says_so(self, place):
        life = Life(a_plan(models(), people()), controls=Controls(frozenset({place, "location:x"})))

        assert isinstance(life.step, Ask)
        assert life.step.pool == "agents"
        [deferred] = [event for event in life.history.events if isinstance(event, Deferred)]
        assert (deferred.code, deferred.reason) == ("switched-off", f"automation is off, {place}")
        assert deferred.switched_off == (place,)

    def test_what_a_model_said_before_its_group_was_switched_off_is_not_believed(self):
        life = Life(a_plan(models(), people()), case=a_case(groups=("eu",)))
        life.controls = Controls(frozenset({"group:eu"}))

        life.says(("claim-risk@1", "pay", 1.0))

        assert isinstance(life.step, Ask)
        assert life.step.pool == "agents"

    def test_another_groups_switch_touches_nothing(self):
        life = Life(a_plan(), case=a_case(groups=("us",)), controls=Controls(frozenset({"group:eu"})))

        life.says(("claim-risk@1", "pay", 1.0))

        assert isinstance(life.step, Settle)
        assert not any(event.switched_off for event in life.history.events if isinstance(event, Derived))


class TestFallbacks:
    def test_answer_settles_with_it(self):
        life = Life(a_plan(people(), fallback=(Answer("refuse"),)))

        life.until()

        assert settled(life.step) == ("refuse", "final", "fallback", "fallback: agents: 0 of 1 vote in time")

    def test_safe_side_settles_with_what_the_type_declares_harmless(self):
        life = Life(a_plan(people(), fallback=(SafeSide(),)), a_case(safe_side="pay"))

        assert settled(life.until())[:3] == ("pay", "final", "fallback")

    def test_a_harmless_answer_may_be_the_empty_label(self):
        case = a_case(space=Labels(("", "pay")), safe_side="")
        life = Life(a_plan(people(least=2, most=2, rule="agree"), fallback=(SafeSide(),)), case)
        life.votes(anna="pay")

        assert settled(life.until())[0] == ""

    def test_provisional_answers_now_and_people_go_on(self):
        life = Life(a_plan(models(), people(timeout=5), fallback=(Provisional("refuse"),)))
        life.says(("claim-risk@1", "pay", 0.5))

        assert settled(life.until())[:3] == ("refuse", "provisional", "fallback")
        life.votes(anna="pay")

        assert isinstance(life.step, Settle)
        assert life.step.outcome.version == 2
        assert settled(life.step)[:3] == ("pay", "final", "reviewer")
        life.replays()

    def test_a_provisional_answer_is_final_at_the_deadline(self):
        life = Life(a_plan(people(timeout=5), fallback=(Provisional("pay"),)))
        life.until()

        assert life.step.until == life.history.case.deadline
        assert settled(life.until())[:3] == ("pay", "final", "fallback")

    def test_the_best_provisional_answer_is_the_surest_so_far(self):
        life = Life(a_plan(models(), fallback=(Provisional(None),)))

        life.says(("claim-risk@1", "pay", 0.6))

        assert settled(life.step)[:2] == ("pay", "provisional")

    def test_without_any_opinion_the_best_is_the_harmless(self):
        life = Life(a_plan(models(), fallback=(Provisional(None),)))

        life.then(life.fault("claim-risk@1"))

        assert settled(life.step)[:2] == ("refuse", "provisional")

    def test_escalate_asks_the_other_pool_and_then_falls_back_itself(self):
        experts = people("experts", timeout=60)
        plan = a_plan(people(timeout=5), fallback=(Escalate(1), Answer("refuse")), escalations=(experts,))
        asked, silent = Life(plan), Life(plan)

        for life in (asked, silent):
            life.until()
            assert isinstance(life.step, Ask)
            assert (life.step.stage, life.step.pool) == (1, "experts")
            assert isinstance(life.step.record[1], FellBack)

        assert settled(asked.votes(zoe="pay"))[:3] == ("pay", "final", "reviewer")
        assert settled(silent.until())[3] == "fallback: experts: 0 of 1 vote in time"
        asked.replays()
        silent.replays()

    def test_fallbacks_follow_each_other_to_their_end(self):
        chain = (Escalate(1), Hold(seconds(60)), Escalate(2), Answer("pay"))
        pools = (people("seniors", timeout=10), people("experts", timeout=10))
        life = Life(a_plan(people(timeout=10), fallback=chain, escalations=pools))

        assert life.until().pool == "seniors"
        assert isinstance(life.until(), Wait), "held"
        assert life.until().pool == "experts"
        assert settled(life.until()) == ("pay", "final", "fallback", "fallback: experts: 0 of 1 vote in time")
        life.replays()

    def test_a_pool_that_was_escalated_to_in_vain_is_passed_over_for_good(self):
        plan = a_plan(people(timeout=5), fallback=(Escalate(1), Answer("refuse")), escalations=(people("experts"),))
        life = Life(plan)
        life.until()

        assert settled(life.then(life.time_out()))[:2] == ("refuse", "final")

    def test_hold_answers_nothing_until_its_time_is_over(self):
        life = Life(a_plan(models(), fallback=(Hold(seconds(600)), Answer("refuse"))))

        life.says(("claim-risk@1", "pay", 0.5))

        assert isinstance(life.step, Wait)
        assert life.step.until == NOON + seconds(600)
        assert isinstance(life.then(after=599), Wait)
        assert settled(life.until())[:2] == ("refuse", "final")
        life.replays()

    def test_people_may_answer_while_a_decision_is_held(self):
        life = Life(a_plan(people(timeout=5), fallback=(Hold(seconds(600)), Answer("refuse"))))
        life.until()

        assert settled(life.votes(anna="pay"))[:3] == ("pay", "final", "reviewer")

    def test_a_hold_ends_at_the_deadline_with_the_last_of_the_chain(self):
        life = Life(a_plan(models(), fallback=(Hold(seconds(9000)), Answer("pay"))), a_case(due_in=3600))
        life.says(("claim-risk@1", "refuse", 0.5))

        assert settled(life.until()) == ("pay", "final", "fallback", "fallback: its deadline has passed")

    def test_a_question_that_came_too_late_says_so(self):
        life = Life(a_plan(), a_case(due_in=-1, late=True))

        assert settled(life.step) == ("refuse", "final", "fallback", "fallback: its deadline had passed on arrival")

    def test_a_plan_whose_fallback_does_not_end_is_refused(self):
        with pytest.raises(ValueError, match="does not end in an answer"):
            a_plan(fallback=(Hold(seconds(1)),))

    def test_an_escalation_to_nowhere_is_refused(self):
        with pytest.raises(ValueError, match="escalates to a stage that there is not"):
            a_plan(models(), fallback=(Escalate(0), Answer("pay")))


class TestOnError:
    PLAN = a_plan(models(on_error=(Answer("pay"),)), people())

    def test_a_fault_takes_the_stages_own_fallback(self):
        life = Life(self.PLAN)

        life.then(life.fault("claim-risk@1", "error", "boom"))

        assert settled(life.step) == ("pay", "final", "fallback", "fallback: claim-risk@1 failed: boom")
        life.replays()

    def test_whoever_notices_a_time_out_it_is_a_fault(self):
        told, noticed = Life(self.PLAN), Life(self.PLAN)

        told.then(told.fault("claim-risk@1", "timeout"))
        noticed.until()

        assert settled(told.step) == settled(noticed.step)

    @pytest.mark.parametrize(("answer", "confidence"), [("pay", 0.5), (None, 0.0)])
    def test_doubt_is_no_fault(self, answer, confidence):
        life = Life(self.PLAN)

        life.says(("claim-risk@1", answer, confidence))

        assert isinstance(life.step, Ask)
        assert life.step.pool == "agents"

    def test_an_unsure_answer_beside_a_fault_is_doubt(self):
        life = Life(a_plan(models("a@1", "b@1", on_error=(Answer("pay"),)), people()))

        life.then(life.fault("a@1"))
        life.says(("b@1", "pay", 0.5))

        assert isinstance(life.step, Ask)

    def test_a_hold_on_error_ends_in_its_own_chain(self):
        held = (Hold(seconds(60)), Answer("pay"))
        life = Life(a_plan(models(on_error=held), people(), fallback=(Answer("refuse"),)))
        life.then(life.fault("claim-risk@1"))

        assert settled(life.until())[0] == "pay"
        life.replays()


def _accepting(accept):
    return Stage(deciders=("claim-risk@1",), accept=accept)
