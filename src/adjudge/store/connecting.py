"""Connections to PostgreSQL: one pool a process, every statement with a time limit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg

from adjudge.core.errors import AdjudgeError

Connection: TypeAlias = Any
"""An asyncpg connection, pooled or not (asyncpg ships no complete types)."""

STATEMENT_SECONDS = 10.0
TRANSACTION_SECONDS = 180.0
"""The feed waits for every transaction that writes: one of an api, a worker or a keeper that lasts so long is ended by
the server (from PostgreSQL 17 on). Their longest statement has two minutes."""
ACQUIRE_SECONDS = 5.0
UNAVAILABLE = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.InternalClientError,
)
"""Faults of the infrastructure, never of what was asked."""
THAT_WRITES = "read-write"
"""No connection to a read-only server, as in a failover, is kept: its sessions would stay read-only for good."""
NO_JIT = "SET jit = off"
"""Said once a session has begun, as all settings are but name and time zone: PgBouncer refuses others earlier."""
UNSTORABLE = asyncpg.DataError
"""A value that no column can hold: always a fault of what was asked."""


_OF_ANOTHER_SESSION = (
    asyncpg.DuplicatePreparedStatementError,
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.ProtocolViolationError,
)


class Pool:
    """Connections of one process; waiting for one has an end."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    def acquire(self) -> Any:
        """Return an async context manager of a connection. Entering it raises TimeoutError after ACQUIRE_SECONDS."""
        return self._pool.acquire(timeout=ACQUIRE_SECONDS)

    @property
    def in_use(self) -> int:
        """Connections that are out at this moment."""
        out: int = self._pool.get_size() - self._pool.get_idle_size()
        return out

    @property
    def limit(self) -> int:
        """Connections that may be open."""
        most: int = self._pool.get_max_size()
        return most


class Unsafe(AdjudgeError):
    """The server may forget what it has acknowledged."""

    kind = "unsafe-database"


@asynccontextmanager
async def open_pool(database_url: str, *, size: int, name: str, lazily: bool = False) -> AsyncIterator[Pool]:
    """Open a pool that reconnects by itself; `name` is shown in pg_stat_activity.

    `lazily`: although the database is away; connections are made when they are needed.
    """
    pool = await asyncpg.create_pool(
        database_url,
        min_size=0 if lazily else 1,
        max_size=size,
        command_timeout=STATEMENT_SECONDS,
        timeout=5,
        target_session_attrs=THAT_WRITES,
        max_inactive_connection_lifetime=0,
        init=limit_session,
        reset=_nothing,
        server_settings={"application_name": f"adjudge {name}", "timezone": "UTC"},
    )
    try:
        yield Pool(pool)
    finally:
        try:
            async with asyncio.timeout(5):
                await pool.close()
        except (TimeoutError, *UNAVAILABLE):
            pool.terminate()


@asynccontextmanager
async def open_connection(database_url: str) -> AsyncIterator[Connection]:
    """Open a connection for one piece of work."""
    connection = await asyncpg.connect(database_url, timeout=5, command_timeout=STATEMENT_SECONDS)
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


async def limit_session(connection: Connection) -> None:
    """Set up a session of a process: no JIT, and the server ends what a process that hangs leaves open."""
    settings = f"{NO_JIT}; SET idle_in_transaction_session_timeout = '10s'"
    if connection.get_server_version().major >= 17:
        settings += f"; SET transaction_timeout = '{TRANSACTION_SECONDS * 1000:.0f}ms'"
    await connection.execute(settings)


async def _nothing(_: object) -> None:
    """Reset no session when a connection goes back: we leave no state in it, and a round trip counts."""


async def require_durable(connection: Connection) -> None:
    """Raise Unsafe where `fsync` or `synchronous_commit` is off: promise 1 would be a lie."""
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        if await connection.fetchval("SELECT current_setting($1)", setting) == "off":
            raise Unsafe(f"PostgreSQL runs with {setting} = off: what is acknowledged could be lost (see --unsafe)")


async def keeps_sessions(one: Connection, other: Connection, name: str) -> bool:
    """Return whether each connection has a session of its own; `name` is nobody else's.

    A pooler in transaction mode lends the same one to both: settings and prepared statements of one process would be
    those of another.
    """
    try:
        await one.fetchval("SELECT set_config('adjudge.session', $1, false)", name)
        await other.fetchval("SELECT set_config('adjudge.session', '', false)")
        return bool(await one.fetchval("SELECT current_setting('adjudge.session', true)") == name)
    except _OF_ANOTHER_SESSION:
        return False


async def clock_offset(connection: Connection, now: datetime) -> timedelta:
    """Return PostgreSQL's clock less ours; `now` is read just before the call."""
    started = asyncio.get_running_loop().time()
    theirs: datetime = await connection.fetchval("SELECT clock_timestamp()")
    half = timedelta(seconds=(asyncio.get_running_loop().time() - started) / 2)
    return theirs.astimezone(UTC) - half - now
