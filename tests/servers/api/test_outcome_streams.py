"""Server-sent events over a real connection: resumed by Last-Event-ID, ended with their key, never in the way."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
from tests.stacks import Caller, Stack
from tests.waiting import until

from adjudge.api import event_stream
from adjudge.api.routes import outcomes
from adjudge.client import AsyncAdjudge
from adjudge.engine.feed import following


@dataclass(frozen=True)
class Heard:
    """One event as an EventSource hands it on; a beat has no kind."""

    id: str | None
    kind: str | None
    data: Any


class Events:
    """Reads the lines of a stream as the WHATWG standard says."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()
        self.retry: int | None = None

    async def next(self) -> Heard:
        """The next block that says something."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(20):
            while True:
                line = await anext(self._lines)
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "retry" in fields:
                    self.retry, fields = int(fields["retry"]), {}
                elif fields:
                    data = fields.get("data")
                    return Heard(fields.get("id"), fields.get("event"), data and json.loads(data))

    async def outcomes(self, count: int) -> list[Heard]:
        heard: list[Heard] = []
        while len(heard) < count:
            event = await self.next()
            heard += [event] if event.kind == "outcome" else []
        return heard

    async def end(self) -> None:
        async with asyncio.timeout(20):
            async for _ in self._lines:
                pass


@pytest.fixture(scope="module")
async def served(stack: Stack) -> AsyncIterator[str]:
    """The API of the stack on a port of its own."""
    server = uvicorn.Server(uvicorn.Config(stack._app, port=0, lifespan="off", log_level="warning"))
    server.capture_signals = nullcontext
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        await until(lambda: server.started)
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{port}"
        stack.services.feed.close()
        server.should_exit = True


@asynccontextmanager
async def listening(url: str, caller: Caller, **params: str) -> AsyncIterator[Events]:
    last = params.pop("last", None)
    headers = {"Authorization": f"Bearer {caller.key}", "Accept": "text/event-stream"}
    headers |= {"Last-Event-ID": last} if last else {}
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("GET", f"{url}/v1/outcomes", params=params, headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        yield Events(response)


async def now(stack: Stack) -> str:
    page = (await stack.admin.get("/v1/outcomes?since=2100-01-01T00:00:00Z")).json()
    assert page["at_end"]
    return page["next"]


async def followers(stack: Stack, count: int) -> None:
    await until(lambda: stack.services.feed._followers == count)


async def test_outcomes_come_as_events_whose_id_is_the_cursor(stack, served):
    async with listening(served, stack.admin, after=await now(stack)) as events:
        asked = [await stack.ask("model", wait=5) for _ in range(3)]
        heard = await events.outcomes(3)

    assert events.response.headers["content-type"].startswith("text/event-stream")
    assert events.response.headers["cache-control"] == "no-store"
    assert events.retry == 2000
    assert [event.data["data"] for event in heard] == asked
    assert [event.id for event in heard] == [event.data["cursor"] for event in heard]


async def test_last_event_id_goes_on_where_the_connection_broke_and_wins_over_the_url(stack, served):
    begin = await now(stack)
    await stack.settled(await stack.ask_many(10))
    async with listening(served, stack.admin, after=begin) as events:
        first = await events.outcomes(4)

    missed = await stack.ask("model", wait=5)
    async with listening(served, stack.admin, after=begin, last=first[-1].id) as events:
        rest = await events.outcomes(7)

    seen = [event.data["subject"] for event in first + rest]
    assert len(set(seen)) == 11
    assert seen[-1] == missed["id"]


async def test_a_silent_stream_beats_and_its_cursor_moves_on_over_what_is_not_shown(stack, served, monkeypatch):
    monkeypatch.setattr(outcomes, "BEAT_SECONDS", 0.3)
    one = await stack.key(locations=["store-001"])
    begin = await now(stack)
    async with listening(served, one, after=begin) as events:
        before = await events.next()
        await stack.ask("model", wait=5, location="store-002")
        beats = [await events.next() for _ in range(3)]

    assert before.kind is None
    assert [beat.kind for beat in beats] == [None] * 3
    position = stack.services.feed.cursors.open
    assert position(beats[-1].id).position > position(begin).position


async def test_a_stream_of_one_store_never_carries_another_ones(stack, served):
    one = await stack.key(locations=["store-001"])
    async with listening(served, one, after=await now(stack)) as events:
        await stack.ask("model", wait=5, location="store-002")
        mine = await stack.ask("model", wait=5, location="store-001")
        [heard] = await events.outcomes(1)

    assert heard.data["data"] == mine


async def test_a_revoked_key_ends_its_stream(stack, served, monkeypatch):
    """Before anything more is told, not with the next beat."""
    monkeypatch.setattr("adjudge.api.authentication.REMEMBERED_SECONDS", 0.0)
    answer = await stack.admin.post("/v1/keys", {"name": "short", "role": "client"})
    async with listening(served, Caller(stack.client, answer.json()["key"]), after=await now(stack)) as events:
        await stack.ask("model", wait=5)
        await events.outcomes(1)
        await stack.admin("DELETE", f"/v1/keys/{answer.json()['id']}")
        await stack.ask("model", wait=5)
        while (event := await events.next()).kind != "problem":
            assert event.kind != "outcome"
        await events.end()

    assert event.data["type"].endswith("/unauthenticated")


async def test_who_leaves_is_forgotten_and_without_followers_nothing_is_asked(stack, served):
    async with listening(served, stack.admin), listening(served, stack.admin):
        await followers(stack, 2)

    await followers(stack, 0)
    assert stack.services.feed._tail is None


async def test_a_refusal_comes_before_the_stream_begins(stack, served):
    headers = {"Authorization": f"Bearer {stack.admin.key}", "Accept": "text/event-stream"}
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{served}/v1/outcomes?after=made-up", headers=headers)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_no_more_follow_a_replica_than_it_bears(stack, served, monkeypatch):
    """The others are told to come back, which may bring them to another one; pages are read as before."""
    monkeypatch.setattr(following, "MOST_FOLLOWERS", 1)
    begin = await now(stack)
    headers = {"Authorization": f"Bearer {stack.admin.key}"}
    async with listening(served, stack.admin, after=begin), httpx.AsyncClient() as client:
        await followers(stack, 1)
        url = f"{served}/v1/outcomes?after={begin}"
        refused = [
            await client.get(url, headers={**headers, "Accept": "text/event-stream"}),
            await client.get(url, headers={**headers, "Prefer": "wait=5"}),
        ]
        page = await client.get(url, headers=headers)

    assert [(each.status_code, each.headers["retry-after"]) for each in refused] == [(503, "5")] * 2
    assert {each.json()["type"].rpartition("/")[2] for each in refused} == {"too-many-followers"}
    assert page.status_code == 200


async def test_a_reader_that_has_stopped_reading_is_cut_off(stack, served, monkeypatch):
    monkeypatch.setattr(event_stream, "STALLED_SECONDS", 0.5)
    begin = await now(stack)
    host, port = served.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port), limit=1)
    writer.write(
        f"GET /v1/outcomes?after={begin} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stack.admin.key}\r\n"
        "Accept: text/event-stream\r\n\r\n".encode()
    )
    await followers(stack, 1)
    monkeypatch.setattr(outcomes, "AT_ONCE", 500)

    async with asyncio.timeout(60):
        while stack.services.feed._followers:
            await stack.settled(await stack.ask_many(500, subject={"note": "x" * 200}))
            await asyncio.sleep(0)

    writer.transport.abort()


async def test_the_client_follows_in_one_line(stack, served):
    begin = await now(stack)
    asked = [await stack.ask("model", wait=5) for _ in range(3)]

    async with AsyncAdjudge(served, stack.admin.key) as adjudge:
        feed = adjudge.outcomes.follow(after=begin)
        got = []
        async with asyncio.timeout(20):
            async for event in feed:
                got.append(event)
                if len(got) == 3:
                    break
        rest = [event async for event in adjudge.outcomes.list(after=got[0].cursor)]

    assert [event.decision.id for event in got] == [decision["id"] for decision in asked]
    assert [event.outcome.answer for event in got] == ["pay"] * 3
    assert feed.cursor == got[-1].cursor
    assert [event.id for event in rest] == [event.id for event in got[1:]]


async def test_closing_the_feed_sends_followers_home(stack, served):
    """Last of the module: a process that stops does not wait for those who never leave."""
    async with listening(served, stack.admin, after=await now(stack)) as events:
        waiting = asyncio.create_task(stack.admin.get(f"/v1/outcomes?after={await now(stack)}", Prefer="wait=30"))
        await followers(stack, 2)
        stack.services.feed.close()

        await events.end()
        assert (await waiting).json()["items"] == []
