"""`adjudge queues`: what waits for people, and who is at work."""

from typing import Annotated

import typer

from adjudge.cli.connection import connected
from adjudge.cli.output import NONE, Column, as_json, rough, table
from adjudge.client import Queue

COLUMNS = (
    Column("POOL"),
    Column("WAITING", right=True),
    Column("OLDEST", right=True),
    Column("DUE<5M", right=True),
    Column("AT WORK", right=True),
    Column("VOTES/H", right=True),
    Column("MEDIAN", right=True),
)


def queues(json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what waits for people."""
    with connected() as adjudge:
        found = adjudge.reviews.queues()
    print(as_json(found) if json_ else "\n".join(table(COLUMNS, map(_row, found))))


def _row(queue: Queue) -> tuple[str, ...]:
    return (
        f"{queue.pool} (paused)" if queue.paused else queue.pool,
        str(queue.waiting),
        _duration(queue.oldest_seconds),
        str(queue.due_5m),
        str(queue.at_work),
        f"{queue.votes_per_hour:.0f}",
        _duration(queue.median_seconds),
    )


def _duration(seconds: float | None) -> str:
    return NONE if seconds is None else rough(seconds)
