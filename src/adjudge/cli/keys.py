"""`adjudge keys`: who may call the API."""

import os
from typing import Annotated, cast

import typer

from adjudge.cli.connection import connected
from adjudge.cli.grouping import group
from adjudge.cli.output import NONE, Column, as_json, table
from adjudge.client import Key, NewKey
from adjudge.client.finding import NotConnected, connection_to
from adjudge.client.values import Role

app = group("Make, list and revoke API keys.")

COLUMNS = (Column("ID"), Column("NAME"), Column("ROLE"), Column("LOCATIONS"), Column("POOLS"), Column("STATE"))

ROLES = ("client", "operator", "admin")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument()],
    *,
    role: Annotated[str, typer.Option(help=", ".join(ROLES))],
    location: Annotated[list[str] | None, typer.Option(help="Only for this location; may be repeated.")] = None,
    pool: Annotated[list[str] | None, typer.Option(help="Only for this pool; may be repeated.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the key.")] = False,
    json_: Json = False,
) -> None:
    """Make a key; it is shown this once.

    Where no API is known yet and DATABASE_URL is set, the key is written to that database: the first
    one of a new installation.
    """
    if role not in ROLES:
        people = "; people are added by `adjudge reviewers add`" if role == "reviewer" else ""
        raise typer.BadParameter(f"{role!r} is not one of {', '.join(ROLES)}{people}", param_hint="--role")
    made = _create(name, cast("Role", role), location or None, pool or None)
    if json_:
        print(as_json(made))
    else:
        print(made.key if quiet else f"{made.key}\nshown once; key {made.id} of {made.name}, {made.role}")


@app.command("ls")
def list_keys(json_: Json = False) -> None:
    """List keys, without their secrets."""
    with connected() as adjudge:
        found = adjudge.keys.list()
    print(as_json(found) if json_ else "\n".join(table(COLUMNS, map(_row, found))))


@app.command()
def revoke(id: Annotated[str, typer.Argument()], json_: Json = False) -> None:  # noqa: A002
    """End a key: it opens nothing from now on."""
    with connected() as adjudge:
        adjudge.keys.revoke(id)
    print(as_json({"id": id, "revoked": True}) if json_ else f"revoked {id}")


def _create(name: str, role: Role, locations: list[str] | None, pools: list[str] | None) -> NewKey:
    database_url = os.environ.get("DATABASE_URL")
    if database_url and not _is_api_known():
        from adjudge.cli.database import write_key  # noqa: PLC0415  the store is heavy and rarely needed here

        return write_key(database_url, name, role, locations, pools)
    with connected() as adjudge:
        return adjudge.keys.create(name, role, locations=locations, pools=pools)


def _is_api_known() -> bool:
    try:
        connection_to(None, None)
    except NotConnected:
        return False
    return True


def _row(key: Key) -> tuple[str, ...]:
    return (
        key.id,
        key.name,
        key.role,
        NONE if key.locations is None else ", ".join(key.locations),
        NONE if key.pools is None else ", ".join(key.pools),
        "revoked" if key.revoked_at else "valid",
    )
