"""`adjudge switches`: deciders and automation, off and on at once."""

from typing import Annotated

import typer

from adjudge.cli.connection import connected
from adjudge.cli.grouping import group
from adjudge.cli.instants import lasting
from adjudge.cli.output import NONE, Column, as_json, second, table
from adjudge.client import Switch

app = group("Switch deciders or automation off and on, in every process within a second.")

KINDS = ("decider", "type", "location", "group", "everywhere")
COLUMNS = tuple(Column(title) for title in ("WHAT", "STATE", "SINCE", "UNTIL", "BY", "REASON"))

Kind = Annotated[str, typer.Argument(metavar="KIND", help=", ".join(KINDS))]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the decider, type, location or group.")]
At = Annotated[str | None, typer.Option(metavar="LOCATION", help="Switch a type at this location only.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the journal.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def off(
    kind: Kind,
    name: Name = "",
    *,
    reason: Reason,
    at: At = None,
    for_: Annotated[str | None, typer.Option("--for", help="Switch it on again after this time: 30m, 2h.")] = None,
    json_: Json = False,
) -> None:
    """Switch a decider, or all automation of a type, location or group off: people or the fallback take over."""
    _switch(kind, name, at, reason, on=False, for_seconds=lasting(for_), json_=json_)


@app.command()
def on(kind: Kind, name: Name = "", *, reason: Reason = "on again", at: At = None, json_: Json = False) -> None:
    """Switch it on again."""
    _switch(kind, name, at, reason, on=True, for_seconds=None, json_=json_)


@app.command("ls")
def list_switches(
    *,
    all_: Annotated[bool, typer.Option("--all", help="Also what was switched on again.")] = False,
    json_: Json = False,
) -> None:
    """List what is off, and what was until its time was over (`expired`): since when, until when, and why."""
    with connected() as adjudge:
        found = adjudge.switches.list(all=all_)
    print(as_json(found) if json_ else "\n".join(table(COLUMNS, map(_row, found))))


def _switch(
    kind: str, name: str, at: str | None, reason: str, *, on: bool, for_seconds: float | None, json_: bool
) -> None:
    if kind not in KINDS:
        raise typer.BadParameter(f"{kind!r} is not one of {', '.join(KINDS)}", param_hint="KIND")
    if (kind == "everywhere") == bool(name):
        raise typer.BadParameter("`everywhere` takes no name, every other kind needs one", param_hint="NAME")
    with connected() as adjudge:
        switched = adjudge.switches.set(kind, name, on=on, reason=reason, at=at, for_seconds=for_seconds)
    print(as_json(switched) if json_ else "  ".join(_row(switched)))


def _row(switched: Switch) -> tuple[str, ...]:
    return (
        switched.scope,
        switched.state,
        second(switched.changed_at),
        NONE if switched.until is None else second(switched.until),
        switched.changed_by,
        switched.reason,
    )
