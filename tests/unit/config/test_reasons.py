"""Fallbacks by reason: each stage and each type may say what answers when nothing came of it, and why it did not."""

import pytest
from tests.builders import Life, a_case, settled
from tests.unit.config.documents import CLAIMS, Compile, FaultsOf

from adjudge.core.advance import Ask, Wait

STAGE = CLAIMS.replace(
    'accept: {by_hand: "confidence >= 0.95"}}',
    'accept: {by_hand: "confidence >= 0.95"}, fallbacks: {timeout: {answer: pay}, error: defer}, on_error: safe_side}',
).replace("[pay, refuse]", "[pay, refuse]\n    safe_side: refuse")
TYPE = CLAIMS.replace(
    "[pay, refuse]",
    "[pay, refuse]\n    fallbacks: {no-reviewer: {answer: pay}, timeout: {hold: 1h, then: {answer: pay}},"
    " shed: {hold: 2h, then: {answer: pay}}}",
)


def life(configuration, **case) -> Life:
    return Life(configuration.plan("default", "claim.pay"), a_case(**case))


def test_a_stage_takes_the_fallback_of_its_reason_at_once(compiled: Compile):
    timed_out = life(compiled(STAGE))

    assert settled(timed_out.until())[:3] == ("pay", "final", "fallback")
    timed_out.replays()


def test_a_reason_that_defers_goes_on_whatever_on_error_says(compiled: Compile):
    failed = life(compiled(STAGE))

    step = failed.then(failed.fault("claim-risk@1"))

    assert isinstance(step, Ask)
    assert step.pool == "agents"
    garbled = life(compiled(STAGE.replace(", error: defer", "")))
    assert settled(garbled.then(garbled.fault("claim-risk@1", "garbage")))[:3] == ("refuse", "final", "fallback")


def test_the_type_ends_its_plans_by_why_the_last_stage_came_to_nothing(compiled: Compile):
    unanswered = life(compiled(TYPE))
    unanswered.then(unanswered.fault("claim-risk@1"))

    assert settled(unanswered.until()) == (
        *("pay", "final", "fallback"),
        "fallback: agents: 0 of 1 vote in time",
    )
    unanswered.replays()


def test_the_deadline_takes_the_end_of_the_fallback_for_time_outs(compiled: Compile):
    late = life(compiled(TYPE.replace("timeout: 10m", "timeout: 10h")), due_in=60)
    late.then(late.fault("claim-risk@1"))

    assert settled(late.then(after=61))[:3] == ("pay", "final", "fallback")
    assert settled(life(compiled(CLAIMS), due_in=-60).step)[0] == "refuse"


def test_where_there_is_no_room_nobody_is_asked_and_the_fallback_for_that_answers(compiled: Compile):
    shed = life(compiled(TYPE), shed=True, due_in=86_400)

    assert isinstance(shed.step, Wait)
    assert settled(shed.until()) == (
        *("pay", "final", "fallback"),
        "fallback: more was asked than could be answered in time",
    )
    shed.replays()


def test_fallbacks_are_part_of_what_a_plan_does(compiled: Compile):
    hashes = {compiled(text).plan("default", "claim.pay").hash for text in (CLAIMS, STAGE, TYPE)}

    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("sound", "spoilt", "said"),
    [
        ("timeout: {hold: 1h, then: {answer: pay}}", "timeout: {hold: 1h}", "fallbacks.timeout: this fallback"),
        ("no-reviewer: {answer: pay}", "no-reviewer: {answer: pai}", "did you mean `pay`?"),
        ("no-reviewer: {answer: pay}", "no-reviewers: {answer: pay}", "did you mean `no-reviewer`?"),
        ("no-reviewer: {answer: pay}", "no-reviewer: defer", "there is no stage after the last"),
        ("no-reviewer: {answer: pay}", "no-reviewer: {escalate: agents, timeout: 1m, then: {answer: pay}}",
         "`agents` is asked already at"),
        ('{by_hand: "confidence >= 0.95"}}', '{by_hand: "confidence >= 0.95"}, fallbacks: {no-certificate: defer}}',
         "nothing reads `no-certificate` here; known are `timeout`, `error`"),
        ('{by_hand: "confidence >= 0.95"}}', '{by_hand: "confidence >= 0.95"}, fallbacks: {}}', "no reason is named"),
        ("timeout: 10m}", "timeout: 10m, fallbacks: {no-reviewer: {answer: pay}}}\n      - {ask: experts, timeout: 1m}",
         "claims.stages[2]: no question comes here: stages[1] settles"),
    ],
)  # fmt: skip
def test_a_fault_of_a_fallback_by_reason_says_what_is_meant(faults_of: FaultsOf, sound: str, spoilt: str, said: str):
    assert sound in TYPE
    text = TYPE.replace("pools: {", "pools: {experts: {}, ").replace(sound, spoilt, 1)

    faults = faults_of(text)

    assert any(said in str(fault) for fault in faults), "\n".join(map(str, faults))
