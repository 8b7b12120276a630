"""The caller's trace goes along, where the caller traces."""

import sys

import pytest
from opentelemetry import trace
from opentelemetry.context import attach, detach

from adjudge.telemetry import spans

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def _within_a_span():
    context = spans.context_of(CALLER)
    assert context is not None
    token = attach(trace.set_span_in_context(trace.NonRecordingSpan(context)))
    yield
    detach(token)


@pytest.mark.usefixtures("_within_a_span")
async def test_each_request_carries_the_callers_trace(server):
    server.say({"deciders": []})

    server.client().deciders.list()
    await server.async_client().deciders.list()

    assert [request.headers["traceparent"] for request in server.asked] == [CALLER, CALLER]


def test_without_a_span_nothing_is_carried(server):
    server.say({"deciders": []})

    server.client().deciders.list()

    assert "traceparent" not in server.asked[0].headers


@pytest.mark.usefixtures("_within_a_span")
def test_an_application_without_opentelemetry_is_not_made_to_import_it(server, monkeypatch):
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    server.say({"deciders": []})

    server.client().deciders.list()

    assert "traceparent" not in server.asked[0].headers
    assert "opentelemetry.trace" not in sys.modules
