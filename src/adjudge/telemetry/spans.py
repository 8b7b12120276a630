"""Traces by the OpenTelemetry SDK. Imported only where traces are exported."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import TracebackType
from typing import Any, Final, Literal, Self

import structlog
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.util.types import Attributes

log = structlog.get_logger()

MOST_LINKS: Final = 512
"""More than a batch has messages; the SDK's own limit is 128."""
CLOSE_SECONDS: Final = 3.0
"""For the last spans, when a process ends."""
TRACES_A_SECOND: Final = 5
"""Requests of their own trace that a process samples, where the environment names no sampler."""
TRACES_AT_ONCE: Final = 20
"""As many where there were few before: somebody tries something out."""
_CHANCE: Final = random.SystemRandom().random
_KINDS: Final = {"consumer": SpanKind.CONSUMER, "client": SpanKind.CLIENT}
_FIXED: Final = {"always_on": 1.0, "always_off": 0.0}
_VARIANTS: Final = {"otlp": "otlp_proto_http"}
"""By the specification `otlp` is http/protobuf, unless OTEL_EXPORTER_OTLP_PROTOCOL says grpc."""


class UnknownExporter(Exception):
    """The environment names an exporter that is not installed."""


class Serving:
    """The span of a request that is being served, current within the block. By hand: the SDK goes by two generators."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.traceparent = _traceparent(span.get_span_context())
        """For what is done in the request's name, here and after queues."""

    def __enter__(self) -> Self:
        self._token = attach(trace.set_span_in_context(self._span, Context()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        detach(self._token)
        if error is not None:
            self._span.record_exception(error)
        self._span.end()

    def answered(self, name: str, route: str, status: int) -> None:
        """Say what the request was and how it ended; faults of ours are errors, the caller's are not."""
        self._span.update_name(name)
        self._span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)


class Spans:
    """Makes the spans of one process."""

    def __init__(self, provider: TracerProvider, version: str, *, begins: Callable[[], bool]) -> None:
        """`begins`: whether to trace a request that no trace comes with."""
        self._tracer = provider.get_tracer("adjudge", version)
        self._begins = begins

    def serving(self, name: str, parent: str | None, attributes: Attributes) -> Serving | None:
        """Span a request as a child of the caller's span, where it names one; None where it is not traced.

        Of a burst nearly none is, and to learn that from the SDK takes a tenth of all that a request costs.
        """
        context = Context()
        if (caller := context_of(parent)) is not None:
            context = trace.set_span_in_context(trace.NonRecordingSpan(caller), context)
        elif not self._begins():
            return None
        return Serving(self._tracer.start_span(name, context, SpanKind.SERVER, attributes))

    def batch(
        self,
        name: str,
        traces: Iterable[str | None],
        kind: Literal["consumer", "client"],
        attributes: Mapping[str, str | int],
    ) -> AbstractContextManager[Any]:
        """Span work on messages of other traces; without one that is sampled there is nothing to follow."""
        links = links_to(traces)
        if not links:
            return nullcontext()
        return self._tracer.start_as_current_span(name, Context(), _KINDS[kind], _named(attributes), links)

    def child(self, name: str, attributes: Mapping[str, str | int]) -> AbstractContextManager[Any]:
        """Span a part of the current span."""
        if not trace.get_current_span().is_recording():
            return nullcontext()
        return self._tracer.start_as_current_span(name, attributes=_named(attributes))

    def onward(self, name: str, traces: Iterable[str | None]) -> AbstractContextManager[Any]:
        """Span a step for these traces as a part of the current span; where there is none, by itself."""
        if not trace.get_current_span().is_recording():
            return self.batch(name, traces, "consumer", {})
        return self._tracer.start_as_current_span(name, links=links_to(traces))

    def identity(self) -> dict[str, str]:
        """Return what names the current span in a log line; nothing where there is none."""
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


class FollowingLinks(Sampler):
    """Samples what goes on from a sampled trace, although it is a trace of its own; else as it is told to."""

    def __init__(self, other: Sampler) -> None:
        self._other = other

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        if links and not trace.get_current_span(parent_context).get_span_context().is_valid:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        return self._other.should_sample(parent_context, trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        return f"FollowingLinks({self._other.get_description()})"


class AtMost:
    """Begins a trace for every request while there are few, at once too, and for so many a second while there are more.

    The requests of a quiet day are all traced, and those of a burst are not slowed down by their traces.
    """

    def __init__(self, a_second: float, at_once: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` in seconds."""
        self._a_second = a_second
        self._at_once = at_once
        self._clock = clock
        self._left = at_once
        self._seen = clock()

    def __call__(self) -> bool:
        now = self._clock()
        self._left = min(self._at_once, self._left + (now - self._seen) * self._a_second)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(frozen=True, slots=True)
class Sampling:
    """What is traced: `sampler` tells it of spans; `begins` of requests that no trace comes with, before."""

    sampler: Sampler
    begins: Callable[[], bool]


def spans_of(process: str, version: str, environment: Mapping[str, str]) -> tuple[Spans, TracerProvider]:
    """Return what the environment describes: service, resource, sampler, exporter. Raises UnknownExporter."""
    sampling = sampling_of(environment)
    service = {"service.name": environment.get("OTEL_SERVICE_NAME") or f"adjudge-{process}"}
    resource = Resource.create({"service.version": version, **service})
    provider = TracerProvider(
        resource=resource,
        sampler=FollowingLinks(sampling.sampler),
        span_limits=SpanLimits(max_links=MOST_LINKS),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter_of(environment)))
    return Spans(provider, version, begins=sampling.begins), provider


def close(provider: TracerProvider, *, seconds: float) -> bool:
    """Send what is left; return whether that was done in time.

    In a thread, which is left behind: the SDK waits for an export under way, however long its collector hangs.
    """
    closing = threading.Thread(target=provider.shutdown, name="close-traces", daemon=True)
    closing.start()
    closing.join(seconds)
    return not closing.is_alive()


def exporter_of(environment: Mapping[str, str]) -> SpanExporter:
    """Return the exporter that OTEL_TRACES_EXPORTER names. Raises UnknownExporter."""
    named = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    is_grpc = environment.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc"
    name = "otlp_proto_grpc" if named == "otlp" and is_grpc else _VARIANTS.get(named, named)
    found = list(entry_points(group="opentelemetry_traces_exporter", name=name))
    if not found:
        raise UnknownExporter(f"OTEL_TRACES_EXPORTER={named}: no package that is installed has {name!r}")
    exporter: SpanExporter = found[0].load()()
    return exporter


def sampling_of(environment: Mapping[str, str], chance: Callable[[], float] = _CHANCE) -> Sampling:
    """Return the sampling of OTEL_TRACES_SAMPLER: always on, off, or a share, by parent or not.

    Where it is not set, or not known: all that come with a sampled trace, and of the others at most some a second.
    """
    name, argument = environment.get("OTEL_TRACES_SAMPLER"), environment.get("OTEL_TRACES_SAMPLER_ARG")
    if not name:
        return _usual()
    share = _share(name.removeprefix("parentbased_"), argument)
    if share is None:
        log.warning("tracing.sampler_unknown", sampler=name, argument=argument)
        return _usual()
    if not name.startswith("parentbased_"):
        return Sampling(TraceIdRatioBased(share), lambda: True)
    return Sampling(ParentBased(ALWAYS_ON), lambda: chance() < share)


def _usual() -> Sampling:
    return Sampling(ParentBased(ALWAYS_ON), AtMost(TRACES_A_SECOND, TRACES_AT_ONCE))


def _share(kind: str, argument: str | None) -> float | None:
    """Return the share of traces that a kind of sampler takes; None where that cannot be told."""
    if kind in _FIXED:
        return _FIXED[kind]
    try:
        share = float(argument or 1.0)
    except ValueError:
        return None
    return share if kind == "traceidratio" and 0 <= share <= 1 else None


def context_of(traceparent: str | None) -> SpanContext | None:
    """Return the span that a W3C traceparent names, checked at the edge; None where there is none."""
    if traceparent is None:
        return None
    _, trace_id, span_id, flags = traceparent.split("-")[:4]
    found = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return found if found.is_valid else None


def links_to(traces: Iterable[str | None]) -> list[Link]:
    """Return a link to each of the traces that is sampled, once."""
    contexts = (context_of(each) for each in dict.fromkeys(traces))
    return [Link(context) for context in contexts if context is not None and context.trace_flags.sampled]


def _traceparent(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _named(attributes: Mapping[str, str | int]) -> dict[str, str | int]:
    return {f"adjudge.{name}": value for name, value in attributes.items()}
