"""Processes of ours send their spans where the standard variables say, the last ones too."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.configured import question
from tests.stacks import build_stack

__all__ = ["build_stack"]


@dataclass
class Collector:
    """Receives OTLP over HTTP, and keeps what it got."""

    url: str = ""
    spans: list[tuple[str, str]] = field(default_factory=list)
    """Service and name of each."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
                self._take(await reader.readexactly(int(headers[b"content-length"])))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.spans += [(names["service.name"], span.name) for each in resource.scope_spans for span in each.spans]


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collector = Collector()
    server = await asyncio.start_server(collector.serve, "127.0.0.1", 0)
    collector.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield collector
    server.close()


async def test_spans_of_the_last_request_are_sent_before_the_processes_end(build_stack, collector, unused_tcp_port):
    stack = await build_stack()
    wanted = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    roles = [await stack.spawn(role, ADJUDGE_PORT=str(unused_tcp_port), **wanted) for role in ("api", "worker")]
    await stack.reach(f"http://127.0.0.1:{unused_tcp_port}")

    answered = await stack.admin.post("/v1/decisions", question(), Prefer="wait=20")
    statuses = [await role.terminate() for role in roles]

    assert answered.status_code == 200
    assert statuses == [0, 0]
    assert {
        ("adjudge-api", "POST /v1/decisions"),
        ("adjudge-worker", "process ask:sure@1"),
        ("adjudge-worker", "settle"),
    } <= set(collector.spans)
