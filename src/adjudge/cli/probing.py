"""Web servers of our processes: the API's, and the small one that answers a worker's or keeper's probes."""

import asyncio
import math
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adjudge.cli.grounds import render_metrics
from adjudge.cli.guarding import Guarded, close_waiting
from adjudge.engine.readiness import Health


class _Server(uvicorn.Server):
    """Says that it stops before it waits for those who are still being answered; ends heads that do not come."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    async def on_tick(self, counter: int) -> bool:
        """Look after connections once a second, that is every tenth tick."""
        if counter % 10 == 0:
            close_waiting(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._on_stop is not None:
            self._on_stop()
        await super().shutdown(sockets)


def served(
    app: Any,
    host: str,
    port: int,
    *,
    lifespan: str,
    drain_seconds: float = 10.0,
    on_stop: Callable[[], None] | None = None,
) -> uvicorn.Server:
    """Return the server of an application; `on_stop` sends those home who would stay for long."""
    return _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            lifespan=lifespan,  # type: ignore[arg-type]
            loop="uvloop",
            http=Guarded,
            access_log=False,
            proxy_headers=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=math.ceil(drain_seconds),
            timeout_keep_alive=30,
            backlog=2048,
        ),
        on_stop,
    )


async def probe(host: str, port: int, health: Health) -> None:
    """Serve /livez, /readyz and /metrics until cancelled."""

    async def livez(_: Request) -> Response:
        alive = health.is_alive()
        return JSONResponse({"status": "alive" if alive else "silent"}, status_code=200 if alive else 503)

    async def readyz(_: Request) -> Response:
        if health.is_draining():
            return JSONResponse({"status": "draining"}, status_code=503)
        report = await health.look()
        return JSONResponse(report.body, status_code=200 if report.ready else 503)

    async def metrics(_: Request) -> Response:
        return Response(render_metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    app = Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])
    server = served(app, host, port, lifespan="off")
    server.capture_signals = _no_capture  # type: ignore[method-assign]  # the role's own handlers stay
    await server.serve()


@contextmanager
def _no_capture() -> Iterator[None]:
    yield
