"""The body of a request has a bound in size and in time, whatever its sender does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from adjudge.api import bodies
from adjudge.api.application import create_app
from adjudge.api.bodies import Body
from adjudge.api.problems import Problem


class Sender:
    """Sends its chunks, then nothing more."""

    def __init__(self, chunks: Sequence[bytes], *, is_whole: bool = True) -> None:
        self.left = list(chunks)
        self.is_whole = is_whole

    async def __call__(self) -> dict[str, Any]:
        if not self.left:
            await asyncio.Event().wait()
        chunk = self.left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(self.left) or not self.is_whole}


async def kind_of(body: Body) -> str:
    with pytest.raises(Problem) as refused:
        await body.read()
    return refused.value.kind


@pytest.mark.parametrize("chunks", [[], [b"{"], [b"{", b" "]], ids=["nothing", "a part", "two parts"])
async def test_a_body_that_does_not_come_is_refused_in_time(chunks):
    """The first part has a time limit, too."""
    async with asyncio.timeout(2):
        assert await kind_of(Body({}, Sender(chunks, is_whole=False), seconds=0.02)) == "body-timeout"


async def test_a_body_that_declares_too_much_is_not_read():
    sender = Sender([b"x"])

    assert await kind_of(Body({b"content-length": b"11"}, sender, 10)) == "body-too-large"
    assert sender.left == [b"x"]


async def test_a_body_is_read_no_further_than_its_bound():
    """As one that declares nothing, or less than it sends."""
    sender = Sender([b"x" * 4] * 100)

    assert await kind_of(Body({b"content-length": b"4"}, sender, 10)) == "body-too-large"
    assert len(sender.left) == 97


async def test_a_body_of_the_largest_size_is_taken_whole():
    assert await Body({b"content-length": b"10"}, Sender([b"x" * 4, b"", b"y" * 6]), 10).read() == b"xxxxyyyyyy"


async def test_a_caller_may_stay_as_long_as_it_likes_once_its_body_has_come():
    body = Body({}, Sender([b"{}"]), seconds=0.02)
    await body.read()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.06):
            await body()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """The application with nothing behind it."""

    @asynccontextmanager
    async def nothing() -> AsyncIterator[Any]:
        yield None

    transport = httpx.ASGITransport(app=create_app(nothing), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        yield client


ROUTES = [
    "/v1/reviews/claim",
    "/v1/reviews/01a20a26-015a-7642-9637-b849ed8571b2/answer",
    "/v1/decisions/01a20a26-015a-7642-9637-b849ed8571b2/truth",
    "/v1/keys",
]


@pytest.mark.parametrize("path", ROUTES)
async def test_every_route_refuses_a_body_that_has_no_end(client, path):
    """Before the key is looked at, so that nobody fills our memory."""
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000):
            sent += 1
            yield b" " * 64 * 1024

    answer = await client.post(path, content=chunks(), headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (413, "body-too-large")
    assert answer.headers["connection"] == "close"
    assert sent <= bodies.LARGEST // (64 * 1024) + 1


async def test_every_route_refuses_a_body_that_is_too_slow(client, monkeypatch):
    monkeypatch.setattr(Body.__init__, "__kwdefaults__", {"seconds": 0.02})

    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async with asyncio.timeout(2):
        answer = await client.post("/v1/keys", content=never(), headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (408, "body-timeout")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/decisions", "GET, HEAD, POST"),
        ("PUT", "/v1/keys", "GET, HEAD, POST"),
        ("GET", "/v1/reviews/claim", "POST"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(client, method, path, allowed):
    answer = await client.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json()["status"] == 405
    assert answer.json()["type"].endswith("/method-not-allowed")
