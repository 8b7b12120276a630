"""Schema changes, forward only: expand, migrate, contract."""

import asyncio
from importlib.resources import files
from typing import Any

import asyncpg

from adjudge.store import partitions

ONE_AT_A_TIME = 7_203_001
"""Advisory lock: processes that start together migrate one after the other."""


async def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the schema to `revision` and make the partitions that are needed next. Safe to repeat."""
    guard = await asyncpg.connect(database_url, timeout=10)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", ONE_AT_A_TIME, timeout=120)
        if revision != "head" or await _revision(guard) != newest():
            await _migrate(database_url, revision)
        await partitions.ensure(guard)
    finally:
        await asyncio.wait_for(guard.close(), 10)


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


async def _revision(connection: Any) -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision


async def _migrate(database_url: str, revision: str) -> None:
    # a second of imports, which a start on an up-to-date schema does without
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    engine = create_async_engine(
        "postgresql+asyncpg://", poolclass=NullPool, async_creator=lambda: asyncpg.connect(database_url)
    )
    async with engine.connect() as connection:
        await connection.run_sync(_upgrade, revision)
    await engine.dispose()


def _upgrade(connection: Any, revision: str) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files(__package__)))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
