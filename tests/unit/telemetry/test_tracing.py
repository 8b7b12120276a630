"""Tracing is off unless the environment asks for it; then by the standard variables."""

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from adjudge.telemetry import spans, tracing

TRACED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = f"{TRACED[:-2]}00"
SPAN = "b7ad6b7169203331"
IDS = [random.Random(number).getrandbits(128) for number in range(1_000)]
WANTED = {"OTEL_TRACES_EXPORTER": "otlp"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
        {"OTEL_SERVICE_NAME": "till"},
    ],
)
def test_without_an_exporter_nothing_is_traced(environment):
    with tracing.exported("api", environment, version="1"):
        assert not tracing.is_on()
        with tracing.consuming("process", [TRACED]), tracing.within("settle"):
            assert tracing.annotated(None, "info", {"event": "x"}) == {"event": "x"}


def test_a_missing_extra_is_said_and_the_process_runs_without_traces(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "adjudge.telemetry.spans", None)
    monkeypatch.delattr("adjudge.telemetry.spans", raising=False)

    with capture_logs() as logs, tracing.exported("api", {"OTEL_TRACES_EXPORTER": "otlp"}, version="1"):
        assert not tracing.is_on()

    assert [line["event"] for line in logs] == ["tracing.unavailable"]


def test_a_collector_that_hangs_holds_the_end_of_a_process_for_some_seconds_only(monkeypatch):
    """The SDK's own end waits for an export under way, ten seconds and more: longer than a drain."""
    hangs, began = threading.Event(), threading.Event()

    class Hanging(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:
            began.set()
            assert hangs.wait(30)
            return SpanExportResult.SUCCESS

    monkeypatch.setattr(spans, "CLOSE_SECONDS", 0.05)
    monkeypatch.setattr(spans, "exporter_of", lambda environment: Hanging())
    started = time.monotonic()

    with (
        capture_logs() as logs,
        tracing.exported("worker", WANTED, version="1"),
        tracing.consuming("process ask:vision@1", [TRACED]),
    ):
        pass

    assert began.wait(10)
    assert time.monotonic() - started < 10
    assert [line["event"] for line in logs] == ["tracing.unsent"]
    hangs.set()


def test_what_was_spanned_reaches_the_collector_that_the_environment_names(monkeypatch):
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")

    with tracing.exported("worker", WANTED, version="1"), tracing.consuming("process ask:vision@1", [TRACED]):
        pass
    server.shutdown()
    server.server_close()

    [(path, body)] = received
    assert path == "/v1/traces"
    assert b"process ask:vision@1" in body
    assert b"adjudge-worker" in body


def test_a_collector_that_is_gone_does_not_hold_the_process_up(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")

    with tracing.exported("worker", WANTED, version="1"), tracing.consuming("process ask:vision@1", [TRACED]):
        assert tracing.annotated(None, "info", {}).keys() == {"trace_id", "span_id"}

    assert not tracing.is_on()


def test_links_are_of_sampled_traces_and_each_once():
    assert len(spans.links_to([TRACED, TRACED, UNSAMPLED, None])) == 1


def test_a_trace_of_zeros_is_no_trace():
    assert spans.context_of(f"00-{'0' * 32}-{'0' * 16}-01") is None


def test_an_unknown_exporter_is_refused_by_name():
    with pytest.raises(spans.UnknownExporter, match="zipkin"):
        spans.exporter_of({"OTEL_TRACES_EXPORTER": "zipkin"})


@pytest.mark.parametrize(
    ("name", "begun", "followed"),
    [
        ("always_on", 1_000, 1_000),
        ("always_off", 0, 0),
        ("traceidratio", 250, 250),
        ("parentbased_always_on", 1_000, 1_000),
        ("parentbased_always_off", 0, 1_000),
        ("parentbased_traceidratio", 250, 1_000),
    ],
)
def test_the_sampler_is_that_of_the_variables(name, begun, followed):
    """`begun`: of 1,000 requests that no trace comes with; `followed`: of as many with a sampled one."""
    environment = {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": "0.25"}

    assert traced(environment, [None] * 1_000) == pytest.approx(begun, abs=50)
    assert traced(environment, [f"00-{number:032x}-{SPAN}-01" for number in IDS]) == pytest.approx(followed, abs=50)


@pytest.mark.parametrize(
    ("name", "argument"), [("parentbased_allways_off", None), ("traceidratio", "5"), ("traceidratio", "a tenth")]
)
def test_an_unknown_sampler_is_told_of_and_traces_no_more_than_none(name, argument):
    environment = {"OTEL_TRACES_SAMPLER": name, **({"OTEL_TRACES_SAMPLER_ARG": argument} if argument else {})}

    with capture_logs() as told:
        traces = traced(environment, [None] * 1_000)

    assert traces <= 2 * spans.TRACES_AT_ONCE
    [event] = told
    assert (event["event"], event["sampler"], event["argument"]) == ("tracing.sampler_unknown", name, argument)


@pytest.mark.parametrize("name", ["", "parentbased_always_on"])
def test_a_request_whose_trace_is_not_sampled_is_not_traced_and_its_trace_goes_on(name):
    with exporting({"OTEL_TRACES_SAMPLER": name}) as exported:
        serving = tracing.serving("POST", UNSAMPLED, {})
        assert serving is not None
        with serving:
            assert tracing.annotated(None, "info", {})["trace_id"] in TRACED
    assert serving.traceparent[:36] == UNSAMPLED[:36]
    assert serving.traceparent[-2:] == "00"
    assert exported.get_finished_spans() == ()


def test_without_a_sampler_all_of_a_quiet_days_requests_are_traced_and_some_of_a_bursts():
    now = 0.0
    begins = spans.AtMost(5, 10, lambda: now)

    def begun(requests: int) -> int:
        return sum(begins() for _ in range(requests))

    assert begun(1_000) == 10
    now = 1.0
    assert begun(1_000) == 5
    now = 1.5
    assert begun(2) == 2
    now = 100.0
    assert begun(1_000) == 10, "what was not used is not saved up"
    assert traced({}, [None] * 1_000) == pytest.approx(spans.TRACES_AT_ONCE, abs=15)


def test_without_a_sampler_a_callers_sampled_trace_is_always_followed():
    assert traced({}, [TRACED] * 3 * spans.TRACES_AT_ONCE) == 3 * spans.TRACES_AT_ONCE


@contextmanager
def exporting(environment: Mapping[str, str]) -> Iterator[InMemorySpanExporter]:
    """Trace as a process of this environment does, into memory."""
    exporter = InMemorySpanExporter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spans, "exporter_of", lambda environment: exporter)
        with tracing.exported("api", {**WANTED, **environment}, version="1"):
            yield exporter


def traced(environment: Mapping[str, str], parents: Sequence[str | None]) -> int:
    """Return how many of requests with these traces are traced."""
    with exporting(environment) as exported:
        for parent in parents:
            if (serving := tracing.serving("POST", parent, {})) is not None:
                with serving:
                    pass
    return len(exported.get_finished_spans())
