"""What the demo shows in a terminal: progress while it runs, a table at the end, and what to try next."""

from collections.abc import Sequence
from shlex import quote
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from adjudge_retail.demo.counting import QUERY
from adjudge_retail.demo.figures import EVERYTHING, Figures, Row
from adjudge_retail.demo.ledger import Ledger
from adjudge_retail.demo.report import Report
from adjudge_retail.demo.script import REVIEWERS, Script

NARROWEST: Final = 100
UNKNOWN: Final = "–"
COLUMNS: Final = (
    "group", "asked", "by\nmodel", "by\npeople", "fell\nback", "error,\nmodel", "error,\npeople", "votes\neach", "p50",
    "p95",
)  # fmt: skip
"""Narrow: all of them fit into 80 columns."""


def console_of() -> Console:
    """Return a console that is wide enough for the table, also where there is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=NARROWEST)


def progress_of(console: Console) -> Progress:
    """Return the live line."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[counts]}"),
        console=console,
    )


def counts_of(ledger: Ledger) -> str:
    """Return what the live line says beside the bar."""
    by_source: dict[str, int] = {}
    for entry in ledger.entries.values():
        if entry.is_settled and entry.decision.outcome is not None:
            source = entry.decision.outcome.source
            by_source[source] = by_source.get(source, 0) + 1
    settled = ", ".join(f"{source} {number}" for source, number in sorted(by_source.items()))
    waiting = len(ledger.entries) - ledger.settled
    return f"{settled or 'nothing settled yet'}; {waiting} open, {sum(ledger.votes.values())} votes"


def introduction(script: Script) -> str:
    """Say what is going to happen, and what of it is not real."""
    sources = script.setting.sources
    sets = ", ".join(f"{source.type} from {source.labelled.name}" for source in sources)
    kinds = {
        "counted": "drawn from the counts of real people's answers",
        "real": "real people's answers, played back in their order",
        "simulated": "simulated (errors and seconds by assumption)",
    }
    people = sorted({kinds[_people(source.labelled.answers, counted=source.labelled.counted)] for source in sources})
    models = " Models play back recorded scores." if any(source.labelled.scores for source in sources) else ""
    return (
        f"{len(script.scenes):,} questions ({sets}) over {script.seconds:.0f} s at 12 stores, "
        f"with a burst at half-time; {REVIEWERS} reviewers, their seconds divided by {script.speed:g} (--speed).\n"
        f"Not real: votes are {'; '.join(people)}. Stores and times are assigned.{models}"
    )


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


def conclusion(report: Report) -> str:
    """Return the sentences under the table."""
    count, script = report.count, report.script
    votes = report.all.votes_per_decision
    saved = UNKNOWN if votes is None else f"{1 - votes / EVERYTHING:.0%}"
    return (
        f"{count.accepted:,} decisions, {count.settled:,} settled, {count.lost} lost, "
        f"{count.settled_twice} settled twice, in {report.seconds:.1f} s\n"
        f"People's votes per decision: {_number(votes)}, against {EVERYTHING} when three people answer everything: "
        f"{saved} fewer, with {_percent(report.all.error)} of all answers wrong.\n"
        f"{_thresholds(script)}Times are from when a question was due to its outcome; the demo itself asked at most "
        f"{report.latest_seconds:.1f} s late."
    )


def _thresholds(script: Script) -> str:
    if not any(source.labelled.scores for source in script.setting.sources):
        return ""
    again = script.replayed_set_aside
    replayed = f"; {again} of the questions were about these" if again else ""
    return f"Thresholds were set by hand (uncertified) on items set aside for it{replayed}. "


def query_shown() -> str:
    """Return the query behind the counts."""
    return f"Counted in the database, against the demo's own ledger of accepted ids:\n{QUERY}"


def next_steps(rows: Sequence[Row], url: str, folder: str | None) -> str:
    """Return three commands with real ids. `folder`: where they must be run; None: here."""
    people = [row for row in rows if row.source == "reviewer"]
    known = [row for row in rows if row.is_settled and row.truth is not None]
    wrong = [row for row in known if row.answer != row.truth]
    first = (max(people, key=lambda row: row.votes, default=None) or rows[0]).decision
    second = next((row for row in rows if row.source == "model"), rows[-1]).decision
    third = next(iter(wrong or known), rows[0])
    where = "" if folder is None else f"\n  cd {folder}"
    return (
        f"The system stays up at {url} (Ctrl-C stops it). In another terminal:{where}\n"
        f"  adjudge decisions show {first}\n"
        f"  adjudge decisions show {second}\n"
        f"  adjudge decisions truth {third.decision} {quote(third.truth or third.answer)} --source recount"
    )


def _people(answers: object, *, counted: bool) -> str:
    return "simulated" if not answers else "counted" if counted else "real"


def _cells(figures: Figures) -> tuple[str, ...]:
    settled = sum(figures.by_source.values())
    people = figures.by_source.get("reviewer", 0)
    return (
        f"{figures.decisions:,}",
        _percent(figures.coverage),
        _percent(people / settled if settled else None),
        str(figures.by_source.get("fallback", 0)),
        _percent(figures.error_by_source.get("model")),
        _percent(figures.error_by_source.get("reviewer")),
        _number(figures.votes_per_decision),
        _time(figures.p50_ms),
        _time(figures.p95_ms),
    )


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share:.1%}"


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}"


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return UNKNOWN
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
