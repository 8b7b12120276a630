"""`adjudge api | worker | keeper`: one process each, any number of them."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adjudge.cli import working
from adjudge.cli.grounds import render_metrics
from adjudge.cli.settings import Settings
from adjudge.telemetry import logs

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Unsafe = Annotated[bool, typer.Option("--unsafe", help="Run on a PostgreSQL that may forget what it acknowledged.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on.")]


def api(host: Host = None, port: Port = None, unsafe: Unsafe = False) -> None:
    """Run the HTTP API until SIGTERM."""
    settings = _settings(host=host, port=port, unsafe=unsafe or None)
    logs.configure("api", settings.log_level)
    from adjudge.api.application import create_app  # noqa: PLC0415  workers and keepers do without FastAPI
    from adjudge.cli.serving import api_services  # noqa: PLC0415

    app = create_app(lambda: api_services(settings))
    uvicorn.Server(_served(app, settings.host, settings.port, lifespan="on")).run()


def worker(unsafe: Unsafe = False) -> None:
    """Run a worker until SIGTERM: it asks deciders and settles."""
    settings = _settings(unsafe=unsafe or None)
    logs.configure("worker", settings.log_level)
    _run(lambda stop, serve: working.run_worker(settings, stop, serve), settings)


def keeper(unsafe: Unsafe = False) -> None:
    """Run a keeper until SIGTERM: timers, re-sending, housekeeping."""
    settings = _settings(unsafe=unsafe or None)
    logs.configure("keeper", settings.log_level)
    _run(lambda stop, serve: working.run_keeper(settings, stop, serve), settings)


def _settings(**given: Any) -> Settings:
    return Settings(**{name: value for name, value in given.items() if value is not None})


def _served(app: Any, host: str, port: int, *, lifespan: str) -> uvicorn.Config:
    return uvicorn.Config(
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


def _run(process: Callable[[asyncio.Event, Any], Coroutine[Any, Any, None]], settings: Settings) -> None:
    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await process(stop, lambda is_alive: _probe(settings, is_alive))

    uvloop.run(main())


async def _probe(settings: Settings, is_alive: Callable[[], bool]) -> None:
    """Serve /livez and /metrics where a port is set, until cancelled."""
    if not settings.metrics_port:
        return

    async def livez(_: Request) -> Response:
        alive = is_alive()
        return JSONResponse({"status": "alive" if alive else "silent"}, status_code=200 if alive else 503)

    async def metrics(_: Request) -> Response:
        return Response(render_metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    app = Starlette(routes=[Route("/livez", livez), Route("/metrics", metrics)])
    server = uvicorn.Server(_served(app, settings.host, settings.metrics_port, lifespan="off"))
    server.capture_signals = _no_capture  # type: ignore[method-assign]  # the role's own handlers stay
    await server.serve()


@contextmanager
def _no_capture() -> Iterator[None]:
    yield
