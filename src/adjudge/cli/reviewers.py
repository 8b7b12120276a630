"""`adjudge reviewers`: the people who answer."""

from typing import Annotated

import typer
from msgspec import to_builtins

from adjudge.cli.connection import connected, shown_path, store_key
from adjudge.cli.grouping import group
from adjudge.cli.output import Column, as_json, plain, table
from adjudge.cli.refusing import Refused
from adjudge.client.automation import Learnt, LearntOf

app = group("Add and list the people who answer.")

COLUMNS = (Column("REVIEWER"), Column("POOLS"), Column(""))
LEARNT = (
    Column("TYPE"),
    Column("RIGHT", right=True),
    Column("90% INTERVAL", right=True),
    Column("VOTES", right=True),
    Column("SNAPSHOT", right=True),
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument()],
    pool: Annotated[list[str], typer.Option(help="A pool to answer for; may be repeated.")],
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the key.")] = False,
    json_: Json = False,
) -> None:
    """Add a person, or take one back whose keys were revoked. Their key is shown once.

    It is kept in .adjudge/ for `adjudge review --as NAME`.
    """
    with connected() as adjudge:
        added = adjudge.reviewers.add(name, pool)
    file = store_key(added.name, added.key)
    told = added.key if quiet else f"{added.key}\nshown once; kept in {shown_path(file)}"
    print(as_json(added) if json_ else told)


@app.command()
def move(
    name: Annotated[str, typer.Argument()],
    pool: Annotated[list[str], typer.Option(help="A pool to answer for from now on; may be repeated.")],
    json_: Json = False,
) -> None:
    """Have a person answer for other pools; what is learnt of them stays."""
    with connected() as adjudge:
        moved = adjudge.reviewers.move(name, pool)
    print(as_json(moved) if json_ else f"{plain(moved.name)} answers for {', '.join(moved.pools)}")


@app.command()
def show(name: Annotated[str, typer.Argument()], json_: Json = False) -> None:
    """Show what is learnt of a person from blind votes, by question type, and in which snapshot."""
    with connected() as adjudge:
        found = [(each, one) for each in adjudge.automation.learnt() for one in each.people if one.reviewer == name]
        if not found and name not in (known := [reviewer.name for reviewer in adjudge.reviewers.list()]):
            raise Refused(f"there is no reviewer {plain(name)!r}; there are {', '.join(sorted(known)) or 'none'}")
    if json_:
        print(as_json([{"type": each.type, "snapshot": each.snapshot, **to_builtins(one)} for each, one in found]))
    elif found:
        print("\n".join(table(LEARNT, (_learnt(each, one) for each, one in found))))
    else:
        print(f"nothing is learnt of {plain(name)} yet")


@app.command("ls")
def list_reviewers(json_: Json = False) -> None:
    """List the people who answer, and for which pools."""
    with connected() as adjudge:
        found = adjudge.reviewers.list()
    rows = ((each.name, ", ".join(each.pools), "" if each.has_key else "no key in use") for each in found)
    print(as_json(found) if json_ else "\n".join(table(COLUMNS, rows)))


def _learnt(each: Learnt, one: LearntOf) -> tuple[str, ...]:
    return (each.type, f"{one.accuracy:.0%}", f"{one.low:.0%} to {one.high:.0%}", str(one.votes), str(each.snapshot))
