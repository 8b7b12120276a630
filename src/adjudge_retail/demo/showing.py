"""What the demonstration draws in a terminal: how automation is earned, live, and the table at the end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from adjudge.client.automation import Slice
from adjudge_retail.demo.earning import WINDOW, Earning, Key, saving, votes_of_people
from adjudge_retail.demo.figures import Figures, Row, rows
from adjudge_retail.demo.release import Release
from adjudge_retail.demo.replaying import Replay
from adjudge_retail.demo.report import Report
from adjudge_retail.demo.script import Script
from adjudge_retail.demo.telling import UNKNOWN, counts_of, decimal, percent, wanted

NARROWEST: Final = 100
COLUMNS: Final = (
    "group", "asked", "by\nmodel", "by\npeople", "fell\nback", "error,\nmodel", "error,\npeople", "votes\neach", "p50",
    "p95",
)  # fmt: skip
"""Narrow: all of them fit into 80 columns."""
EARNING: Final = (
    "question · group", "asked", "audits", "answers alone", "alone\nlately", "error,\nmodel", "votes\nlately",
    "saved\nlately",
)  # fmt: skip


def console_of() -> Console:
    """Return a console that is wide enough for the table, also where there is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=NARROWEST)


def show_news(console: Console, head: str, words: str) -> None:
    """Print what has just happened: on a terminal its words keep to a column of their own, elsewhere to one line."""
    if not console.is_terminal:
        console.print(f"{head} {words}", soft_wrap=True)
        return
    line = Table.grid(padding=(0, 1))
    line.add_column(no_wrap=True)
    line.add_row(head, words)
    console.print(line)


@contextmanager
def live(console: Console, replay: Replay) -> Iterator[Callable[[], None]]:
    """Show table and bar while a replay runs, on a terminal; yields what brings them up to date."""
    if not console.is_terminal:
        yield lambda: None
        return
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[counts]}"),
        console=console,
    )
    bar = progress.add_task("settled", total=replay.ledger.expected, counts="")
    with Live(console=console, auto_refresh=False, transient=True) as shown:

        def refresh() -> None:
            progress.update(bar, completed=replay.ledger.settled, counts=counts_of(replay.ledger))
            table = earning_table(replay.script, rows(replay.ledger), replay.earning, replay.release)
            shown.update(Group(table, progress) if table.row_count else progress, refresh=True)

        yield refresh


def earning_table(script: Script, of: Sequence[Row], earning: Earning, release: Release) -> Table:
    """Return how far automation is earned, a line for each slice that has a model."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1))
    for name in EARNING:
        table.add_column(name, justify="left" if name in (EARNING[0], EARNING[3]) else "right", no_wrap=True)
    for source in sorted(script.setting.sources, key=lambda source: -source.weight):
        for group in script.setting.fleet.groups:
            if script.model_of(source.type, group) is not None:
                key = source.type, group
                own = [row for row in of if (row.type, row.group) == key]
                table.add_row(f"{source.type.rpartition('.')[2]} · {group}", *_earned(own, earning, release, key))
        table.add_section()
    return table


def _earned(own: Sequence[Row], earning: Earning, release: Release, key: Key) -> tuple[str, ...]:
    usual = votes_of_people(own)
    whole, lately = saving(own, usual), saving([row for row in own if row.is_settled][-WINDOW:], usual)
    return (
        f"{len(own):,}",
        f"{whole.audits:,}",
        _standing(earning.slices.get(key), is_worse=release.key == key),
        percent(lately.coverage),
        percent(whole.error_automated),
        decimal(lately.votes),
        UNKNOWN if lately.saved is None else f"{lately.saved:.0%}",
    )


def _standing(found: Slice | None, *, is_worse: bool) -> str:
    if found is None:
        return "not yet"
    if found.certificate is not None:
        note = " [yellow](made worse)[/]" if is_worse else ""
        return f"[green]from {found.standing.get('threshold', 0):.3f}[/]{note}"
    if found.state == "suspended":
        return "[red]suspended[/]: people"
    more = found.standing.get("more_audits")
    return "not yet" if more is None else f"not yet: {wanted(more)}"


def table_of(report: Report) -> Table:
    """Return the table of the run, a line for each group."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1))
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "group" else "right")
    for group, figures in report.groups.items():
        table.add_row(group, *_cells(figures))
    table.add_section()
    table.add_row("all", *_cells(report.all), style="bold")
    return table


def _cells(figures: Figures) -> tuple[str, ...]:
    settled = sum(figures.by_source.values())
    people = figures.by_source.get("reviewer", 0)
    return (
        f"{figures.decisions:,}",
        percent(figures.coverage),
        percent(people / settled if settled else None),
        str(figures.by_source.get("fallback", 0)),
        percent(figures.error_by_source.get("model")),
        percent(figures.error_by_source.get("reviewer")),
        decimal(figures.votes_per_decision),
        _time(figures.p50_ms),
        _time(figures.p95_ms),
    )


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return UNKNOWN
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
