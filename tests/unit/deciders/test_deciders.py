import asyncio
import re
import threading
from datetime import timedelta

import pytest
from hypothesis import given, settings
from tests.unit.deciders.asking import NOON, a_question, a_spec, asking, opened, questions, sure
from tests.unit.deciders.test_scores import results

from adjudge.core.answers import Boolean
from adjudge.core.events import Opinion
from adjudge.core.money import Stake
from adjudge.deciders import Answered, DeciderUnavailable, Failed


def by_amount(question):
    return sure(question.evidence["amount"])


def poisoned(calls):
    """A batched function that raises whenever it is shown `bad`."""

    def model(questions):
        amounts = [question.evidence["amount"] for question in questions]
        calls.append(len(amounts))
        if "bad" in amounts:
            raise ValueError("cannot read bad")
        return [sure() for _ in amounts]

    return model


async def test_a_function_is_shown_the_question_and_its_answer_is_checked_and_priced():
    question = a_question("30.00", stake=Stake(3000, "USD"), subject={"claim": "c-1"}, attributes={"tier": 2})

    def model(questions):
        (asked,) = questions
        assert asked.evidence["amount"] == "30.00"
        assert asked.stake.major == 30
        assert asked.subject["claim"] == "c-1"
        assert asked.attributes["tier"] == 2
        return [{"pay": 0.8, "refuse": 0.2}]

    async with asking(model, cost_micros=500, currency="EUR") as bench:
        (answer,) = await bench.ask(question)

    assert answer == Answered(
        answer="pay",
        confidence=0.8,
        distribution={"pay": 0.8, "refuse": 0.2},
        seconds=0.0,
        cost_micros=500,
        currency="EUR",
    )


async def test_none_is_an_abstention_not_a_failure():
    async with asking(lambda questions: [None for _ in questions], breaker_failures=1) as bench:
        first, second = await bench.ask(*questions(1, 2))

        assert (first.answer, first.confidence, first.distribution) == (None, 0.0, None)
        assert isinstance(second, Answered)
        assert bench.state.breaker == "closed"


async def test_seconds_are_measured_on_the_clock_given():
    async with asking(lambda questions: [move(1.5)]) as bench:

        def move(seconds):
            bench.clock.seconds += seconds
            return sure()

        (answer,) = await bench.ask(a_question())

    assert answer.seconds == 1.5


async def test_answers_come_in_order_whatever_the_batch_and_the_form():
    amounts = ["pay", "refuse", "refuse", "pay", "refuse"]

    def batched(questions):
        return [by_amount(question) for question in questions]

    async def batched_async(questions):
        return [by_amount(question) for question in questions]

    async def single_async(question):
        return by_amount(question)

    for model in (batched, batched_async, by_amount, single_async, poisoned_by_order):
        async with asking(model, batch=2, concurrency=2) as bench:
            assert [answer.answer for answer in await bench.ask(*questions(*amounts))] == amounts


async def poisoned_by_order(questions):
    """The later calls end first."""
    if questions[0].evidence["amount"] == "pay":
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return [by_amount(question) for question in questions]


async def test_no_questions_are_no_call():
    async with asking(lambda questions: []) as bench:
        assert await bench.ask() == []
        assert bench.state.calls == 0


async def test_a_call_has_at_most_a_batch_and_at_most_so_many_run_at_once():
    sizes, running, most = [], 0, 0

    async def model(questions):
        nonlocal running, most
        running, most = running + 1, max(most, running + 1)
        sizes.append(len(questions))
        await asyncio.sleep(0)
        running -= 1
        return [sure() for _ in questions]

    async with asking(model, batch=3, concurrency=2) as bench:
        await asyncio.gather(*(bench.ask(*questions(*range(10))) for _ in range(3)))

    assert sorted(sizes) == [1] * 3 + [3] * 9
    assert most == 2


async def test_a_plain_function_never_runs_on_the_loop():
    threads = []

    def model(questions):
        threads.append(threading.current_thread())
        return [sure() for _ in questions]

    async with asking(model) as bench:
        await bench.ask(a_question())

    assert threading.current_thread() not in threads


async def test_one_bad_result_spoils_only_its_own_question():
    def model(questions):
        return [{"pay": 0.3}, sure(), None, {"Pay": 1.0}, sure("refuse")]

    async with asking(model, breaker_failures=1) as bench:
        assert await bench.faults(*questions(*range(5))) == ["garbage", None, None, "garbage", None]
        assert bench.state.breaker == "closed"
        assert bench.state.failures == 2


async def test_a_wrong_number_of_results_is_garbage_for_all_of_the_call():
    async with asking(lambda questions: [sure()]) as bench:
        answers = await bench.ask(*questions(1, 2))

    assert [answer.fault for answer in answers] == ["garbage", "garbage"]
    assert answers[0].detail == "it returned 1 result for 2 questions"


async def test_of_an_error_its_class_and_place_are_recorded_and_not_its_text():
    """The text quotes evidence, as that of a KeyError does: it goes to operators, and into no decision."""

    def model(questions):
        raise ValueError(f"cannot read {questions[0].evidence}")

    async with asking(model) as bench:
        (answer,) = await bench.ask(a_question("Mrs Smith"))

    assert "Mrs Smith" in answer.detail
    assert re.fullmatch(r"ValueError \(test_deciders\.py:\d+\)", answer.recorded)


@pytest.mark.parametrize("bad", [[17], [0], [199], [17, 180]])
async def test_a_poisonous_question_fails_alone(bad):
    """Which questions share a call was our choice."""
    calls = []
    amounts = ["bad" if index in bad else "good" for index in range(200)]

    async with asking(poisoned(calls)) as bench:
        faults = await bench.faults(*questions(*amounts))

        assert [index for index, fault in enumerate(faults) if fault] == (bad if len(bad) == 1 else faulty(faults, bad))
        assert len(calls) <= 1 + 2 * 8
        assert bench.state.breaker == "closed"


def faulty(faults, bad):
    """Two at once may cost neighbours, as the further calls are bounded, but not many."""
    indices = [index for index, fault in enumerate(faults) if fault]
    assert set(bad) <= set(indices)
    assert len(indices) <= 30
    return indices


async def test_a_model_that_always_raises_is_not_asked_in_ever_smaller_parts():
    calls = []

    async with asking(poisoned(calls), breaker_failures=5) as bench:
        faults = await bench.faults(*questions(*["bad"] * 200))

    assert faults == ["error"] * 200
    assert len(calls) == 5


async def test_an_error_is_tried_again_as_often_as_the_spec_says_and_each_time_is_paid():
    calls = 0

    def model(question):
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ConnectionError("busy")
        return sure()

    async with asking(model, retries=2, cost_micros=10) as bench:
        (answer,) = await bench.ask(a_question())

        assert isinstance(answer, Answered)
        assert answer.cost_micros == 30
        assert calls == 3


async def test_without_retries_one_question_is_asked_once():
    calls = []

    async with asking(poisoned(calls)) as bench:
        (answer,) = await bench.ask(a_question("bad"))

    assert len(calls) == 1
    assert answer.fault == "error"
    assert answer.detail.startswith("ValueError: cannot read bad (test_deciders.py:")


async def test_the_breaker_opens_refuses_at_once_unpaid_probes_and_closes():
    calls = []
    async with asking(poisoned(calls), breaker_failures=2, breaker_seconds=10, cost_micros=7) as bench:
        await bench.ask(a_question("bad"))
        await bench.ask(a_question("bad"))
        (refused,) = await bench.ask(a_question("good"))

        assert len(calls) == 2
        assert (refused.fault, refused.cost_micros, refused.seconds) == ("breaker", 0, 0.0)
        assert refused.detail.startswith("error: ValueError: cannot read bad")
        assert bench.state.breaker == "open"
        assert bench.state.reason == refused.detail
        assert bench.state.since == NOON
        assert bench.state.until == NOON + timedelta(seconds=10)

        bench.clock.seconds = 10
        assert await bench.faults(a_question("good")) == [None]
        assert bench.state.breaker == "closed"


async def test_while_one_call_probes_others_are_refused():
    gate, entered = asyncio.Event(), asyncio.Event()

    async def model(questions):
        if questions[0].evidence["amount"] == "bad":
            raise ValueError
        entered.set()
        await gate.wait()
        return [sure()]

    async with asking(model, breaker_failures=1) as bench, asyncio.TaskGroup() as group:
        await bench.ask(a_question("bad"))
        bench.clock.seconds = 10
        probe = group.create_task(bench.faults(a_question("good")))
        await entered.wait()

        assert bench.state.breaker == "probing"
        assert await bench.faults(a_question("good")) == ["breaker"]
        gate.set()
        assert await probe == [None]


async def test_a_probe_whose_caller_goes_leaves_the_next_to_probe():
    entered = asyncio.Event()

    async def model(questions):
        match questions[0].evidence["amount"]:
            case "bad":
                raise ValueError
            case "slow":
                entered.set()
                await asyncio.Event().wait()
        return [sure()]

    async with asking(model, breaker_failures=1) as bench:
        await bench.ask(a_question("bad"))
        bench.clock.seconds = 10
        probe = asyncio.create_task(bench.ask(a_question("slow")))
        await entered.wait()
        probe.cancel()
        await asyncio.wait({probe})

        assert await bench.faults(a_question("good")) == [None]


async def test_what_cannot_be_imported_is_told_at_open_by_decider_function_and_reason():
    with pytest.raises(DeciderUnavailable) as raised:
        async with opened(a_spec("no_such_module:f")):
            pass

    assert raised.value.detail == (
        "model@1 cannot be imported: no_such_module:f: ModuleNotFoundError: No module named 'no_such_module'"
    )


async def test_a_worker_starts_anyway_and_every_question_says_why():
    async with opened(a_spec("no_such_module:f"), strict=False) as bench:
        (answer,) = await bench.ask(a_question())

        assert isinstance(answer, Failed)
        assert answer.fault == "error"
        assert answer.detail.startswith("cannot be imported: no_such_module:f: ModuleNotFoundError")
        assert (bench.state.breaker, bench.state.reason) == ("open", answer.detail)


async def test_functions_are_found_in_the_folder(tmp_path):
    (tmp_path / "deciders.py").write_text("def claim_risk(questions): return [{'pay': 1.0} for q in questions]")

    async with opened(a_spec("deciders:claim_risk"), tmp_path) as bench:
        assert await bench.faults(a_question()) == [None]


@settings(max_examples=60, deadline=None)
@given(returned=results)
async def test_whatever_a_function_returns_asking_never_raises_and_an_answer_is_an_opinion(returned):
    """Promise 3."""

    def batched(questions):
        return returned

    def single(question):
        return returned

    for model in (batched, single):
        async with asking(model) as bench:
            for space in (a_question().space, Boolean()):
                for answer in await bench.ask(a_question(space=space), a_question(space=space)):
                    if isinstance(answer, Answered):
                        Opinion(
                            at=NOON,
                            stage=0,
                            by="model@1",
                            source="model",
                            answer=answer.answer,
                            confidence=answer.confidence,
                            distribution=answer.distribution,
                        )
                        assert answer.answer is None or answer.distribution[answer.answer] == answer.confidence
