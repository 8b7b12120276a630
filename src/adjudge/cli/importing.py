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
from adjudge.cli.refusing import Refused
from adjudge.config.compiling import compile_documents
from adjudge.config.documents.faults import nearest
from adjudge.core.counting import counted
from adjudge.labelled.importing import Imported
from adjudge.labelled.importing import import_set as bring_in
from adjudge.labelled.items import Defaults
from adjudge.store.configuration import revisions
from adjudge.store.connecting import Connection


def import_set(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A labelled set.")],
    *,
    question_type: Annotated[str, typer.Option("--type", help="The question type that its items are of.")],
    location: Annotated[str | None, typer.Option(help="Location of items that name none.  [default: default]")] = None,
    at: Annotated[str | None, typer.Option(help="Time of items that have none.")] = None,
    unlisted: Annotated[
        bool, typer.Option("--unlisted", help="Import although no published configuration has the type or location.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring past decisions in with their real times: marked as imported, in no feed, told to nobody.

    Writes to DATABASE_URL, else the database of `adjudge up`. Safe to repeat.
    """
    now = datetime.now(UTC)
    moment = None if at is None else instant(at, now)
    defaults = Defaults(type=question_type, location=location or "default", at=moment)
    by = f"command line ({getpass.getuser()})"

    async def work(connection: Connection) -> Imported:
        if not unlisted:
            await _require_listed(connection, question_type, location)
        return await bring_in(connection, folder, defaults, now=now, by=by, report=_progress)

    done = at_database("import", work)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if json_:
        print(as_json(done))
        return
    left_out = f", {done.unanswered} left out: nothing says how they were answered" if done.unanswered else ""
    print(f"{folder}: {counted(done.decisions, 'decision')} imported, {done.known} were there already{left_out}")


async def _require_listed(connection: Connection, question_type: str, location: str | None) -> None:
    """Raise Refused for a name that is not in force: what is imported under a misspelt one stays there for good."""
    newest = await revisions.newest(connection)
    documents = await revisions.documents(connection, newest.number) if newest else None
    if newest is None or documents is None:
        return
    configuration = compile_documents(documents, revision=newest.number, base=Path.cwd(), is_new=False)
    for what, name, known in (
        ("question type", question_type, configuration.types),
        ("location", location, configuration.locations),
    ):
        if name is not None and name not in known:
            meant = nearest(name, known)
            near = f"; did you mean {meant!r}?" if meant else ":"
            raise Refused(f"revision {newest.number} has no {what} {name!r}{near} --unlisted imports it all the same")


def _progress(done: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}", end="", file=sys.stderr, flush=True)
