"""The whole system at a glance: what came in, what is open and for how long, who settles, what waits for models."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from adjudge.api.answers import as_json
from adjudge.api.authentication import Operator
from adjudge.api.problems import Problem
from adjudge.api.services import Here, Services
from adjudge.api.shapes import PROBLEMS, Shape
from adjudge.engine.health.figures import OVERDUE
from adjudge.engine.slips import STREAM_PREFIX, lanes_of
from adjudge.store import measuring
from adjudge.streams import Depth, Unavailable

router = APIRouter(prefix="/v1", tags=["operations"])


class OpenLane(Shape):
    """What is open in a lane."""

    lane: str
    count: int
    oldest_seconds: float | None


class StreamView(Shape):
    """What waits for a decider."""

    decider: str
    unread: int
    held: int
    oldest_seconds: float | None
    dead: int


class OverviewView(Shape):
    """The whole system at a glance."""

    at: datetime
    revision: int
    accepted: int = Field(description="decisions ever; two readings give a rate")
    open: list[OpenLane]
    overdue: int
    sources: dict[str, int] = Field(description="of the latest 10,000 outcomes within the hour")
    streams: list[StreamView] | None = Field(description="null: the broker does not answer")


@router.get("/overview", response_model=OverviewView, responses=PROBLEMS)
async def overview(scope: Operator, here: Here) -> Response:
    """Read the state of everything; for keys that are bound to no location. Two readings give rates."""
    if scope.locations is not None:
        raise Problem("forbidden", "figures of everything need a key that is bound to no location")
    async with here.pool.acquire() as connection:
        seen = await measuring.overview(connection, OVERDUE)
    body = {
        "at": here.clock(),
        "revision": here.revisions.current.revision,
        "accepted": seen.accepted,
        "open": [{"lane": lane, "count": n, "oldest_seconds": age} for lane, (n, age) in seen.open.items()],
        "overdue": seen.overdue,
        "sources": seen.sources,
        "streams": await _streams(here),
    }
    return as_json(body)


async def _streams(here: Services) -> list[Mapping[str, Any]] | None:
    """Return what waits for each decider; None: the broker does not answer."""
    try:
        return [
            _stream(decider, await here.streams.depth(f"{STREAM_PREFIX}{decider}", lanes_of(spec)))
            for decider, spec in here.revisions.in_force.deciders().items()
        ]
    except Unavailable:
        return None


def _stream(decider: str, depth: Depth) -> Mapping[str, Any]:
    lanes = depth.lanes.values()
    return {
        "decider": decider,
        "unread": sum(lane.lag for lane in lanes),
        "held": sum(lane.pending for lane in lanes),
        "oldest_seconds": max((lane.oldest_seconds for lane in lanes if lane.oldest_seconds is not None), default=None),
        "dead": depth.dead,
    }
