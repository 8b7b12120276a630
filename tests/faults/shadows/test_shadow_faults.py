"""Whatever a decider in shadow does, what is served is the same, and as fast (promise 6)."""

import asyncio
import time

import pytest
from structlog.testing import capture_logs
from tests.configured import PLANS, configuration
from tests.waiting import until

FUNCTIONS = """
import os
import time


def quiet(questions):
    return [{"refuse": 1.0}] * len(questions)


def stalls(questions):
    time.sleep(3600)


def burns(questions):
    while True:
        pass


def crashes(questions):
    os._exit(9)


def floods(questions):
    answers = {f"{n}-{'x' * 1000}": 0.0001 for n in range(9_000)}
    return [answers] * len(questions)
"""
QUESTIONS = 250
AT_ONCE = 10
ROUNDS = 3
"""A shadow that delays what is served delays it in each round; a moment in which the machine stood still does not."""
MODELS = configuration()["deciders"]


def documents(*names):
    found = {
        f"{name}@1": {"python": f"aside:{name}", "role": "shadow", "timeout": "300ms", "batch": 20} for name in names
    }
    plan = {**PLANS["model"], **({"shadow": list(found)} if found else {})}
    return {"deciders": {**MODELS, **found}, "plans": {**PLANS, "model": plan}}


async def started(build_stack, *names):
    stack = await build_stack("api", documents=documents(*names))
    (stack.folder / "config" / "aside.py").write_text(FUNCTIONS)
    await stack.start("worker")
    await stack.ask(wait=10)
    return stack


async def served(stack):
    """Ask as callers do; return what they were told, and the 99th percentile of how long it took."""
    seconds, told = [], {}
    turns = iter(range(QUESTIONS))

    async def call():
        for n in turns:
            began = time.perf_counter()
            decided = await stack.ask(wait=10, n=n, say="pay" if n % 3 else "refuse")
            seconds.append(time.perf_counter() - began)
            outcome = decided["outcome"]
            told[n] = {name: outcome[name] for name in ("version", "answer", "source", "confidence", "deciders")}

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(call())
    return told, sorted(seconds)[int(0.99 * len(seconds))]


@pytest.fixture(scope="module")
def alone():
    """What was told without any shadow, once measured."""
    return {}


@pytest.mark.parametrize("name", ["stalls", "burns", "crashes", "floods"])
async def test_a_shadow_that_misbehaves_changes_neither_an_outcome_nor_the_time_it_takes(build_stack, alone, name):
    if not alone:
        without = await started(build_stack)
        alone["told"], alone["p99"] = await served(without)
        await without.stop("worker")  # the broker is shared
    stack = await started(build_stack, name)

    longest, p99, rounds = 2 * alone["p99"] + 0.1, float("inf"), 0
    while p99 >= longest and rounds < ROUNDS:
        told, p99 = await served(stack)
        rounds += 1
        assert told == alone["told"]

    assert p99 < longest, f"{p99:.3f} s, alone {alone['p99']:.3f} s"
    await until(
        lambda: stack.value("SELECT sum(expected) FROM shadow_tally WHERE failed > 0"),
        lambda found: found == rounds * QUESTIONS + 1,
        seconds=30,
    )


async def test_a_part_of_the_worker_that_asks_on_the_side_may_fail_whole_and_begins_again(build_stack, monkeypatch):
    from adjudge.cli.processes import shadowing

    monkeypatch.setattr(shadowing, "RESTART_SECONDS", 0.1)
    broken = [RuntimeError("no memory")]
    usual = shadowing._subscription

    def subscription(*given):
        if broken:
            raise broken.pop()
        return usual(*given)

    monkeypatch.setattr(shadowing, "_subscription", subscription)
    with capture_logs() as logs:
        stack = await started(build_stack, "quiet")
        decided = await stack.ask(wait=10)
        await until(lambda: stack.value("SELECT count(*) FROM shadow_opinion WHERE answer = 'refuse'"))

    assert decided["outcome"]["answer"] == "pay"
    assert "shadow.failed" in {entry["event"] for entry in logs}
