"""Following the feed: page after page, each from where the one before ended."""

from datetime import UTC, datetime

import httpx
import pytest

from adjudge.client import Unavailable


def a_page(*items, next, at_end=True):  # noqa: A002
    return httpx.Response(200, json={"items": items, "next": next, "at_end": at_end})


@pytest.fixture
def an_event(a_settled_decision):
    return lambda n: {
        "specversion": "1.0",
        "id": f"01a2.{n}",
        "source": "/v1/decisions",
        "type": "dev.adjudge.outcome.final",
        "subject": "01a2",
        "time": "2026-12-01T18:21:07.200Z",
        "datacontenttype": "application/json",
        "cursor": f"c-{n}",
        "data": a_settled_decision(),
    }


def test_pages_follow_each_other_until_the_end(server, adjudge, an_event):
    server.say(a_page(an_event(1), an_event(2), next="c-2", at_end=False), a_page(an_event(3), next="end"))

    feed = adjudge.outcomes.list(after="c-0", type="claim.pay")
    events = list(feed)

    assert [event.id for event in events] == ["01a2.1", "01a2.2", "01a2.3"]
    assert events[0].outcome.answer == events[0].decision.outcome.answer == "pay"
    assert feed.cursor == "end"
    assert [request.url.params["after"] for request in server.asked] == ["c-0", "c-2"]
    assert {request.url.params["type"] for request in server.asked} == {"claim.pay"}
    assert "prefer" not in server.asked[0].headers


def test_a_follower_waits_on_the_server_and_goes_on_from_empty_pages(server, adjudge, an_event):
    server.say(a_page(next="c-5"), a_page(an_event(6), next="c-6"))

    feed = iter(adjudge.outcomes.follow())

    assert next(feed).cursor == "c-6"
    assert [dict(request.url.params).get("after") for request in server.asked] == [None, "c-5"]
    assert {request.headers["prefer"] for request in server.asked} == {"wait=30"}


def test_the_cursor_is_of_what_was_dealt_with_not_of_what_was_fetched(server, adjudge, an_event):
    """Who stops in the middle of a page gets the rest of it again."""
    server.say(a_page(an_event(1), an_event(2), next="c-2"))

    feed = adjudge.outcomes.follow()
    next(iter(feed))

    assert feed.cursor == "c-1"


def test_a_moment_is_where_it_begins_and_no_more_than_that(server, adjudge, an_event):
    server.say(a_page(an_event(1), next="c-1", at_end=False), a_page(next="c-1"))

    list(adjudge.outcomes.list(since=datetime(2026, 12, 1, tzinfo=UTC)))

    assert server.asked[0].url.params["since"] == "2026-12-01T00:00:00+00:00"
    assert "since" not in server.asked[1].url.params


def test_a_restart_of_the_server_is_waited_out_and_a_long_outage_is_told(server, adjudge, an_event):
    server.say(httpx.ConnectError("refused"), a_page(an_event(1), next="c-1"), httpx.ConnectError("refused"))

    feed = adjudge.outcomes.follow()
    events = iter(feed)

    assert next(events).cursor == "c-1"
    with pytest.raises(Unavailable):
        next(events)
    assert feed.cursor == "c-1"


async def test_it_is_the_same_awaited(server, an_event):
    server.say(a_page(an_event(1), next="c-1", at_end=False), a_page(an_event(2), next="c-2"))

    async with server.async_client() as adjudge:
        feed = adjudge.outcomes.list()
        events = [event.id async for event in feed]

    assert events == ["01a2.1", "01a2.2"]
    assert feed.cursor == "c-2"
