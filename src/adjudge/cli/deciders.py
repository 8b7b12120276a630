"""`adjudge deciders`: whoever can be asked."""

from typing import Annotated

import typer

from adjudge.cli.connection import connected
from adjudge.cli.grouping import group
from adjudge.cli.output import NONE, Column, as_json, table
from adjudge.client import Decider

app = group("List whoever can be asked.")

COLUMNS = (Column("DECIDER"), Column("KIND"), Column("STATE"), Column("BREAKER"), Column("REASON"))


@app.callback()
def several() -> None:
    """List whoever can be asked."""


@app.command("ls")
def list_deciders(json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List deciders, and whether their breakers let questions through."""
    with connected() as adjudge:
        found = adjudge.deciders.list()
    print(as_json(found) if json_ else "\n".join(table(COLUMNS, map(_row, found))))


def _row(decider: Decider) -> tuple[str, ...]:
    breaker = decider.breaker
    return (
        decider.id,
        decider.kind,
        "switched off" if decider.switched_off else "on",
        (breaker.state if breaker else None) or NONE,
        (breaker.reason if breaker else None) or NONE,
    )
