"""`adjudge db`, and the first key, which is written to the database because no API can be asked for it yet."""

import asyncio
import os
from collections.abc import Awaitable
from typing import Annotated, TypeVar

import msgspec
import typer

from adjudge.cli.grouping import group
from adjudge.cli.output import as_json
from adjudge.cli.refusing import Refused
from adjudge.client import Limits, NewKey
from adjudge.client.keys import Role

T = TypeVar("T")

app = group("Bring the database's schema up to date.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def several() -> None:
    """Bring the database's schema up to date."""


@app.command()
def upgrade(json_: Json = False) -> None:
    """Bring the schema of DATABASE_URL to this version. Safe to repeat, also while others do it."""
    from adjudge.store import migrations  # imports SQLAlchemy

    url = os.environ.get("DATABASE_URL")
    if not url:
        raise Refused("DATABASE_URL is not set: it names the PostgreSQL database to upgrade")

    async def upgraded() -> str | None:
        await migrations.upgrade(url)
        return await migrations.current(url)

    revision = asyncio.run(_spoken(upgraded()))
    print(as_json({"revision": revision}) if json_ else f"schema is at {revision}")


def write_key(
    database_url: str,
    name: str,
    role: Role,
    locations: list[str] | None,
    pools: list[str] | None,
    limits: Limits | None,
) -> NewKey:
    """Store a new key without an API. Raises Refused."""
    import asyncpg

    from adjudge.store import keys, scope

    async def written() -> NewKey:
        secret = keys.new_secret()
        connection = await asyncpg.connect(database_url, timeout=10)
        try:
            made = await keys.create(
                connection,
                id=keys.new_key_id(),
                name=name,
                role=role,
                secret=secret,
                created_by="command line",
                locations=locations,
                pools=pools,
                limits=scope.Limits(**msgspec.to_builtins(limits)) if limits else scope.Limits(),
            )
        finally:
            await connection.close(timeout=10)
        return NewKey(id=made.id, name=made.name, role=made.role, key=secret)

    return asyncio.run(_spoken(written()))


async def _spoken(work: Awaitable[T]) -> T:
    """Await work on the database; what PostgreSQL refuses is one line. Raises Refused."""
    import asyncpg

    from adjudge.cli.addresses import why_unusable

    try:
        return await work
    except (OSError, TimeoutError) as error:
        raise Refused(f"cannot reach the database of DATABASE_URL: {error or 'no answer in time'}") from error
    except asyncpg.LockNotAvailableError as error:
        raise Refused(
            "a table that the upgrade changes stayed in use: run it again; pg_stat_activity has the oldest transaction"
        ) from error
    except asyncpg.UndefinedTableError as error:
        raise Refused("the database has no schema yet: run `adjudge db upgrade`") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Refused(f"the database of DATABASE_URL refuses: {error}") from error
    except ValueError as error:
        raise Refused(f"DATABASE_URL cannot be used: {why_unusable(error)}") from error
