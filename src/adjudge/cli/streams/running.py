"""`adjudge streams run`: the handlers of an app of one's own."""

import asyncio
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from operator import attrgetter
from typing import Annotated

import typer

from adjudge.cli.refusing import Refused
from adjudge.cli.streams.saying import say
from adjudge.cli.streams.supervising import end_with_supervisor, supervise
from adjudge.streams import App
from adjudge.streams.counting import CONTENT_TYPE, Counters
from adjudge.streams.logs import LOGGER, Events, LogObserver, Observers
from adjudge.streams.loop_watch import LoopWatch
from adjudge.streams.probing import Answer, Page, livez, probes

GRACE_SECONDS = 5.0
"""After the time to drain, what still hangs is cut off with the process; the leases bring its messages back."""


def run(
    app: Annotated[str, typer.Argument(metavar="MODULE:APP", help="Where the App is, such as shop.tasks:app.")],
    only: Annotated[list[str] | None, typer.Option(help="Run only this handler; may be given again.")] = None,
    drain: Annotated[float, typer.Option(help="Seconds to finish what runs, once told to stop.", min=0)] = 10.0,
    processes: Annotated[int, typer.Option(help="Worker processes.", min=1, max=64)] = 1,
    stall: Annotated[
        float, typer.Option(help="Seconds without progress while there is work, until /livez fails.", min=0.1)
    ] = 60.0,
    health_port: Annotated[int | None, typer.Option(help="Serve /livez and /metrics there.", min=0, max=65535)] = None,
    health_host: Annotated[str, typer.Option(help="Address to serve them on.")] = "127.0.0.1",
) -> None:
    """Handle messages until SIGTERM or Ctrl-C; then finish what runs, and hand the rest back.

    With several processes, each takes the next port for its probes.
    """
    if processes > 1:
        raise typer.Exit(supervise(processes, health_port, drain + GRACE_SECONDS))
    end_with_supervisor()
    found = load(app)
    _say_events()
    if unknown := set(only or ()) - set(found.handlers):
        raise Refused(f"no handler of {app} is named {', '.join(sorted(unknown))}; it has {_names(found)}")
    if not found.handlers:
        raise Refused(f"{app} has no handlers")
    try:
        asyncio.run(_run(found, only or (), drain, stall, (health_host, health_port)))
    except ExceptionGroup as failed:  # the first says why; the others were ended by it
        raise failed.exceptions[0] from failed


def load(where: str) -> App:
    """The app of a module. Raises Refused."""
    module_name, _, name = where.partition(":")
    if not module_name or not name:
        raise Refused(f"{where!r} does not say where the app is: MODULE:APP, such as shop.tasks:app")
    if "" not in sys.path and (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise Refused(f"{module_name} cannot be imported: {error}") from error
        raise Refused(f"there is no module {module_name!r} here or installed") from error
    except Exception as error:  # whatever a module of the user's raises when it is imported
        raise Refused(f"{module_name} cannot be imported: {type(error).__name__}: {error}") from error
    try:
        found = attrgetter(name)(module)
    except AttributeError as error:
        raise Refused(f"{module_name} has no {name!r}") from error
    if not isinstance(found, App):
        raise Refused(f"{where} is no App but a {type(found).__name__}")
    return found


async def _run(
    app: App, only: Sequence[str], drain_seconds: float, stall_seconds: float, address: tuple[str, int | None]
) -> None:
    stop, counters = asyncio.Event(), Counters()
    _stop_on_signals(stop, drain_seconds + GRACE_SECONDS)
    observer = Observers(LogObserver(), counters)
    host, port = address
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(app)
            streams = app.streams  # here a wrong address shows
            if port is not None:
                pages = {"/livez": livez(_trouble_of(app)), "/metrics": _figures_of(counters)}
                port = await stack.enter_async_context(probes(host, port, pages))
        except ValueError as error:
            raise Refused(f"the address of the broker is wrong: {error}") from error
        except OSError as error:
            raise Refused(f"cannot serve probes on {host}:{port}: {error}") from error
        where = f", probes on http://{host}:{port}/livez" if port is not None else ""
        say(f"running {_names(app) if not only else ', '.join(only)}{where}")
        if not await streams.ping():
            say(f"the broker at {_shown(app.url)} does not answer yet; trying on")
        watch = stack.enter_context(LoopWatch(observer, stall_seconds=stall_seconds))
        await app.run(
            stop=stop,
            only=only,
            drain_seconds=drain_seconds,
            observer=observer,
            stall_seconds=stall_seconds,
            loop_watch=watch,
        )
    say("stopped; nothing is left in hand")


def _figures_of(counters: Counters) -> Page:
    async def page() -> Answer:
        return Answer(200, counters.exposition(), CONTENT_TYPE)

    return page


def _trouble_of(app: App) -> Callable[[], str | None]:
    return lambda: app.worker.trouble if app.worker else None


def _stop_on_signals(stop: asyncio.Event, limit_seconds: float) -> None:
    """First time: drain. What does not heed even that ends with the process, as after a crash."""

    def ask() -> None:
        if stop.is_set():
            return
        stop.set()
        timer = threading.Timer(limit_seconds, _give_up)
        timer.daemon = True
        timer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ask)


def _give_up() -> None:
    say("a handler does not end; its messages come back after their lease")
    os._exit(1)


def _say_events() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(Events())
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _names(app: App) -> str:
    return ", ".join(sorted(app.handlers))


def _shown(url: str) -> str:
    """The address without a password."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
