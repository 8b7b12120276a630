"""`adjudge outcomes`: the feed, a line for each outcome."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from adjudge.cli.connection import connected
from adjudge.cli.grouping import group
from adjudge.cli.instants import instant
from adjudge.cli.output import as_json, plain, second, shown
from adjudge.client import OutcomeEvent

app = group("Follow the feed of all outcomes.")


@app.callback()
def outcomes() -> None:
    """Follow the feed of all outcomes."""


@app.command()
def follow(
    *,
    after: Annotated[str | None, typer.Option(help="A cursor: go on behind it.")] = None,
    since: Annotated[str | None, typer.Option(help="Begin a time ago (7d, 12h) or at an instant.")] = None,
    question_type: Annotated[str | None, typer.Option("--type")] = None,
    location: Annotated[str | None, typer.Option()] = None,
    once: Annotated[bool, typer.Option("--once", help="End where there are no more, instead of waiting.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON, one event a line, each with its cursor.")] = False,
) -> None:
    """Print outcomes as they are settled, amendments included: from now on, where neither cursor nor time is given."""
    now = datetime.now(UTC)
    begin = now if since is None and after is None and not once else None
    with connected() as adjudge:
        read = adjudge.outcomes.list if once else adjudge.outcomes.follow
        feed = read(
            after=after,
            since=begin if since is None else instant(since, now),
            type=question_type,
            location=location,
        )
        for event in feed:
            print(as_json(event) if json_ else _line(event), flush=True)


def _line(event: OutcomeEvent) -> str:
    decision, outcome = event.decision, event.outcome
    told = (decision.type, decision.location, decision.status, shown(outcome.answer), outcome.source, decision.id)
    return "  ".join((second(event.time), *map(plain, told)))
