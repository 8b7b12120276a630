"""`adjudge import`: past decisions from a labelled set."""

import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from adjudge.cli.databases import at_database
from adjudge.cli.instants import instant
from adjudge.cli.output import as_json
from adjudge.labelled.importing import import_set as bring_in
from adjudge.labelled.items import Defaults


def import_set(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A labelled set.")],
    *,
    question_type: Annotated[str, typer.Option("--type", help="The question type that its items are of.")],
    location: Annotated[str, typer.Option(help="Where items were asked that name no location.")] = "default",
    at: Annotated[str | None, typer.Option(help="When items were asked that have no time.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring past decisions in with their real times: marked as imported, in no feed, told to nobody.

    Writes to DATABASE_URL, else the database of `adjudge up`. Safe to repeat.
    """
    now = datetime.now(UTC)
    defaults = Defaults(type=question_type, location=location, at=None if at is None else instant(at, now))
    by = f"command line ({getpass.getuser()})"
    done = at_database(
        "import", lambda connection: bring_in(connection, folder, defaults, now=now, by=by, report=_progress)
    )
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if json_:
        print(as_json(done))
        return
    left_out = f", {done.unanswered} left out: nothing says how they were answered" if done.unanswered else ""
    print(f"{folder}: {done.decisions} decisions imported, {done.known} were there already{left_out}")


def _progress(done: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}", end="", file=sys.stderr, flush=True)
