"""What this process has exported of a stack within it, and how its spans hang together."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.stacks import Caller, Stack
from tests.waiting import until

from adjudge.api.tracing import Traced
from adjudge.telemetry import spans, tracing

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


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


def traced_caller(stack: Stack) -> Caller:
    """The API's client, its requests traced as in a process of the API."""
    transport = httpx.ASGITransport(app=Traced(stack._app), raise_app_exceptions=False)
    return Caller(httpx.AsyncClient(transport=transport, base_url="http://stack", timeout=30), stack.admin.key)


async def ended(exporter: InMemorySpanExporter, fits: Callable[[ReadableSpan], bool]) -> list[ReadableSpan]:
    """The spans that fit, once there are some: the worker's end a moment after the answer."""
    return await until(lambda: [span for span in exporter.get_finished_spans() if fits(span)])


def linked(span: ReadableSpan) -> set[int]:
    return {link.context.span_id for link in span.links}
