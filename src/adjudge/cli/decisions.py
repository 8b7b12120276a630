"""`adjudge decisions`: list, show, cancel, truth."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, cast, get_args

import typer

from adjudge.cli.connection import connected
from adjudge.cli.grouping import group
from adjudge.cli.instants import instant
from adjudge.cli.output import NONE, Column, as_json, second, shown, table
from adjudge.cli.showing import path_lines, summary
from adjudge.client import Adjudge, Decision, Invalid, Labelled
from adjudge.client.values import Source, Status

app = group("List, explain, cancel decisions; record what was true.")

COLUMNS = (
    Column("ID"),
    Column("ASKED"),
    Column("TYPE"),
    Column("LOCATION"),
    Column("STATUS"),
    Column("ANSWER"),
    Column("SOURCE"),
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("ls")
def list_decisions(
    *,
    question_type: Annotated[str | None, typer.Option("--type")] = None,
    location: Annotated[str | None, typer.Option()] = None,
    status: Annotated[str | None, typer.Option(help=", ".join(get_args(Status)))] = None,
    source: Annotated[str | None, typer.Option(help=", ".join(get_args(Source)))] = None,
    since: Annotated[str | None, typer.Option(help="A time ago (7d, 12h) or an instant.")] = None,
    until: Annotated[str | None, typer.Option(help="A time ago (7d, 12h) or an instant.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 20,
    json_: Json = False,
) -> None:
    """List decisions, newest first."""
    now = datetime.now(UTC)
    wanted_status = cast("Status | None", _one_of(status, Status, "--status"))
    wanted_source = cast("Source | None", _one_of(source, Source, "--source"))
    after = None if since is None else instant(since, now)
    before = None if until is None else instant(until, now)
    with connected() as adjudge:
        found = adjudge.decisions.list(
            type=question_type,
            location=location,
            status=wanted_status,
            source=wanted_source,
            since=after,
            until=before,
            limit=limit,
        )
        decisions = list(found)
    print(as_json(decisions) if json_ else "\n".join(table(COLUMNS, map(_row, decisions))))


@app.command()
def show(id: Annotated[str, typer.Argument()], json_: Json = False) -> None:
    """Show all that happened to a decision: when, who, what, how long and at what cost."""
    with connected() as adjudge:
        path = adjudge.decisions.path(id)
    print(as_json(path) if json_ else "\n".join(path_lines(path)))


@app.command()
def cancel(
    id: Annotated[str, typer.Argument()],
    reason: Annotated[str | None, typer.Option()] = None,
    json_: Json = False,
) -> None:
    """Cancel an open decision."""
    with connected() as adjudge:
        decision = adjudge.decisions.cancel(id, reason=reason)
    print(as_json(decision) if json_ else summary(decision))


@app.command()
def truth(
    id: Annotated[str, typer.Argument()],
    answer: Annotated[str, typer.Argument(help="A label; true, 3 or JSON where the type's answers are not labels.")],
    source: Annotated[str, typer.Option(help="How it is known: appeal, refund, stock-take.")],
    ref: Annotated[str | None, typer.Option(help="Where it is written down.")] = None,
    *,
    independent: Annotated[
        bool,
        typer.Option(
            "--independent",
            help="It was observed independently of the answer, as by a recount: it closes an open audit.",
        ),
    ] = False,
    json_: Json = False,
) -> None:
    """Record what turned out to be right."""
    with connected() as adjudge:
        labelled = _truth(
            adjudge,
            id,
            answer,
            source=source,
            ref=ref,
            answer_could_influence=False if independent else None,
        )
    print(as_json(labelled) if json_ else f"{_recorded(labelled)}\n{summary(labelled.decision)}")


def _recorded(labelled: Labelled) -> str:
    """Say what has become of a truth: the decision as it stands does not show it."""
    if not labelled.label["recorded"]:
        return "recorded before: nothing has changed"
    return "recorded; it amends the outcome" if labelled.label["amended"] else "recorded; it changes no outcome"


def _truth(adjudge: Adjudge, id: str, text: str, **known: Any) -> Labelled:
    """Say it as it stands, as labels are; where that is no answer of the type, as JSON, which all else is."""
    try:
        return adjudge.decisions.truth(id, text, **known)
    except Invalid as refused:
        if refused.kind != "answer-outside-space":
            raise
        try:
            answer = json.loads(text)
        except ValueError:
            raise refused from None
    return adjudge.decisions.truth(id, answer, **known)


def _row(decision: Decision) -> tuple[str, ...]:
    outcome = decision.outcome
    return (
        decision.id,
        second(decision.asked_at),
        decision.type,
        decision.location,
        decision.status,
        NONE if outcome is None else shown(outcome.answer),
        NONE if outcome is None else outcome.source,
    )


def _one_of(given: str | None, choices: Any, option: str) -> str | None:
    if given is not None and given not in get_args(choices):
        raise typer.BadParameter(f"{given!r} is not one of {', '.join(get_args(choices))}", param_hint=option)
    return given
