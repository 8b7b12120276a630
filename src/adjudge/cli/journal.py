"""`adjudge journal`: who changed keys, reviewers, switches and configuration, and who looked at evidence."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from adjudge.cli.connection import connected
from adjudge.cli.instants import instant
from adjudge.cli.output import NONE, Column, as_json, second, shown, table
from adjudge.client import JournalEntry

COLUMNS = (Column("AT"), Column("WHO"), Column("DID"), Column("TO"), Column("LOCATION"), Column("DETAIL"))

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def journal(
    *,
    action: Annotated[str | None, typer.Option(help="key.created, evidence.viewed, …")] = None,
    actor: Annotated[str | None, typer.Option(help="Id of the key that did it.")] = None,
    subject: Annotated[str | None, typer.Option(help="Id of a key or decision, name of a reviewer or decider.")] = None,
    since: Annotated[str | None, typer.Option(help="A time ago (7d, 12h) or an instant.")] = None,
    until: Annotated[str | None, typer.Option(help="A time ago (7d, 12h) or an instant.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    json_: Json = False,
) -> None:
    """Read who changed keys, reviewers, switches and configuration, and who looked at evidence; newest first."""
    now = datetime.now(UTC)
    after = None if since is None else instant(since, now)
    before = None if until is None else instant(until, now)
    with connected() as adjudge:
        found = list(
            adjudge.journal.list(action=action, actor=actor, subject=subject, since=after, until=before, limit=limit)
        )
    print(as_json(found) if json_ else "\n".join(table(COLUMNS, map(_row, found))))


def _row(entry: JournalEntry) -> tuple[str, ...]:
    detail = " ".join(f"{name}={shown(value)}" for name, value in entry.detail.items() if value is not None)
    return (
        second(entry.at),
        entry.actor if entry.actor_name is None else f"{entry.actor} ({entry.actor_name})",
        entry.action,
        entry.subject,
        NONE if entry.location is None else entry.location,
        detail,
    )
