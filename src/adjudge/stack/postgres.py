"""PostgreSQL 18: the truth. Durable as shipped, reached through a socket that only we can enter."""

import os
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import asyncpg

from adjudge.stack.children import Order, run
from adjudge.stack.errors import DiskFull, death_of
from adjudge.stack.folders import Layout
from adjudge.stack.identity import Installation
from adjudge.stack.server import Program, last_words

NAME = "PostgreSQL"
ROLE = "adjudge"
"""The superuser and the database."""
SOCKET = ".s.PGSQL.5432"
INITDB_SECONDS = 120.0
ANSWER_SECONDS = 10.0

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",  # names the socket only
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",  # costs more than it saves on short statements
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "logging_collector": "off",
}

KEEPS_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TOP_PAD_": str(1024 * 1024),
}
"""For glibc: a backend that gives its memory back after each statement faults it in again for the next, which takes
a sixth of the CPU of a full intake batch."""

INITDB = (
    f"--username={ROLE}",
    "--auth=trust",  # whoever can enter the socket's folder
    "--encoding=UTF8",
    "--no-locale",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
)


async def postgres_program(layout: Layout, installation: Installation) -> Program:
    """Make its data folder ready, by initdb if it is the first start. Raises StackError, OSError."""
    data = layout.postgres
    if not (data / "PG_VERSION").exists():
        await initialise(layout, installation)
    installation.give(data, layout.sockets)
    settings = SETTINGS | {"unix_socket_directories": f'"{layout.sockets}"'}
    return Program(
        name=NAME,
        command=[
            str(installation.bin / "postgres"),
            *("-D", str(data)),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ],
        home=data,
        pid_files=(data / "postmaster.pid", layout.sockets / f"{SOCKET}.lock"),
        log=layout.log("postgres"),
        url=f"postgresql://{ROLE}@/{ROLE}?host={quote(str(layout.sockets))}",
        stop_signal=signal.SIGINT,  # fast: transactions are rolled back, not awaited
        identity=installation.identity,
        env=KEEPS_MEMORY | environment(),
        version_of=lambda pid: version_at(layout, pid),
    )


async def initialise(layout: Layout, installation: Installation) -> None:
    """Make the data folder: beside its place and then moved, so that it is whole or not there."""
    unfinished = layout.folder / "postgres.new"
    log = layout.log("initdb")
    shutil.rmtree(unfinished, ignore_errors=True)
    log.unlink(missing_ok=True)
    unfinished.mkdir(mode=0o700)
    installation.give(unfinished)
    for options in (INITDB, ("--sync-only",)):  # files are written first, then made durable in one go
        await _initdb(installation, unfinished, log, options)
    unfinished.rename(layout.postgres)


async def _initdb(installation: Installation, data: Path, log: Path, options: Sequence[str]) -> None:
    order = Order(
        command=[str(installation.bin / "initdb"), "-D", str(data), *options],
        folder=data,
        log=log,
        identity=installation.identity,
        env=environment(),
    )
    try:
        status = await run(order, timeout_seconds=INITDB_SECONDS)
    except TimeoutError:
        raise death_of(NAME, "could not make its data folder in time", log, last_words(log, 0)) from None
    if status != 0:
        raise death_of(NAME, "could not make its data folder", log, last_words(log, 0))


async def version_at(layout: Layout, pid: int) -> str | None:
    """The version of the PostgreSQL of this folder, if it is ready and the process `pid`. Raises DiskFull."""
    if not is_ready(layout.postgres / "postmaster.pid", pid):
        return None
    try:
        async with _connected(layout, "postgres") as connection:
            await _create_database(connection)
        async with _connected(layout, ROLE) as connection:
            return str(await connection.fetchval("SHOW server_version"))
    except asyncpg.DiskFullError as error:
        raise DiskFull(layout.folder) from error
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError):
        return None


def is_ready(pid_file: Path, pid: int) -> bool:
    """Whether the postmaster says so itself: its number is the first line, its state the eighth."""
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


async def _create_database(connection: asyncpg.Connection) -> None:
    if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", ROLE):
        await connection.execute(f"CREATE DATABASE {ROLE}")


@asynccontextmanager
async def _connected(layout: Layout, database: str) -> AsyncIterator[asyncpg.Connection]:
    host = str(layout.sockets)
    connection = await asyncpg.connect(host=host, user=ROLE, database=database, timeout=ANSWER_SECONDS)
    try:
        yield connection
    finally:
        await connection.close(timeout=ANSWER_SECONDS)


def environment() -> dict[str, str]:
    """Ours without what would steer PostgreSQL elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
