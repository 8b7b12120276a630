"""A span for each request and its trace in the header, where the application traces; else nothing at all."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from adjudge.client.calls import Call

NONE: Mapping[str, str] = {}


@contextmanager
def spanned(call: Call[Any]) -> Iterator[Mapping[str, str]]:
    """Yield the headers that carry the trace. An application that traces has imported OpenTelemetry before."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        yield NONE
        return
    attributes = {"http.request.method": call.method, "url.path": call.path}
    tracer = trace.get_tracer("adjudge.client")
    with tracer.start_as_current_span(call.method, kind=trace.SpanKind.CLIENT, attributes=attributes) as span:
        context = span.get_span_context()
        yield {"traceparent": _traceparent(context)} if context.is_valid else NONE


def _traceparent(context: Any) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
