"""One attempt: what a receiver's answer is taken for."""

import time
from datetime import UTC, datetime

import pytest
from aiohttp import web
from tests.receivers import receiving, says

from adjudge.engine import posting
from adjudge.engine.posting import Poster
from adjudge.engine.receivers import Answered
from adjudge.outbound import parse_permitted
from adjudge.outbound.client import open_client
from adjudge.store.endpoints import Receiver


def now() -> datetime:
    return datetime.now(UTC)


async def answered(answer) -> Answered:
    async with receiving(answer=answer) as receiver, open_client(parse_permitted("127.0.0.0/8")) as client:
        poster = Poster(client, now=now, monotonic=time.monotonic)
        named = Receiver(id="wh_1", url=receiver.url, secrets=(b"s" * 32,), is_failing=False)
        return await poster.post(named, "msg_1", posting.test_body("msg_1", now), now())


@pytest.mark.parametrize(("status", "error"), [(200, None), (500, "answered 500")])
async def test_an_answer_is_known_by_its_status_however_long_it_is(status, error):
    found = await answered(lambda _: web.Response(status=status, body=b"x" * 2_000_000))

    assert (found.status, found.error, found.is_delivered) == (status, error, error is None)


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
