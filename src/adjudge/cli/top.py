"""`adjudge top`: the whole system at a glance, refreshed until Ctrl-C."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from adjudge.cli.connection import connected
from adjudge.cli.output import NONE, Column, as_json, rough, table
from adjudge.cli.refusing import Refused
from adjudge.client import Adjudge, Decider, Overview, Problem, Queue
from adjudge.client.administration import AskingStream

FLOW = (
    *(Column(title, right=True) for title in ("IN/S", "OUT/S", "OPEN", "OLDEST", "OVERDUE", "COVERAGE", "FALLBACKS")),
    Column("REVISION", right=True),
)
REASON = Column("REASON")
DECIDERS = (
    Column("DECIDER"),
    Column("STATE"),
    *(Column(title, right=True) for title in ("UNREAD", "HELD", "OLDEST", "DEAD")),
    REASON,
)
QUEUES = (
    Column("POOL"),
    *(Column(title, right=True) for title in ("WAITING", "OLDEST", "DUE<5M", "AT WORK", "VOTES/H")),
)
AUTOMATIC = frozenset({"model", "rule"})
_URGENCY = ("red", "yellow", "")
"""Styles of rows, those that somebody must look at first."""


@dataclass(frozen=True, slots=True)
class Look:
    """Everything at one moment."""

    overview: Overview
    deciders: Sequence[Decider]
    queues: Sequence[Queue]


@dataclass(frozen=True, slots=True)
class Flow:
    """What passed between two looks, a second."""

    accepted: float | None = None
    settled: float | None = None
    """None: there was no earlier look."""


def top(
    every: Annotated[float, typer.Option("--every", min=0.5, max=3600, help="Seconds between looks.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Two looks, one page, no screen.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Two looks, printed as JSON.")] = False,
) -> None:
    """Watch rates, coverage, what is open, breakers and queues. Ctrl-C ends it; into a pipe goes one page."""
    with connected() as adjudge:
        if once or json_ or not sys.stdout.isatty():
            first = look(adjudge)
            time.sleep(every)
            second = look(adjudge)
            passed = flow(first.overview, second.overview)
            print(as_json({"flow": passed, **_document(second)}) if json_ else page(second, passed))
            return
        try:
            _live(lambda: look(adjudge), every)
        except KeyboardInterrupt:
            return


def look(adjudge: Adjudge) -> Look:
    """Ask for everything that is shown."""
    return Look(adjudge.system.overview(), adjudge.deciders.list(), adjudge.reviews.queues())


def flow(earlier: Overview | None, later: Overview) -> Flow:
    """Return the rates between two looks: what came in, less what is open more than before, was settled."""
    seconds = (later.at - earlier.at).total_seconds() if earlier else 0.0
    if earlier is None or seconds <= 0 or later.accepted < earlier.accepted:
        return Flow()
    came = later.accepted - earlier.accepted
    settled = max(0, came - (_open(later) - _open(earlier)))
    return Flow(came / seconds, settled / seconds)


def page(seen: Look, passed: Flow) -> str:
    """Return all tables, as text."""
    return "\n\n".join("\n".join(table(columns, rows)) for columns, rows in _tables(seen, passed))


def _tables(seen: Look, passed: Flow) -> Iterator[tuple[Sequence[Column], list[tuple[str, ...]]]]:
    streams = {each.decider: each for each in seen.overview.streams or ()}
    yield FLOW, [_flow_row(seen.overview, passed)]
    deciders = [_decider_row(each, streams.get(each.id)) for each in seen.deciders if each.people is None]
    yield DECIDERS, sorted(deciders, key=lambda row: _URGENCY.index(_style(DECIDERS, row)))  # a screen ends somewhere
    yield QUEUES, [_queue_row(each) for each in seen.queues]


def _flow_row(overview: Overview, passed: Flow) -> tuple[str, ...]:
    settled = sum(overview.sources.values())
    oldest = max((lane.oldest_seconds for lane in overview.open if lane.count), default=None)
    return (
        _rate(passed.accepted),
        _rate(passed.settled),
        f"{_open(overview):,}",
        _age(oldest),
        str(overview.overdue),
        _share(sum(n for source, n in overview.sources.items() if source in AUTOMATIC), settled),
        _share(overview.sources.get("fallback", 0), settled),
        str(overview.revision),
    )


def _decider_row(decider: Decider, stream: AskingStream | None) -> tuple[str, ...]:
    breaker = decider.breaker
    state = "switched off" if decider.switched_off else f"{breaker.state}" if breaker and breaker.state else "no worker"
    waits = (str(stream.unread), str(stream.held), _age(stream.oldest_seconds), str(stream.dead)) if stream else None
    return (decider.id, state, *(waits or (NONE,) * 4), (breaker.reason if breaker else None) or "")


def _queue_row(queue: Queue) -> tuple[str, ...]:
    return (
        f"{queue.pool} (paused)" if queue.paused else queue.pool,
        str(queue.waiting),
        _age(queue.oldest_seconds),
        str(queue.due_5m),
        str(queue.at_work),
        f"{queue.votes_per_hour:.0f}",
    )


def _live(see: Callable[[], Look], seconds: float) -> None:
    from rich.live import Live  # heavy, and only this command needs it

    earlier: Look | None = None
    with Live(screen=True, auto_refresh=False) as live:
        while True:
            try:
                seen = see()
            except Problem as problem:
                if earlier is None:
                    raise Refused(str(problem)) from problem
                live.update(f"{problem}; looking again", refresh=True)
            else:
                passed = flow(earlier.overview if earlier else None, seen.overview)
                live.update(screen(seen, passed, live.console.width), refresh=True)
                earlier = seen
            time.sleep(seconds)


def screen(seen: Look, passed: Flow, width: int) -> Any:
    """Return what so wide a terminal shows: a reason is cut first, then what does not fit is left out."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown: list[Any] = []
    for columns, rows in _tables(seen, passed):
        drawn = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
        fitting = columns[: _fitting(columns, rows, width)]
        for column in fitting:
            drawn.add_column(column.title, justify="right" if column.right else "left", no_wrap=column is not REASON)
        for row in rows:
            cells = (Text(cell, no_wrap=True, overflow="ellipsis") for cell in row[: len(fitting)])
            drawn.add_row(*cells, style=_style(columns, row))
        shown += [drawn, Text()]
    return Group(*shown, Text("Ctrl-C ends it", style="dim"))


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> int:
    """Return how many columns have room, a reason at least that of its title."""
    taken = 0
    for index, column in enumerate(columns):
        cells = [] if column is REASON else [row[index] for row in rows]
        taken += max(map(len, [column.title, *cells])) + 2
        if taken > width:
            return max(1, index)
    return len(columns)


def _style(columns: Sequence[Column], row: Sequence[str]) -> str:
    """Return red for what must not be, yellow for what is not as it should be."""
    cells = {column.title: cell for column, cell in zip(columns, row, strict=True)}
    if cells.get("OVERDUE", "0") != "0" or cells.get("STATE") == "open":
        return "red"
    return "yellow" if cells.get("STATE", "closed") != "closed" or cells.get("DEAD", "0") not in {"0", NONE} else ""


def _document(seen: Look) -> dict[str, Any]:
    return {"overview": seen.overview, "deciders": seen.deciders, "queues": seen.queues}


def _open(overview: Overview) -> int:
    return sum(lane.count for lane in overview.open)


def _rate(rate: float | None) -> str:
    return NONE if rate is None else f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else NONE


def _age(seconds: float | None) -> str:
    return NONE if seconds is None else rough(seconds)
