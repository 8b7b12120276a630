"""What strangers send to do harm: a clear answer, and nobody else notices."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.configured import laid, question
from tests.ports import free_port
from tests.stacks import NUMBERS, Stack, database
from tests.waiting import until

from adjudge.cli.processes import guarding, hosting

NESTED = b"[" * 100_000
HEAD = b"POST /v1/decisions HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
async def served(
    servers: Any, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Stack, int]]:
    """An API process of its own: its web server is what is asked."""
    port = free_port()
    async with database(servers.database_url, migrated_template, f"stack_{next(NUMBERS)}") as url:
        stack = Stack(laid(tmp_path_factory.mktemp("project")), url, servers.redis_url)
        try:
            await stack.open()
            await stack.spawn("api", ADJUDGE_PORT=str(port))
            await stack.reach(f"http://127.0.0.1:{port}")
            yield stack, port
        finally:
            await stack.close()


async def said(port: int, *pieces: bytes) -> bytes:
    """Send; return all that is answered until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(30):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return await reader.read()
    finally:
        writer.close()


FLOODS = {
    "many": [b"X-%d: a\r\n" % n for n in range(20_000)],
    "one that never ends": [b"X: "] + [b"a" * 8_192] * 64,
    "a path that never ends": [b"a" * 8_192] * 64,
    "all at once": [b"X: " + b"a" * 300_000 + b"\r\n\r\n"],
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_of_headers_is_refused_and_others_are_served(served, flood):
    stack, port = served
    begun = b"GET /" if flood.startswith("a path") else HEAD

    answers, other = await asyncio.gather(
        asyncio.gather(*(said(port, begun, *FLOODS[flood]) for _ in range(10))),
        stack.admin.post("/v1/decisions", question("person")),
    )

    heads = {answer.partition(b"\r\n")[0] for answer in answers}
    assert heads == {b"HTTP/1.1 431 Request Header Fields Too Large"}
    assert answers[0].endswith(b"}")
    assert b"headers-too-large" in answers[0]
    assert other.status_code == 202


@pytest.mark.parametrize("line", ["POST /v1/decisions", "GET /v1/decisions?limit=1"])
async def test_two_keys_in_one_request_are_refused(served, line):
    """The first counted, whoever stood between could not know which: a proxy may look at the last."""
    stack, port = served
    keys = f"Authorization: Bearer {stack.admin.key}\r\nAuthorization: Bearer other\r\n"

    answer = await said(port, f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{keys}\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"more than once" in answer


async def test_a_head_of_the_largest_size_is_taken(served):
    _, port = served
    filler = b"X: " + b"a" * (guarding.LARGEST_HEAD - 200) + b"\r\n"

    answer = await said(port, HEAD + filler + b"Connection: close\r\nContent-Length: 0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_deep_nesting_is_malformed_wherever_it_is_posted(served):
    stack, _ = served
    deep = b'{"name": ' + NESTED

    for path in ("/v1/decisions", "/v1/decisions/bulk", "/v1/keys", "/v1/reviewers", "/v1/erasures", "/v1/webhooks"):
        for content in (NESTED, deep, NESTED + b"]" * 100_000):
            answer = await stack.admin("POST", path, content=content)
            told = f"{path}: {answer.status_code} {answer.text[:200]}"
            assert answer.status_code in (400, 422), told
            assert answer.headers["content-type"] == "application/problem+json", told


async def test_numbers_and_names_without_end_are_refused(served):
    """Python turns long digits into a number in quadratic time."""
    stack, _ = served
    digits = b"9" * 200_000

    for path, content in {
        "/v1/decisions": b'{"type": "model", "evidence": {"amount": %s}}' % digits,
        "/v1/keys": b'{"name": "x", "role": "client", "limits": {"open_decisions": %s}}' % digits,
        "/v1/reviewers": json.dumps({"name": "x" * 100_000, "pools": ["agents"]}).encode(),
    }.items():
        began = time.monotonic()
        answer = await stack.admin("POST", path, content=content)
        assert answer.status_code in (400, 422), f"{path}: {answer.text[:200]}"
        assert len(answer.content) < 5_000, f"{path} repeats what it was sent"
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("path", ["/v1/media/", "/v1/decisions/", "/v1/keys/", "/"])
@pytest.mark.parametrize(
    "walk", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "....//etc", "a%00b"]
)
async def test_no_path_leads_out_of_the_api(served, path, walk):
    _, port = served
    request = f"GET {path}{walk} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()

    answer = await said(port, request)

    assert answer.split()[1] in (b"401", b"403", b"404", b"405"), answer[:200]
    assert b"root:" not in answer


SLOW = {
    "nothing": [],
    "half a head": [HEAD],
    "half a head after a request": [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HT"],
    "an empty line after a request": [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n"],
}


@pytest.mark.parametrize("slow", SLOW)
async def test_who_sends_no_whole_head_is_ended_in_time(impatient, slow):
    """Each connection costs memory and a file."""
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient)
    first, *rest = [*SLOW[slow], b""]
    writer.write(first)
    if rest:
        async with asyncio.timeout(5):
            await reader.readuntil(b"\r\n\r\n") if first.startswith(b"GET") else None
        writer.write(rest[0])

    async with asyncio.timeout(10):
        await reader.read()
    writer.close()


async def test_who_waits_for_an_answer_is_not_ended(impatient):
    answer = await said(impatient, b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.fixture
async def impatient(unused_tcp_port, monkeypatch) -> AsyncIterator[int]:
    """A server of ours that waits for heads a moment only; `/slow` takes longer than that to answer."""
    monkeypatch.setattr(guarding, "HEAD_SECONDS", 0.2)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for stage in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{stage}.complete"})
            return
        await asyncio.sleep(2.5 if scope["path"] == "/slow" else 0)  # two looks at all connections
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    server = hosting.served(app, "127.0.0.1", unused_tcp_port, drain_seconds=10, on_stop=lambda: None)
    server.capture_signals = contextlib.nullcontext
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield unused_tcp_port
    server.should_exit = True
    await asyncio.wait_for(serving, 20)


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/outcomes", "/v1/config", "/livez", "/openapi.json"])
async def test_what_has_get_has_head_which_says_the_same_without_a_body_and_without_a_wait(served, path):
    """RFC 9110, 9.3.2. A stream of events, or a wait, would have no end that anybody sees."""
    stack, port = served
    given = f"Host: x\r\nAuthorization: Bearer {stack.admin.key}\r\n"
    whole = await said(port, f"GET {path} HTTP/1.1\r\n{given}Connection: close\r\n\r\n".encode())

    streamed = "Accept: text/event-stream\r\nPrefer: wait=20\r\nConnection: close\r\n"
    head = await said(port, f"HEAD {path} HTTP/1.1\r\n{given}{streamed}\r\n".encode())

    assert head.startswith(b"HTTP/1.1 200 ")
    assert head.endswith(b"\r\n\r\n")
    assert named(head) == named(whole)


def named(answer: bytes) -> set[bytes]:
    """The names of the headers of an answer."""
    return {line.partition(b":")[0].lower() for line in answer.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]}


async def test_a_method_that_a_path_lacks_is_told_which_it_has(served):
    _, port = served

    answer = await said(port, b"PUT /v1/decisions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert b"\r\nallow: GET, HEAD, POST\r\n" in answer
