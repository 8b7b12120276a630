"""`adjudge keys`: who may call the API, and how much."""

import os
from datetime import UTC, datetime
from typing import Annotated, cast

import typer

from adjudge.cli.connection import connected
from adjudge.cli.grouping import group
from adjudge.cli.output import NONE, Column, as_json, minute, table
from adjudge.client import Key, Limits, NewKey
from adjudge.client.finding import NotConnected, connection_to
from adjudge.client.keys import Role

app = group("Make, list, rotate, limit and revoke API keys.")

COLUMNS = (
    Column("ID"),
    Column("NAME"),
    Column("ROLE"),
    Column("LOCATIONS"),
    Column("POOLS"),
    Column("LIMITS"),
    Column("LAST USED"),
    Column("STATE"),
)

ROLES = ("client", "operator", "admin")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the key.")]
Id = Annotated[str, typer.Argument(metavar="ID")]
PerSecond = Annotated[float | None, typer.Option("--requests-per-second", min=0.001, help="Most requests a second.")]
Bytes = Annotated[int | None, typer.Option("--bytes-per-second", min=1, help="Most bytes of bodies a second.")]
Open = Annotated[int | None, typer.Option("--open-decisions", min=1, help="Most decisions that wait for an outcome.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument()],
    *,
    role: Annotated[str, typer.Option(help=", ".join(ROLES))],
    location: Annotated[list[str] | None, typer.Option(help="Only for this location; may be repeated.")] = None,
    pool: Annotated[list[str] | None, typer.Option(help="Only for this pool; may be repeated.")] = None,
    requests_per_second: PerSecond = None,
    bytes_per_second: Bytes = None,
    open_decisions: Open = None,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Make a key; it is shown this once.

    Where no API is known yet and DATABASE_URL is set, the key is written to that database: the first
    one of a new installation.
    """
    if role not in ROLES:
        people = "; people are added by `adjudge reviewers add`" if role == "reviewer" else ""
        raise typer.BadParameter(f"{role!r} is not one of {', '.join(ROLES)}{people}", param_hint="--role")
    limits = Limits(
        requests_per_second=requests_per_second, bytes_per_second=bytes_per_second, open_decisions=open_decisions
    )
    given = None if limits == Limits() else limits
    made = _create(name, cast("Role", role), location or None, pool or None, given)
    _print_once(made, quiet=quiet, json_=json_)


@app.command("ls")
def list_keys(json_: Json = False) -> None:
    """List keys, without their secrets."""
    with connected() as adjudge:
        found = adjudge.keys.list()
    print(as_json(found) if json_ else "\n".join(table(COLUMNS, map(_row, found))))


@app.command()
def rotate(
    id: Id,
    *,
    overlap: Annotated[float, typer.Option(min=0, help="Hours for which the old secret opens, too.")] = 24,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Give a key another secret, shown this once: same id, same bounds, same limits."""
    with connected() as adjudge:
        rotated = adjudge.keys.rotate(id, overlap_seconds=overlap * 3600)
    _print_once(rotated, quiet=quiet, json_=json_)


@app.command()
def limit(
    id: Id,
    *,
    requests_per_second: PerSecond = None,
    bytes_per_second: Bytes = None,
    open_decisions: Open = None,
    json_: Json = False,
) -> None:
    """Set a key's limits, all of them: what is not named is unlimited."""
    limits = Limits(
        requests_per_second=requests_per_second, bytes_per_second=bytes_per_second, open_decisions=open_decisions
    )
    with connected() as adjudge:
        limited = adjudge.keys.limit(id, limits)
    print(as_json(limited) if json_ else f"{limited.id} of {limited.name}: {_limits(limited.limits)}")


@app.command()
def revoke(id: Id, json_: Json = False) -> None:
    """End a key: it opens nothing from now on."""
    with connected() as adjudge:
        adjudge.keys.revoke(id)
    print(as_json({"id": id, "revoked": True}) if json_ else f"revoked {id}")


def _create(
    name: str, role: Role, locations: list[str] | None, pools: list[str] | None, limits: Limits | None
) -> NewKey:
    database_url = os.environ.get("DATABASE_URL")
    if database_url and not _is_api_known():
        from adjudge.cli.database import write_key  # the store is heavy and rarely needed here

        return write_key(database_url, name, role, locations, pools, limits)
    with connected() as adjudge:
        return adjudge.keys.create(name, role, locations=locations, pools=pools, limits=limits)


def _is_api_known() -> bool:
    try:
        connection_to(None, None)
    except NotConnected:
        return False
    return True


def _print_once(key: NewKey, *, quiet: bool, json_: bool) -> None:
    if json_:
        print(as_json(key))
    else:
        print(key.key if quiet else f"{key.key}\nshown once; key {key.id} of {key.name}, {key.role}")


def _row(key: Key) -> tuple[str, ...]:
    return (
        key.id,
        key.name,
        key.role,
        NONE if key.locations is None else ", ".join(key.locations),
        NONE if key.pools is None else ", ".join(key.pools),
        _limits(key.limits),
        minute(key.last_used_at) if key.last_used_at else "never",
        _state(key),
    )


def _limits(limits: Limits) -> str:
    said = (
        ("requests/s", limits.requests_per_second),
        ("bytes/s", limits.bytes_per_second),
        ("open", limits.open_decisions),
    )
    return ", ".join(f"{value:.10g} {unit}" for unit, value in said if value is not None) or NONE


def _state(key: Key) -> str:
    if key.revoked_at:
        return "revoked"
    if key.old_until and key.old_until > datetime.now(UTC):
        return f"valid, the one before too until {minute(key.old_until)}"
    return "valid"
