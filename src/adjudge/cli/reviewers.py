"""`adjudge reviewers`: the people who answer."""

from typing import Annotated

import typer

from adjudge.cli.connection import connected, shown_path, store_key
from adjudge.cli.grouping import group
from adjudge.cli.output import Column, as_json, table

app = group("Add and list the people who answer.")

COLUMNS = (Column("REVIEWER"), Column("POOLS"))

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument()],
    pool: Annotated[list[str], typer.Option(help="A pool to answer for; may be repeated.")],
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the key.")] = False,
    json_: Json = False,
) -> None:
    """Add a person. Their key is shown once, and kept in .adjudge/ for `adjudge review --as NAME`."""
    with connected() as adjudge:
        added = adjudge.reviewers.add(name, pool)
    file = store_key(added.name, added.key)
    told = added.key if quiet else f"{added.key}\nshown once; kept in {shown_path(file)}"
    print(as_json(added) if json_ else told)


@app.command("ls")
def list_reviewers(json_: Json = False) -> None:
    """List the people who answer, and for which pools."""
    with connected() as adjudge:
        found = adjudge.reviewers.list()
    rows = ((reviewer.name, ", ".join(reviewer.pools)) for reviewer in found)
    print(as_json(found) if json_ else "\n".join(table(COLUMNS, rows)))
