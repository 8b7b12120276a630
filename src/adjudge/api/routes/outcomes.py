"""The feed of all outcomes: pages, long polls, server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import nullcontext
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import ConfigDict, Field

from adjudge.api import event_stream, hot, problems
from adjudge.api.answers import Answer, as_json
from adjudge.api.authentication import ClientOrOperator, require
from adjudge.api.event_stream import EventStream
from adjudge.api.filters import check_names
from adjudge.api.instants import Instant
from adjudge.api.problems import Problem
from adjudge.api.routes.decisions import PREFER
from adjudge.api.services import Here, Services
from adjudge.api.shapes import PROBLEM_CONTENT, PROBLEMS
from adjudge.api.shapes.decisions import DECISION, Decision
from adjudge.core.cloud_events import SOURCE, TYPE_PREFIX
from adjudge.core.views import encode
from adjudge.engine.feed.tail import Found
from adjudge.store.connecting import UNAVAILABLE
from adjudge.store.feed import LONGEST_PAGE, Mark, Wanted
from adjudge.store.scope import Scope
from adjudge.telemetry import names

router = APIRouter(prefix="/v1", tags=["outcomes"])

BEAT_SECONDS: Final = 15.0
"""How long a stream is silent at most, and how long a revoked key may still listen."""
AT_ONCE: Final = 50
"""Outcomes in one piece of a stream."""

CURSOR = "01JcSNJ…"
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": f"{DECISION['id']}.1",
    "source": SOURCE,
    "type": f"{TYPE_PREFIX}final",
    "subject": DECISION["id"],
    "time": "2026-11-23T18:21:07.109Z",
    "datacontenttype": "application/json",
    "cursor": CURSOR,
    "data": DECISION,
}


class ToldOutcome(Answer):
    """One version of an outcome, as a CloudEvent 1.0. Told twice, it has the same id."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{name: EVENT[name] for name in EVENT if name != "cursor"}]}
    )

    specversion: Literal["1.0"]
    id: str = Field(description="the decision's id and the outcome's version")
    source: str
    type: str = Field(description="`dev.adjudge.outcome.` and the decision's status")
    subject: UUID = Field(description="the decision's id")
    time: datetime = Field(description="when it was settled")
    datacontenttype: Literal["application/json"]
    traceparent: str | None = Field(None, description="W3C trace context of the question, where it had one")
    data: Decision


class OutcomeEvent(ToldOutcome):
    """One version of an outcome in the feed, where one can go on from it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EVENT]})

    cursor: str = Field(description="`after` of the request that goes on behind this one")


class OutcomePage(Answer):
    """Outcomes in the order of the feed."""

    items: list[OutcomeEvent]
    next: str = Field(description="`after` of the next request, also where there are no items")
    at_end: bool = Field(description="nothing more was there; a page without items may still not be the end")


DESCRIBED: dict[int | str, dict[str, Any]] = {
    **PROBLEMS,
    200: {
        "description": "a page; with `Accept: text/event-stream`, events until you leave",
        "content": {event_stream.MEDIA_TYPE: {"schema": {"type": "string"}}},
    },
    410: {"description": "outcomes that you have not had are dropped", "content": PROBLEM_CONTENT},
}


@router.get("/outcomes", response_model=OutcomePage, responses=DESCRIBED)
async def follow(
    request: Request,
    scope: ClientOrOperator,
    here: Here,
    after: Annotated[str | None, Query(max_length=200, description="`next` of a page, or an item's `cursor`")] = None,
    since: Annotated[Instant | None, Query(description="without a cursor: begin about there")] = None,
    type: Annotated[str | None, Query(max_length=200)] = None,
    location: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 100,
    prefer: Annotated[str | None, PREFER] = None,
    last_event_id: Annotated[str | None, Header(max_length=200, description="of a stream: wins over `after`")] = None,
) -> Response:
    """Read all outcomes of your locations, amendments included; who goes on from `next` misses none.

    At least once: after a failover some come again. Of one decision a later version never comes first;
    across decisions no order is promised. Without a cursor it begins with the oldest that is kept.
    """
    await check_names(here, scope, type, location)
    wanted = Wanted(type, location)
    key = request.headers["authorization"].encode("latin-1")
    mark = await here.feed.begin(last_event_id or after, since)
    if event_stream.MEDIA_TYPE in request.headers.get("accept", ""):
        here.feed.require_room()
        return EventStream(_frames(here, key, wanted, mark))
    wait, applied = hot.waiting(prefer.encode("latin-1") if prefer else None)
    with here.feed.following() if wait else nullcontext():
        found = await here.feed.next(scope, wanted, mark, limit, wait)
    await _still_reads(here, key)  # it may have ended meanwhile
    response = _page(here, found)
    if applied is not None:
        response.headers["Preference-Applied"] = applied.decode()
    return response


def _page(here: Services, found: Found) -> Response:
    names.FEED_SENT.labels("page").inc(len(found.entries))
    page = {
        "items": [msgspec.Raw(entry.event) for entry in found.entries],
        "next": here.feed.cursors.seal(found.mark),
        "at_end": found.at_end,
    }
    return as_json(page)


async def _still_reads(here: Services, key: bytes) -> Scope:
    """Return whose key it is, if it still opens the feed. Raises Problem."""
    return require(await here.authentication.scope(key), "client", "operator")


async def _frames(here: Services, key: bytes, wanted: Wanted, mark: Mark) -> AsyncGenerator[bytes]:
    """Yield outcomes as they come, and a beat when none do; the key is looked at before each."""
    with here.feed.following():
        while not here.feed.is_closed:
            try:
                scope = await _still_reads(here, key)
                found = await here.feed.next(scope, wanted, mark, AT_ONCE, BEAT_SECONDS)
                await _still_reads(here, key)
            except Problem as problem:
                yield event_stream.event(here.feed.cursors.seal(mark), "problem", encode(problems.body(problem)))
                return
            except UNAVAILABLE:
                return  # the reader comes back
            mark = found.mark
            names.FEED_SENT.labels("stream").inc(len(found.entries))
            yield b"".join(
                event_stream.event(entry.cursor, "outcome", entry.event) for entry in found.entries
            ) or event_stream.beat(here.feed.cursors.seal(mark))
