"""`adjudge api | worker | keeper`: one process each, any number of them."""

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from adjudge.cli.processes.sparing import unimported

with unimported("rich", "colorama"):  # for a console in colours; our logs are JSON
    import structlog  # noqa: F401

from adjudge import __version__
from adjudge.cli.own_output import claimed_output
from adjudge.cli.processes import ending
from adjudge.cli.processes.memory import give_back_what_is_large
from adjudge.cli.settings import Settings, read_settings
from adjudge.telemetry import logs, tracing

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Unsafe = Annotated[bool, typer.Option("--unsafe", help="Run on a PostgreSQL that may forget what it acknowledged.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on.")]
ReadyFile = Annotated[Path | None, typer.Option(help="Write this file, with the process id, once at work.")]


def api(host: Host = None, port: Port = None, unsafe: Unsafe = False) -> None:
    """Run the HTTP API until SIGTERM."""
    settings = read_settings(host=host, port=port, unsafe=unsafe or None)
    logs.configure("api", settings.log_level)
    give_back_what_is_large()
    with unimported("pydantic.v1"):  # FastAPI asks of every annotation whether it is of that
        from adjudge.cli.processes import serving  # each role imports what it needs, and no other

    spare_collector()
    with tracing.exported("api", os.environ, version=__version__), suppress(asyncio.CancelledError):
        uvloop.run(serving.run_api(settings))


def worker(unsafe: Unsafe = False, ready_file: ReadyFile = None) -> None:
    """Run a worker until SIGTERM: it asks deciders and settles."""
    settings = read_settings(unsafe=unsafe or None, ready_file=ready_file)
    logs.configure("worker", settings.log_level, claimed_output())
    give_back_what_is_large()
    from adjudge.cli.processes import probing, working

    with tracing.exported("worker", os.environ, version=__version__):
        _run(lambda stop: working.run_worker(settings, stop, partial(probing.probe, settings)), settings)


def keeper(unsafe: Unsafe = False, ready_file: ReadyFile = None) -> None:
    """Run a keeper until SIGTERM: timers, re-sending, housekeeping."""
    settings = read_settings(unsafe=unsafe or None, ready_file=ready_file)
    logs.configure("keeper", settings.log_level)
    give_back_what_is_large()
    from adjudge.cli.processes import keeping, probing

    with tracing.exported("keeper", os.environ, version=__version__):
        _run(lambda stop: keeping.run_keeper(settings, stop, partial(probing.probe, settings)), settings)


def spare_collector() -> None:
    """Let the cycle collector pass over what the process starts with, and look less often at what comes and goes.

    Requests leave no cycles behind; with the defaults, looking for some takes a twentieth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _run(process: Callable[[asyncio.Event], Coroutine[Any, Any, None]], settings: Settings) -> None:
    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end() -> None:
            stop.set()
            ending.end_within(settings.drain_seconds + ending.CLOSING_SECONDS)

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        spare_collector()
        await process(stop)

    try:
        uvloop.run(main())
    except ExceptionGroup as failed:  # the first says why; the others were ended by it
        raise failed.exceptions[0] from failed
