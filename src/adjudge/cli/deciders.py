"""`adjudge deciders`: whoever can be asked."""

from pathlib import Path
from typing import Annotated

import typer

from adjudge.cli.connection import connected
from adjudge.cli.grouping import group
from adjudge.cli.output import NONE, Column, as_json, second, table
from adjudge.client import Decider, ShadowTally

app = group("List whoever can be asked, or try one out.")

COLUMNS = (
    *(Column(title) for title in ("DECIDER", "KIND", "ROLE", "STATE", "BREAKER", "SINCE", "UNTIL")),
    Column("ASIDE", right=True),
    Column("PEOPLE", right=True),
    Column("REASON"),
)


@app.callback()
def several() -> None:
    """List whoever can be asked, or try one out."""


@app.command("ls")
def list_deciders(json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List deciders: their breakers, answers in shadow, and how many people of a pool are at work."""
    with connected() as adjudge:
        found = adjudge.deciders.list()
    print(as_json(found) if json_ else "\n".join(table(COLUMNS, map(_row, found))))


@app.command("check")
def check(
    decider: Annotated[str, typer.Argument(metavar="NAME", help="Such as claim-risk@1.")],
    questions: Annotated[str, typer.Option("--questions", help="A question a line, as JSON; - for standard input.")],
    folder: Annotated[Path, typer.Option(help="The folder of YAML documents.")] = Path("config"),
    json_: Annotated[bool, typer.Option("--json", help="Print an object a line.")] = False,
) -> None:
    """Put questions to a decider from here: raw answer, opinion, time, fault. Exit 1 where one has a fault."""
    from adjudge.cli.checking import run_check  # compiling takes what listing does without

    run_check(decider, questions, folder, json_=json_)


def _row(decider: Decider) -> tuple[str, ...]:
    breaker = decider.breaker
    return (
        decider.id,
        decider.kind,
        decider.role,
        _state(decider),
        (breaker.state if breaker else None) or NONE,
        second(breaker.since) if breaker and breaker.since else NONE,
        second(breaker.until) if breaker and breaker.until else NONE,
        _aside(decider.shadow),
        f"{decider.people.at_work}/{decider.people.members}" if decider.people else NONE,
        (breaker.reason if breaker else None) or NONE,
    )


def _state(decider: Decider) -> str:
    if decider.people is not None and decider.people.paused:
        return "paused"
    return "switched off" if decider.switched_off else "on"


def _aside(tally: ShadowTally | None) -> str:
    """Show what was answered of what was expected in the last hour."""
    return NONE if tally is None else f"{tally.answered}/{tally.expected}"
