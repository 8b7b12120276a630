"""Schema changes, forward only: expand, migrate, contract."""

import asyncio
import re
from importlib.resources import files
from typing import Any

import asyncpg

from adjudge.core.errors import AdjudgeError
from adjudge.store import partitions

ONE_AT_A_TIME = 7_203_001
"""Advisory lock: processes that start together migrate one after the other."""

LOCK_ATTEMPTS = 10
"""Each waits three seconds for a table that somebody reads, and is in nobody's way for as long again."""
LOCK_PAUSE_SECONDS = 3.0

WORKS_FROM = "0001"
"""The oldest release, by the revision it brought, whose processes work on this schema.

Written into the database beside the schema, so that an older release knows whether it may start. Expanding leaves it
as it is; contracting raises it to the first release that no longer needs what goes.
"""


class UnknownSchema(AdjudgeError):
    """The database's schema is not one that this release works on."""

    kind = "unknown-schema"


async def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the schema to `revision` and make the partitions that are needed next. Safe to repeat.

    Raises UnknownSchema where a newer release has been here, and this one does not work on what it left; and what
    PostgreSQL says, LockNotAvailableError where a table stays in somebody's hands.
    """
    guard = await asyncpg.connect(database_url, timeout=10)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", ONE_AT_A_TIME, timeout=120)
        found = await _revision(guard)
        if found is not None and found > newest():
            await require_known(guard)
        elif revision != "head" or found != newest():
            await _in_time(database_url, revision)
            await guard.execute(f"COMMENT ON TABLE alembic_version IS 'works with {WORKS_FROM} and later'")
        await partitions.ensure(guard)
    finally:
        await guard.close(timeout=10)


async def current(database_url: str) -> str | None:
    """Return the revision that the schema is at; None where there is none."""
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        return await _revision(connection)
    finally:
        await connection.close()


def newest() -> str:
    """Return the revision that this release brings: scripts are named by theirs, in order."""
    scripts = (script.name for script in files(__package__).joinpath("versions").iterdir())
    return max(name.partition("_")[0] for name in scripts if name[0].isdigit())


async def require_known(connection: Any) -> None:
    """Raise UnknownSchema unless this release works on the schema: its own, or a newer one that says so."""
    found, ours = await _revision(connection), newest()
    if found is None:
        raise UnknownSchema("the database has no schema yet: run `adjudge db upgrade`")
    if found < ours:
        raise UnknownSchema(f"the schema is at {found}, this release needs {ours}: run `adjudge db upgrade`")
    if found > ours and ours < await _works_from(connection):
        raise UnknownSchema(f"the schema is at {found}, this release knows it up to {ours}: run a newer release")


async def _works_from(connection: Any) -> str:
    """Return the oldest release that a newer schema still serves, as that says; where it is silent, none."""
    said = await connection.fetchval("SELECT obj_description(to_regclass('alembic_version'), 'pg_class')")
    found = re.fullmatch(r"works with (\d{4}) and later", said or "")
    return found[1] if found else "9999"


async def _revision(connection: Any) -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision


async def _in_time(database_url: str, revision: str) -> None:
    """Migrate; again where a table could not be had at once. What was done by then is kept."""
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            await _migrate(database_url, revision)
        except asyncpg.LockNotAvailableError:
            if attempt == LOCK_ATTEMPTS:
                raise
            await asyncio.sleep(LOCK_PAUSE_SECONDS)
        else:
            return


async def _migrate(database_url: str, revision: str) -> None:
    # a second of imports, which a start on an up-to-date schema does without
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    engine = create_async_engine(
        "postgresql+asyncpg://", poolclass=NullPool, async_creator=lambda: asyncpg.connect(database_url)
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, revision)
    except DBAPIError as error:  # PostgreSQL's own words are for people
        said = error.orig.__cause__ if error.orig is not None else None
        raise (said if isinstance(said, asyncpg.PostgresError) else error) from None
    finally:
        await engine.dispose()


def _upgrade(connection: Any, revision: str) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files(__package__)))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
