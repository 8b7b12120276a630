"""Probes and metrics: `/livez`, `/readyz`, `/metrics`."""

import asyncio
from typing import Any, Final, Literal

from fastapi import APIRouter, Response
from pydantic import ConfigDict
from starlette.responses import FileResponse, PlainTextResponse

from adjudge.api import measuring
from adjudge.api.answers import Answer, as_json
from adjudge.api.media import Ticket
from adjudge.api.problems import Problem
from adjudge.api.services import Here, Services
from adjudge.api.shapes import PROBLEMS, Shape
from adjudge.engine.health.readiness import Standing
from adjudge.store.review import tasks
from adjudge.streams.counting import CONTENT_TYPE

router = APIRouter(tags=["operations"])
OPEN: Final[dict[str, Any]] = {"security": []}
"""In the API's document: no key is needed."""


class Check(Answer):
    """One thing that a process stands on."""

    model_config = ConfigDict(extra="allow")

    ok: bool


class Readiness(Shape):
    """Whether questions can be taken."""

    status: Literal["ready", "not ready"]
    checks: dict[str, Check]


@router.head("/livez", include_in_schema=False)
@router.get("/livez", openapi_extra=OPEN)
async def livez() -> dict[str, str]:
    """Whether the process turns its event loop."""
    return {"status": "alive"}


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    openapi_extra=OPEN,
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "they cannot"}},
)
async def readyz(here: Here) -> Response:
    """Whether questions can be taken. Without Valkey they can: they are durable, and sent when it is back."""
    standing = Standing(
        pool=here.pool, streams=here.streams, clock=here.clock, lookout=here.lookout, needs_broker=False
    )
    report = await standing.look()
    return as_json(report.body, 200 if report.ready else 503)


@router.head("/metrics", include_in_schema=False)
@router.get("/metrics", openapi_extra=OPEN, response_class=PlainTextResponse)
async def metrics(here: Here) -> Response:
    """Prometheus text; of all roles where one machine runs them together."""
    measuring.write()
    return Response(await asyncio.to_thread(here.render_metrics), media_type=CONTENT_TYPE)


@router.get("/v1/media/{signed:path}", responses=PROBLEMS, include_in_schema=False)
async def media(signed: str, here: Here) -> FileResponse:
    """Serve a file of a folder resolver to whoever holds a signed URL that has not ended."""
    ticket = here.media.ticket(signed)
    if not await _is_open(here, ticket):
        raise Problem("forbidden", "this URL expired with its lease")
    path, kind = here.media.open(ticket, here.revisions.current)
    # an SVG opened by itself is a document: it must not run anything on our origin
    headers = {
        "Cache-Control": "private, max-age=300",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return FileResponse(path, media_type=kind or None, headers=headers)


async def _is_open(here: Services, ticket: Ticket) -> bool:
    """Return whether the lease still runs: it may have been renewed, or given back."""
    if ticket.task is None or ticket.lease is None:  # signed by the release before
        return not ticket.has_ended(here.clock())
    async with here.pool.acquire() as connection:
        return await tasks.is_leased(connection, ticket.task, ticket.lease)
