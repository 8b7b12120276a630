"""`adjudge webhooks`: where outcomes are sent."""

from typing import Annotated

import typer

from adjudge.cli.connection import connected
from adjudge.cli.grouping import group
from adjudge.cli.output import NONE, Column, as_json, precise, table
from adjudge.cli.refusing import Refused
from adjudge.client.endpoints import Delivery, Webhook

app = group("Have outcomes sent to addresses of yours, signed, for days if need be.")

COLUMNS = (
    Column("ID"),
    Column("URL"),
    Column("LOCATIONS"),
    Column("TYPES"),
    Column("WAITING", right=True),
    Column("PARKED", right=True),
    Column("STATE"),
)
DELIVERIES = (
    Column("DECISION"),
    Column("VERSION", right=True),
    Column("STATE"),
    Column("ATTEMPTS", right=True),
    Column("LAST"),
    Column("NEXT"),
)

Id = Annotated[str, typer.Argument(metavar="ID")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL")],
    *,
    location: Annotated[list[str] | None, typer.Option(help="Only of this location; may be repeated.")] = None,
    question_type: Annotated[
        list[str] | None, typer.Option("--type", help="Only of this question type; may be repeated.")
    ] = None,
    json_: Json = False,
) -> None:
    """Add an endpoint; its secret is shown this once. It is told what is settled from now on."""
    with connected() as adjudge:
        made = adjudge.webhooks.add(url, locations=location or None, types=question_type or None)
    print(as_json(made) if json_ else f"{made.secret}\nshown once; webhook {made.id} to {made.url}")


@app.command("ls")
def list_webhooks(json_: Json = False) -> None:
    """List endpoints: what waits, what was given up, whether they fail."""
    with connected() as adjudge:
        found = adjudge.webhooks.list()
    print(as_json(found) if json_ else "\n".join(table(COLUMNS, map(_row, found))))


@app.command()
def show(
    id: Id,
    *,
    state: Annotated[str | None, typer.Option(help="waiting, sending, delivered or parked.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    json_: Json = False,
) -> None:
    """List an endpoint's deliveries with their attempts, the newest decision first."""
    with connected() as adjudge:
        page = adjudge.webhooks.deliveries(id, state=state, limit=limit)
    print(as_json(page) if json_ else "\n".join(table(DELIVERIES, map(_delivery_row, page.items))))


@app.command("test")
def try_out(id: Id, json_: Json = False) -> None:
    """Send an event that tells of nothing, and print what came of it; status 1 where it did not arrive."""
    with connected() as adjudge:
        tried = adjudge.webhooks.test(id)
    if json_:
        print(as_json(tried))
    elif tried.delivered:
        print(f"delivered: {tried.status} in {precise(tried.seconds)}")
    if not tried.delivered:
        raise Refused(f"not delivered: {tried.error}")


@app.command()
def rotate(
    id: Id,
    *,
    keep_hours: Annotated[float, typer.Option(min=0, max=720, help="How long the old secret still signs.")] = 24,
    json_: Json = False,
) -> None:
    """Make a new secret, shown this once; for a while messages are signed with both."""
    with connected() as adjudge:
        made = adjudge.webhooks.rotate(id, keep_hours=keep_hours)
    print(
        as_json(made) if json_ else f"{made.secret}\nshown once; the old one signs until {made.old_secret_until:%F %R}Z"
    )


@app.command()
def redeliver(
    id: Id,
    *,
    decision: Annotated[str | None, typer.Option(help="What was told of this decision, even if it arrived.")] = None,
    json_: Json = False,
) -> None:
    """Send again what was given up, and start an endpoint that had answered 410 Gone."""
    with connected() as adjudge:
        made = adjudge.webhooks.redeliver(id, decision=decision)
        failing = [] if json_ else [one for one in adjudge.webhooks.list() if one.id == id and one.failing_since]
    print(as_json(made) if json_ else f"{made.redelivered} to be sent again")
    for webhook in failing:
        print(_why_they_wait(webhook))


@app.command("rm")
def remove(id: Id, json_: Json = False) -> None:
    """Remove an endpoint: nothing more is sent there, also of what waits."""
    with connected() as adjudge:
        adjudge.webhooks.remove(id)
    print(as_json({"id": id, "removed": True}) if json_ else f"removed {id}")


def _row(webhook: Webhook) -> tuple[str, ...]:
    return (
        webhook.id,
        webhook.url,
        NONE if webhook.locations is None else ", ".join(webhook.locations),
        NONE if webhook.types is None else ", ".join(webhook.types),
        str(webhook.waiting),
        str(webhook.parked),
        _state(webhook),
    )


def _why_they_wait(webhook: Webhook) -> str:
    """Tell whoever hurries a receiver that fails: what waits for it was due already, and is not hurried by that."""
    return (
        f"{webhook.waiting} wait: it {_state(webhook)}; "
        "keepers try it with one at a time, and send all of them once it answers\n"
        f"what it answers now: adjudge webhooks test {webhook.id}"
    )


def _state(webhook: Webhook) -> str:
    if webhook.stopped_at is not None:
        return "stopped: 410 Gone"
    if webhook.failing_since is not None:
        return f"fails since {webhook.failing_since:%F %R}Z: {webhook.failure}"
    return "well"


def _delivery_row(delivery: Delivery) -> tuple[str, ...]:
    last = delivery.attempts[-1] if delivery.attempts else None
    return (
        delivery.decision,
        str(delivery.version),
        delivery.state,
        str(len(delivery.attempts)),
        NONE if last is None else (last.error or str(last.status)),
        NONE if delivery.next_at is None else f"{delivery.next_at:%F %R}Z",
    )
