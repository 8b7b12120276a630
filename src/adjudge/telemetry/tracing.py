"""Traces: spans of what a process does, linked to the requests that it does it for.

Off, and free, unless the process is told by the standard OTEL_ variables to export them and the extra
`adjudge[otel]` is installed: every function here then returns at once. Across a queue or a person's
pause a span is linked to the spans it goes on from, never their child: a batch has many, and a trace
that is open for days says nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog

if TYPE_CHECKING:
    from adjudge.telemetry.spans import Serving, Spans

log = structlog.get_logger()

Attributes: TypeAlias = Mapping[str, str | int | float | bool]

_NOTHING: Final[AbstractContextManager[None]] = nullcontext()
_ASKED_FOR: Final = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

_spans: "Spans | None" = None


@contextmanager
def exported(process: str, environment: Mapping[str, str], *, version: str) -> Iterator[None]:
    """Trace for the length of a block, where the environment asks for it; what is left is sent at its end."""
    global _spans  # noqa: PLW0603  as with metrics: one tracer a process, used where things happen
    if not is_asked_for(environment):
        yield
        return
    try:
        from adjudge.telemetry import spans  # noqa: PLC0415  the SDK is an extra, and takes long to import
    except ImportError as error:
        log.warning("tracing.unavailable", why=f"{error}: install adjudge[otel]")
        yield
        return
    _spans, provider = spans.spans_of(process, version, environment)
    try:
        yield
    finally:
        _spans = None
        if not spans.close(provider, seconds=spans.CLOSE_SECONDS):
            log.warning("tracing.unsent", seconds=spans.CLOSE_SECONDS)


def is_asked_for(environment: Mapping[str, str]) -> bool:
    """Return whether the standard variables ask for traces."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get(_ASKED_FOR[0]) == "none":
        return False
    return any(environment.get(name) for name in _ASKED_FOR)


def is_on() -> bool:
    """Return whether this process traces."""
    return _spans is not None


def serving(name: str, parent: str | None, attributes: Attributes) -> "Serving | None":
    """Span a request that came with this traceparent; None where it is not traced. Only while `is_on`."""
    assert _spans is not None
    return _spans.serving(name, parent, attributes)


def consuming(name: str, traces: Iterable[str | None], **attributes: str | int) -> AbstractContextManager[None]:
    """Span work on a batch of messages, linked to the sampled among their traces; none: no span."""
    return _NOTHING if _spans is None else _spans.batch(name, traces, "consumer", attributes)


def sending(name: str, traces: Iterable[str | None], **attributes: str | int) -> AbstractContextManager[None]:
    """Span a call to others that goes on from these traces: a webhook, after a queue or a person's pause."""
    return _NOTHING if _spans is None else _spans.batch(name, traces, "client", attributes)


def within(name: str, **attributes: str | int) -> AbstractContextManager[None]:
    """Span a part of the current span; without one: no span."""
    return _NOTHING if _spans is None else _spans.child(name, attributes)


def onward(name: str, traces: Iterable[str | None]) -> AbstractContextManager[None]:
    """Span a step of decisions that were asked in these traces: in the current span, linked to them; or by itself."""
    return _NOTHING if _spans is None else _spans.onward(name, traces)


def annotated(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the current trace to a log event: a processor of structlog."""
    if _spans is not None:
        event.update(_spans.identity())
    return event
