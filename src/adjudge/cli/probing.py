"""Web servers of our processes: the API's, and the small one that answers a worker's or keeper's probes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adjudge.cli.grounds import render_metrics


def served(app: Any, host: str, port: int, *, lifespan: str) -> uvicorn.Server:
    """Return the server of an application."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            lifespan=lifespan,  # type: ignore[arg-type]
            loop="uvloop",
            http="httptools",
            access_log=False,
            proxy_headers=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=10,
            timeout_keep_alive=30,
            backlog=2048,
        )
    )


async def probe(host: str, port: int, is_alive: Callable[[], bool]) -> None:
    """Serve /livez and /metrics until cancelled."""

    async def livez(_: Request) -> Response:
        alive = is_alive()
        return JSONResponse({"status": "alive" if alive else "silent"}, status_code=200 if alive else 503)

    async def metrics(_: Request) -> Response:
        return Response(render_metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    app = Starlette(routes=[Route("/livez", livez), Route("/metrics", metrics)])
    server = served(app, host, port, lifespan="off")
    server.capture_signals = _no_capture  # type: ignore[method-assign]  # the role's own handlers stay
    await server.serve()


@contextmanager
def _no_capture() -> Iterator[None]:
    yield
