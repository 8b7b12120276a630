"""From the client to the settlement: each span is linked to what it goes on from."""

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from redis.asyncio import Redis
from tests.configured import question
from tests.stacks import Caller, Stack
from tests.traced import CALLER, ended, exported, linked, traced_caller

from adjudge.telemetry import spans, tracing

__all__ = ["exported"]

UNSAMPLED = f"{CALLER[:-2]}00"


@pytest.fixture
async def traced(stack: Stack, exported: InMemorySpanExporter) -> Caller:
    return traced_caller(stack)


async def test_a_request_is_a_child_of_the_callers_span_and_its_commit_and_its_asking_are_linked_to_it(
    traced, exported
):
    answered = await traced.post("/v1/decisions", question(), Prefer="wait=10", traceparent=CALLER)

    assert answered.status_code == 200
    [request] = await ended(exported, lambda span: span.name == "POST /v1/decisions")
    [asking] = await ended(exported, lambda span: span.name.startswith("process ask:"))
    [commit] = await ended(exported, lambda span: span.name == "commit")
    assert spans.context_of(CALLER) == request.parent
    assert request.attributes["http.response.status_code"] == 200
    assert linked(asking) == linked(commit) == {request.context.span_id}
    assert asking.parent is None
    assert asking.context.trace_id != request.context.trace_id


async def test_the_settlement_is_a_part_of_the_workers_span(traced, exported):
    await traced.post("/v1/decisions", question(), Prefer="wait=10", traceparent=CALLER)

    [asking] = await ended(exported, lambda span: span.name.startswith("process ask:"))
    [settling] = await ended(exported, lambda span: span.name == "settle")
    [asked] = await ended(exported, lambda span: span.name == "ask")
    assert settling.parent.span_id == asked.parent.span_id == asking.context.span_id


async def test_a_persons_answer_is_linked_to_the_request_that_asked(stack, traced, exported):
    await traced.post("/v1/decisions", question("person"), traceparent=CALLER)
    anna = await stack.reviewer("anna", "agents")
    [task] = await anna.claim(wait=5)
    voting = Caller(traced._client, anna.key)

    assert (await voting.answer(task, "pay")).status_code == 200

    [request] = await ended(exported, lambda span: span.name == "POST /v1/decisions")
    [answer] = await ended(exported, lambda span: span.name == "POST /v1/reviews/{task}/answer")
    [vote] = await ended(exported, lambda span: span.name == "advance" and is_child(span, answer))
    assert linked(vote) == {request.context.span_id}


async def test_what_is_not_sampled_leaves_no_spans_behind(stack, traced, exported):
    answered = await traced.post("/v1/decisions", question(), Prefer="wait=10", traceparent=UNSAMPLED)

    assert answered.status_code == 200
    assert exported.get_finished_spans() == ()


async def test_of_a_burst_the_requests_beyond_the_first_leave_nothing_to_follow(stack, traced, exported, monkeypatch):
    monkeypatch.setattr(tracing._spans, "_begins", lambda: False)

    answered = await traced.post("/v1/decisions", question(), Prefer="wait=10")

    assert answered.status_code == 200
    assert exported.get_finished_spans() == ()


async def test_what_is_asked_again_from_the_truth_still_knows_its_trace(stack, traced, exported):
    await stack.stop("worker")
    posted = await traced.post("/v1/decisions", question(), traceparent=CALLER)
    async with Redis.from_url(stack.redis_url) as redis:
        await redis.flushall()
    await stack.start("worker")

    await stack.until(posted.json()["id"], "final", 20)

    [request] = await ended(exported, lambda span: span.name == "POST /v1/decisions")
    [asking] = await ended(exported, lambda span: span.name.startswith("process ask:"))
    assert linked(asking) == {request.context.span_id}


async def test_a_step_that_a_timer_takes_is_linked_to_the_request_that_asked(traced, exported):
    await traced.post("/v1/decisions", question("nobody.answer"), traceparent=CALLER)

    [request] = await ended(exported, lambda span: span.name == "POST /v1/decisions")
    [timer] = await ended(exported, lambda span: span.name == "advance" and span.parent is None)
    assert linked(timer) == {request.context.span_id}


def is_child(span: ReadableSpan, parent: ReadableSpan) -> bool:
    return span.parent is not None and span.parent.span_id == parent.context.span_id
