"""`adjudge export`: the live record as a labelled set."""

import gc
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, cast

import typer

from adjudge.cli.databases import at_database
from adjudge.cli.instants import instant
from adjudge.cli.output import as_json
from adjudge.core.counting import counted
from adjudge.labelled.exporting import export as export_set
from adjudge.labelled.tables import Form
from adjudge.store.extracting import Wanted

FORMS = ("csv", "parquet")


def export(
    *,
    question_type: Annotated[str, typer.Option("--type", help="The question type whose decisions are wanted.")],
    out: Annotated[Path, typer.Option("--out", help="A folder; run again with the same, it is brought up to date.")],
    since: Annotated[str | None, typer.Option(help="Asked since: a time ago (7d, 12h) or an instant.")] = None,
    until: Annotated[str | None, typer.Option(help="Asked before: a time ago (7d, 12h) or an instant.")] = None,
    location: Annotated[list[str] | None, typer.Option(help="Only of this location; may be repeated.")] = None,
    form: Annotated[str, typer.Option(help=", ".join(FORMS))] = "csv",
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write settled decisions as a labelled set: items, scores of every decider, people's answers, truth.

    Reads DATABASE_URL, else the database of `adjudge up`. Holds neither evidence nor subjects.
    """
    if form not in FORMS:
        raise typer.BadParameter(f"{form!r} is not one of {', '.join(FORMS)}", param_hint="--form")
    gc.set_threshold(50_000, 20, 50)  # rows leave no cycles behind; looking for some takes a sixth of the time
    now = datetime.now(UTC)
    wanted = Wanted(
        type=question_type,
        locations=tuple(sorted(location)) if location else None,
        since=None if since is None else instant(since, now),
        until=None if until is None else instant(until, now),
    )
    done = at_database(
        "export", lambda connection: export_set(connection, out, wanted, cast("Form", form), report=_progress)
    )
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if json_:
        print(as_json(done))
        return
    summary = counted(done.decisions, "decision") + (" (resumed)" if done.resumed else "")
    scores = f"scores of {', '.join(done.deciders)}" if done.deciders else "no further scores"
    print(f"{out}: {summary}, {counted(done.labels, 'label')}, {scores}")


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total}", end="", file=sys.stderr, flush=True)
