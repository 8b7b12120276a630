"""From the client to the settlement: each span is linked to what it goes on from."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from redis.asyncio import Redis
from tests.configured import question
from tests.receivers import receiving
from tests.stacks import Caller, Stack, build_stack
from tests.waiting import until

from adjudge.api.tracing import Traced
from adjudge.telemetry import spans, tracing

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = f"{CALLER[:-2]}00"

__all__ = ["build_stack"]


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What this process has exported; it traces for the length of the test."""
    exporter = InMemorySpanExporter()
    sampling = spans.sampling_of({})
    provider = TracerProvider(sampler=spans.FollowingLinks(sampling.sampler), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_spans", spans.Spans(provider, "tests", begins=sampling.begins))
    yield exporter
    provider.shutdown()


@pytest.fixture
async def traced(stack: Stack, exported: InMemorySpanExporter) -> Caller:
    return traced_caller(stack)


def traced_caller(stack: Stack) -> Caller:
    """The API's client, its requests traced as in a process of the API."""
    transport = httpx.ASGITransport(app=Traced(stack._app), raise_app_exceptions=False)
    return Caller(httpx.AsyncClient(transport=transport, base_url="http://stack", timeout=30), stack.admin.key)


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


async def test_a_webhook_is_linked_to_the_request_that_asked(build_stack, exported):
    stack = await build_stack("api", "worker", "keeper", outbound_allow="127.0.0.0/8")
    async with receiving() as receiver:
        added = await stack.admin.post("/v1/webhooks", {"url": receiver.url})
        assert added.status_code == 201, added.text

        await traced_caller(stack).post("/v1/decisions", question(), Prefer="wait=10", traceparent=CALLER)

        [sent] = await ended(exported, lambda span: span.name == "webhook")
    [request] = await ended(exported, lambda span: span.name == "POST /v1/decisions")
    assert linked(sent) == {request.context.span_id}


async def ended(exporter: InMemorySpanExporter, fits: Callable[[ReadableSpan], bool]) -> list[ReadableSpan]:
    """The spans that fit, once there are some: the worker's end a moment after the answer."""
    return await until(lambda: [span for span in exporter.get_finished_spans() if fits(span)])


def linked(span: ReadableSpan) -> set[int]:
    return {link.context.span_id for link in span.links}


def is_child(span: ReadableSpan, parent: ReadableSpan) -> bool:
    return span.parent is not None and span.parent.span_id == parent.context.span_id
