"""`adjudge streams top`: all names at a glance, refreshed until Ctrl-C."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from adjudge.cli.output import NONE, Column, as_json, table
from adjudge.cli.streams.finding import PREFIX, Json, Prefix, RedisUrl, connected
from adjudge.cli.streams.looking import State, age, state_of, states
from adjudge.streams import Streams
from adjudge.streams.inspecting import Flow

TITLES = ("IN/S", "OUT/S", "UNREAD", "HELD", "OLDEST", "RETRYING", "DEAD")
COLUMNS = (Column("NAME"), *(Column(title, right=True) for title in TITLES), Column("STATE"))


@dataclass(frozen=True, slots=True)
class Line:
    """A name at one moment, with what has passed since the last."""

    state: State
    retrying: int
    in_per_second: float | None
    """Entries that came in, retries among them; None: there was no earlier look."""
    out_per_second: float | None
    """Entries that were finished, or failed."""


@dataclass(frozen=True, slots=True)
class Look:
    """All names at one moment, by the loop's clock."""

    at: float
    states: list[State]
    flows: Mapping[str, Flow]


def top(
    every: Annotated[float, typer.Option("--every", min=0.1, max=3600, help="Seconds between looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Two looks, one table, no screen.")] = False,
    redis_url: RedisUrl = None,
    prefix: Prefix = PREFIX,
    json_: Json = False,
) -> None:
    """Watch rates, what waits, what is tried again and what died. Ctrl-C ends it; into a pipe goes one table."""
    if once or json_ or not sys.stdout.isatty():
        lines = asyncio.run(_two_looks(redis_url, prefix, every))
        print(as_json(lines) if json_ else "\n".join(table(COLUMNS, map(_row, lines))))
        return
    try:
        asyncio.run(_live(redis_url, prefix, every))
    except KeyboardInterrupt:
        return


def between(earlier: Look | None, later: Look) -> list[Line]:
    """Return all names with their rates; one that has come meanwhile has none yet."""
    return [_line(state, earlier, later) for state in later.states]


async def _two_looks(url: str | None, prefix: str, seconds: float) -> list[Line]:
    async with connected(url, prefix) as streams:
        first = await _look(streams)
        await asyncio.sleep(seconds)
        return between(first, await _look(streams))


async def _live(url: str | None, prefix: str, seconds: float) -> None:
    from rich.live import Live  # heavy, and only this command needs it

    async with connected(url, prefix) as streams:
        earlier: Look | None = None
        with Live(screen=True, auto_refresh=False) as live:
            while True:
                look = await _look(streams)
                live.update(_screen(between(earlier, look)), refresh=True)
                earlier = look
                await asyncio.sleep(seconds)


async def _look(streams: Streams) -> Look:
    names = await streams.registry.lanes()
    at = asyncio.get_running_loop().time()
    flows = {name: await streams.inspector.flow(name, lanes) for name, lanes in names.items()}
    return Look(at, await states(streams, names), flows)


def _line(state: State, earlier: Look | None, later: Look) -> Line:
    now, before = later.flows[state.name], earlier.flows.get(state.name) if earlier else None
    if earlier is None or before is None or now.added < before.added or later.at <= earlier.at:  # flushed meanwhile
        return Line(state, now.retrying, None, None)
    seconds = later.at - earlier.at
    came = now.added - before.added
    return Line(state, now.retrying, came / seconds, max(0, came - (now.length - before.length)) / seconds)


def _row(line: Line) -> tuple[str, ...]:
    state = line.state
    figures = (state.unread, state.held, age(state.oldest_seconds), line.retrying, state.dead)
    return (state.name, _rate(line.in_per_second), _rate(line.out_per_second), *map(str, figures), state_of(state))


def _rate(rate: float | None) -> str:
    return NONE if rate is None else f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def _screen(lines: list[Line]) -> Any:
    from rich.table import Table
    from rich.text import Text

    screen = Table(
        box=None, header_style="bold", caption="Ctrl-C ends it", caption_justify="left", padding=(0, 2, 0, 0)
    )
    for column in COLUMNS:
        screen.add_column(column.title, justify="right" if column.right else "left", no_wrap=True)
    for line in lines:
        screen.add_row(*(Text(cell) for cell in _row(line)), style=_style(line))
    return screen


def _style(line: Line) -> str:
    if line.state.dead:
        return "red"
    return "yellow" if line.state.pauses or line.retrying else ""
