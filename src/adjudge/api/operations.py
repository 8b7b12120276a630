"""Alive, ready, and measured."""

import asyncio
from typing import Any

from fastapi import APIRouter, Response
from starlette.responses import FileResponse

from adjudge.api.decisions import PROBLEMS, Here
from adjudge.api.services import Services
from adjudge.api.views import encode
from adjudge.store import partitions
from adjudge.store.connecting import UNAVAILABLE

router = APIRouter(tags=["operations"])
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/livez")
async def livez() -> dict[str, str]:
    """Whether the process turns its event loop."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(here: Here) -> Response:
    """Whether questions can be taken. Without Valkey they can: they are durable, and sent when it is back."""
    checks = await _checks(here)
    ready = all(check["ok"] or check.get("degraded") for check in checks.values())
    body = {"status": "ready" if ready else "not ready", "checks": checks}
    return Response(encode(body), status_code=200 if ready else 503, media_type="application/json")


@router.get("/metrics")
async def metrics(here: Here) -> Response:
    """Prometheus text; of all roles where one machine runs them together."""
    return Response(await asyncio.to_thread(here.render_metrics), media_type=CONTENT_TYPE)


@router.get("/v1/media/{signed:path}", responses=PROBLEMS, include_in_schema=False)
async def media(signed: str, here: Here) -> FileResponse:
    """Serve a file of a folder resolver to whoever holds a signed URL that has not ended."""
    path, kind = here.media.open(signed, here.revisions.current.organisation.resolvers, here.clock())
    # an SVG opened by itself is a document: it must not run anything on our origin
    headers = {
        "Cache-Control": "private, max-age=300",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return FileResponse(path, media_type=kind or None, headers=headers)


async def _checks(here: Services) -> dict[str, dict[str, Any]]:
    checks: dict[str, dict[str, Any]] = {}
    try:
        async with asyncio.timeout(2), here.pool.acquire() as connection:
            ahead = await partitions.weeks_ahead(connection)
            checks["postgresql"] = {"ok": True}
            checks["partitions"] = {"ok": ahead >= 0, "weeks_ahead": ahead, "warning": ahead < partitions.AHEAD - 1}
    except UNAVAILABLE as error:
        checks["postgresql"] = {"ok": False, "why": repr(error)[:200]}
    checks["valkey"] = {"ok": await here.streams.ping(), "degraded": True}
    offset = here.clock.offset.total_seconds()
    checks["clock"] = {"ok": here.clock.is_trusted, "offset_seconds": round(offset, 3)}
    checks["configuration"] = {"ok": True, "revision": here.revisions.current.revision}
    return checks
