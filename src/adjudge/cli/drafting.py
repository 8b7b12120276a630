"""`adjudge config propose | drafts | approve | discard`: a change that a second person agrees to."""

from typing import Annotated

import typer

from adjudge.cli.connection import connected
from adjudge.cli.output import NONE, Column, as_json, minute, table
from adjudge.cli.publishing import DEFAULT, Folder, Json, Message, documents_in


def propose(folder: Folder = DEFAULT, *, message: Message = "", json_: Json = False) -> None:
    """Make a draft of a folder, for others to look at."""
    with connected() as adjudge:
        draft = adjudge.config.create_draft(documents_in(folder, adjudge, json_=json_), message=message)
    print(as_json(draft) if json_ else draft.id)


def drafts(json_: Json = False) -> None:
    """List drafts that are open."""
    with connected() as adjudge:
        found = adjudge.config.list_drafts()
    columns = [Column(title) for title in ("ID", "VERSION", "ON", "CHANGED", "AUTHOR", "APPROVED BY", "MESSAGE")]
    rows = (
        (
            each.id,
            str(each.version),
            str(each.base),
            minute(each.changed_at),
            each.author,
            ", ".join(each.approved) or NONE,
            each.message,
        )
        for each in found
    )
    print(as_json(found) if json_ else "\n".join(table(columns, rows)))


def approve(
    draft: Annotated[str, typer.Argument(metavar="DRAFT")],
    version: Annotated[int, typer.Option(help="The version that you have looked at.")],
    json_: Json = False,
) -> None:
    """Agree, as a second person, to a draft of somebody else's."""
    with connected() as adjudge:
        approved = adjudge.config.approve_draft(draft, version)
    print(as_json(approved) if json_ else f"approved by {len(approved.approved)}")


def discard(draft: Annotated[str, typer.Argument(metavar="DRAFT")], json_: Json = False) -> None:
    """Drop a draft."""
    with connected() as adjudge:
        adjudge.config.discard_draft(draft)
    print(as_json({"id": draft, "discarded": True}) if json_ else f"discarded {draft}")
