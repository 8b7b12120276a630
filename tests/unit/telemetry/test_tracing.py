"""Tracing is off unless the environment asks for it; then by the standard variables."""

import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import NonRecordingSpan, set_span_in_context
from structlog.testing import capture_logs

from adjudge.telemetry import spans, tracing

TRACED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = f"{TRACED[:-2]}00"
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
    ("name", "share"),
    [("always_on", "1.0"), ("always_off", "0.0"), ("traceidratio", "0.25"), ("parentbased_traceidratio", "0.25")],
)
def test_the_sampler_is_that_of_the_variables(name, share):
    sampler = spans.sampler_of({"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": "0.25"})

    assert isinstance(sampler, ParentBased) == name.startswith("parentbased")
    assert f"TraceIdRatioBased{{{share}}}" in sampler.get_description()


def test_without_a_sampler_all_of_a_quiet_days_requests_are_traced_and_some_of_a_bursts():
    now = 0.0
    sampler = spans.AtMost(10, lambda: now)

    def traced(requests: int) -> int:
        results = [sampler.should_sample(None, number, "POST") for number in range(requests)]
        return sum(result.decision.is_sampled() for result in results)

    assert traced(1_000) == 10
    now = 0.5
    assert traced(4) == 4
    now = 100.0
    assert traced(1_000) == 10, "what was not used is not saved up"


def test_without_a_sampler_a_callers_sampled_trace_is_always_followed():
    sampler = spans.sampler_of({})
    assert spans.AtMost(spans.TRACES_A_SECOND).get_description() in sampler.get_description()
    caller = set_span_in_context(NonRecordingSpan(spans.context_of(TRACED)))

    results = [sampler.should_sample(caller, number, "POST") for number in range(3 * spans.TRACES_A_SECOND)]

    assert all(result.decision.is_sampled() for result in results)
