"""The head of a request is bounded, however it is cut into pieces."""

import asyncio
import json
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from adjudge.cli.processes.guarding import LARGEST_HEAD, MOST_DISCARDED, Guarded

BEGUN = b"POST / HTTP/1.1\r\nHost: x\r\n"


class Line(asyncio.Transport):
    """Remembers what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.said, self.writes, self.closed, self.ended = b"", 0, False, False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: Any) -> None:
        self.said += data
        self.writes += 1

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


@pytest.fixture
async def line() -> tuple[Guarded, Line]:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    return guarded(app)


def guarded(app: Any) -> tuple[Guarded, Line]:
    config = uvicorn.Config(app, http=Guarded, lifespan="off", access_log=False)
    config.load()
    protocol, transport = Guarded(config, ServerState(), {}), Line()
    protocol.connection_made(transport)
    return protocol, transport


def with_head(size: int) -> bytes:
    return BEGUN + b"X: " + b"a" * (size - len(BEGUN) - 7) + b"\r\n\r\n"


@pytest.mark.parametrize("piece", [1_000, LARGEST_HEAD * 2], ids=["in pieces", "at once"])
async def test_a_head_past_its_bound_is_refused_and_nothing_is_asked_of_the_application(line, piece):
    protocol, transport = line
    sent = with_head(LARGEST_HEAD + 2_000)

    for start in range(0, len(sent), piece):
        protocol.data_received(sent[start : start + piece])

    assert transport.said.startswith(b"HTTP/1.1 431 ")
    assert transport.ended
    assert protocol.cycle is None


@pytest.mark.parametrize("piece", [1_000, LARGEST_HEAD * 2], ids=["in pieces", "at once"])
async def test_a_head_within_its_bound_and_a_large_body_behind_it_are_taken(line, piece):
    protocol, transport = line
    body = b"x" * 150_000
    length = b"Content-Length: %d\r\n" % len(body)
    sent = with_head(LARGEST_HEAD - len(length)).replace(b"X: ", length + b"X: ") + body

    for start in range(0, len(sent), piece):
        protocol.data_received(sent[start : start + piece])

    assert transport.said == b""
    assert protocol.cycle.scope["method"] == "POST"
    assert protocol.waiting_since is None


async def test_who_sends_on_after_the_refusal_is_cut_off(line):
    protocol, transport = line
    protocol.data_received(with_head(LARGEST_HEAD * 2))

    for _ in range(MOST_DISCARDED // 100_000):
        protocol.data_received(b"a" * 100_000)
    assert not transport.closed
    protocol.data_received(b"a" * 100_000)

    assert transport.closed
    assert transport.said.count(b"HTTP/1.1") == 1


NO_HTTP = {
    "a method nobody knows": b"FROB / HTTP/1.1\r\n\r\n",
    "two lengths": BEGUN + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a chunk without a size": BEGUN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00",
}


@pytest.mark.parametrize("sent", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_http_is_answered_as_every_problem_is(sent):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    protocol, transport = guarded(app)
    protocol.data_received(sent)
    await asyncio.sleep(0)

    head, _, body = transport.said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["type"].endswith("/malformed-request")
    assert transport.ended or transport.closed


async def test_what_is_no_http_behind_a_question_is_not_taken_for_its_answer():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    protocol, transport = guarded(app)
    protocol.data_received(BEGUN + b"Content-Length: 2\r\n\r\n{}FROB / HTTP/1.1\r\n\r\n")

    assert (transport.said, transport.closed) == (b"", True)


async def refuses_at_once(scope: Any, receive: Any, send: Any) -> None:
    head = [(b"content-length", b"2"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": head})
    await send({"type": "http.response.body", "body": b"{}"})


async def test_who_is_refused_in_the_middle_of_a_body_may_end_it_and_read_why():
    """Closed at once, the connection is reset, and the answer is lost with it."""
    protocol, transport = guarded(refuses_at_once)
    protocol.data_received(BEGUN + b"Content-Length: 900000\r\n\r\n" + b"x" * 1_000)
    await asyncio.sleep(0)
    protocol.data_received(b"x" * 100_000)

    assert transport.said.startswith(b"HTTP/1.1 413 ")
    assert (transport.ended, transport.closed) == (True, False)
    for _ in range(MOST_DISCARDED // 100_000):
        protocol.data_received(b"x" * 100_000)
    assert transport.closed
    assert transport.said.count(b"HTTP/1.1") == 1


async def test_who_has_sent_all_of_a_body_is_closed_with_the_answer():
    protocol, transport = guarded(refuses_at_once)
    protocol.data_received(BEGUN + b"Content-Length: 3\r\n\r\nabc")
    await asyncio.sleep(0)

    assert transport.closed


async def test_an_answer_is_one_write_to_the_kernel():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    protocol, transport = guarded(app)
    protocol.data_received(BEGUN + b"\r\n")
    await asyncio.sleep(0)

    assert transport.writes == 1
    assert transport.said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert transport.said.endswith(b"\r\n\r\n{}")


@pytest.mark.parametrize("status", [b"413 Content Too Large", b"422 Unprocessable Content"])
async def test_a_status_has_the_name_of_today_on_every_python(status):
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": int(status[:3]), "headers": []})
        await send({"type": "http.response.body", "body": b""})

    protocol, transport = guarded(app)
    protocol.data_received(BEGUN + b"\r\n")
    await asyncio.sleep(0)

    assert transport.said.startswith(b"HTTP/1.1 " + status + b"\r\n")


@pytest.mark.parametrize("pieces", [1, 2], ids=["at once", "body behind"])
async def test_a_question_that_offers_another_protocol_is_taken_with_its_body(line, pieces):
    """Java's client offers HTTP/2 with each request: its questions came without their body, and were no JSON."""
    protocol, transport = line
    head = BEGUN + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 20\r\n\r\n"
    body = b'{"says": "\r\nUpgrade:"}'[:20]

    for sent in (head + body,) if pieces == 1 else (head, body):
        protocol.data_received(sent)

    assert bytes(protocol.cycle.body) == body
    assert not protocol.cycle.more_body
    assert (b"connection", b"Upgrade, HTTP2-Settings") in protocol.cycle.scope["headers"]
    assert transport.said == b""
