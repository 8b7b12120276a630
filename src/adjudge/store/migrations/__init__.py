"""Schema changes, forward only: expand, migrate, contract."""

import asyncio
from importlib.resources import files

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from adjudge.store import partitions

ONE_AT_A_TIME = 7_203_001
"""Advisory lock: processes that start together migrate one after the other."""


async def upgrade(database_url: str, revision: str = "head") -> None:
    """Bring the schema to `revision` and make the partitions that are needed next. Safe to repeat."""
    guard = await asyncpg.connect(database_url, timeout=10)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", ONE_AT_A_TIME, timeout=120)
        engine = create_async_engine(
            "postgresql+asyncpg://", poolclass=NullPool, async_creator=lambda: asyncpg.connect(database_url)
        )
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, revision)
        await engine.dispose()
        await partitions.ensure(guard)
    finally:
        await asyncio.wait_for(guard.close(), 10)


async def current(database_url: str) -> str | None:
    """Return the revision that the schema is at; None where there is none."""
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return revision
    finally:
        await connection.close()


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(files(__package__)))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
