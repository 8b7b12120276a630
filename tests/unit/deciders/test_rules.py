"""Rules are asked like models: same checks, same breaker, no process."""

import asyncio

from tests.unit.deciders.asking import a_question, a_spec, opened

from adjudge.core.expressions import compile_rule_answer, compile_rule_condition
from adjudge.core.rules import Rule, RuleCase
from adjudge.deciders import Answered, Failed


def a_rule(when="evidence.amount < 20.0", answer="pay", **more):
    case = RuleCase(when=compile_rule_condition(when), answer=answer, **more)
    return a_spec(python="", rule=Rule((case,)), breaker_failures=2)


async def test_a_rule_answers_each_question_of_a_call():
    async with opened(a_rule(confidence=0.9)) as bench:
        small, large = await bench.ask(a_question(5), a_question(50))

    assert isinstance(small, Answered)
    assert (small.answer, small.confidence) == ("pay", 0.9)
    assert isinstance(large, Answered)
    assert large.answer is None


async def test_evidence_that_a_rule_cannot_read_is_the_questions_fault_and_opens_no_breaker():
    async with opened(a_rule()) as bench:
        for _ in range(5):
            [failed] = await bench.ask(a_question("a lot"))

        assert isinstance(failed, Failed)
        assert failed.fault == "no-evidence"
        assert "case 1" in failed.detail
        assert bench.state.breaker == "closed"
        [answered] = await bench.ask(a_question(5))
        assert isinstance(answered, Answered)


async def test_an_answer_that_is_outside_the_space_is_garbage():
    async with opened(a_rule(when="true", answer=compile_rule_answer("evidence.amount"))) as bench:
        assert await bench.faults(a_question("pay")) == [None]
        assert await bench.faults(a_question("gold")) == ["garbage"]


async def test_a_long_batch_of_rules_lets_others_run_in_between():
    async with opened(a_rule()) as bench:
        asking = asyncio.create_task(bench.ask(*[a_question(5)] * 100))
        turns = 0
        while not asking.done():
            turns += 1
            await asyncio.sleep(0)

    assert turns >= 100


async def test_opinions_of_a_rule_count_as_a_rules():
    async with opened(a_rule()) as bench:
        assert bench.deciders.source("model@1") == "rule"
        assert bench.state.kind == "rule"
