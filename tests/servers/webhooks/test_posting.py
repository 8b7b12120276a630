"""One attempt: what a receiver's answer is taken for."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from aiohttp import web
from tests.receivers import receiving, says

from adjudge.engine.webhooks import posting
from adjudge.engine.webhooks.posting import Poster
from adjudge.engine.webhooks.receivers import Answered
from adjudge.outbound import parse_permitted
from adjudge.outbound.client import open_client
from adjudge.store.webhooks.endpoints import Receiver


def now() -> datetime:
    return datetime.now(UTC)


async def answered(answer) -> Answered:
    async with receiving(answer=answer) as receiver:
        return await posted(receiver.url)


async def posted(url: str) -> Answered:
    async with open_client(parse_permitted("127.0.0.0/8")) as client:
        poster = Poster(client, now=now, monotonic=time.monotonic)
        named = Receiver(id="wh_1", url=url, secrets=(b"s" * 32,), is_failing=False)
        return await poster.post(named, "msg_1", posting.test_body("msg_1", now), now())


@pytest.mark.parametrize(("status", "error"), [(200, None), (500, "answered 500")])
async def test_an_answer_is_known_by_its_status_however_long_it_is(status, error):
    found = await answered(lambda _: web.Response(status=status, body=b"x" * 2_000_000))

    assert (found.status, found.error, found.is_delivered) == (status, error, error is None)


@pytest.mark.parametrize("breaks_off", [False, True])
async def test_an_answer_that_begins_well_and_never_ends_is_taken(monkeypatch, breaks_off):
    """Else it is sent again for days, to a receiver that has taken it each time."""
    monkeypatch.setattr(posting, "ATTEMPT_SECONDS", 0.3)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthanks")
        await writer.drain()
        if not breaks_off:
            await reader.read(-1)  # until they go
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        found = await posted(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    assert (found.status, found.error, found.is_delivered) == (200, None, True)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7),
        ("Tue, 01 Dec 2026 09:00:30 GMT", 30),
        ("Tue, 01 Dec 2026 08:00:00 GMT", 0),
        ("soon", None),
        ("-1", None),
    ],
)
async def test_a_receiver_says_when_to_come_back_in_seconds_or_by_its_own_clock(retry_after, seconds):
    found = await answered(says(503, Retry_After=retry_after, Date="Tue, 01 Dec 2026 09:00:00 GMT"))

    assert found.retry_after == seconds
