"""The database as commands reach it that work on all of it: DATABASE_URL, else that of `adjudge up`."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import asyncpg
import msgspec

from adjudge.cli.addresses import why_unusable
from adjudge.cli.refusing import Refused
from adjudge.client.finding import find_project
from adjudge.store.connecting import NO_JIT, Connection

T = TypeVar("T")

OF_FILES = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR}
    | {errno.ENOTDIR, errno.ENAMETOOLONG, errno.EMFILE}
)
"""What a folder or a disk says, and no server that is reached by a network."""


class _Stack(msgspec.Struct):
    database_url: str


def found_url() -> str:
    """Return the database's address: of the environment, else of the project. Raises Refused."""
    if url := os.environ.get("DATABASE_URL"):
        return url
    project = find_project(Path.cwd())
    file = project / "stack.json" if project else None
    if file is None or not file.is_file():
        raise Refused("no database is known: set DATABASE_URL, or run `adjudge up` in this folder")
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Stack).database_url
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(f"cannot read {file}: {error}") from error


def at_database(name: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Run a command's work on a connection of its own; what it or a disk refuses is one line. Raises Refused."""
    url = found_url()

    async def connected() -> T:
        try:
            connection = await asyncpg.connect(
                url,
                timeout=10,
                command_timeout=120,
                server_settings={"application_name": f"adjudge {name}", "timezone": "UTC"},
            )
        except ValueError as error:
            raise Refused(f"DATABASE_URL cannot be used: {why_unusable(error)}") from error
        try:
            await connection.execute(NO_JIT)
            return await work(connection)
        except ExceptionGroup as failed:  # the first says why; the others were ended by it
            raise failed.exceptions[0] from failed
        finally:
            await connection.close(timeout=10)

    try:
        return asyncio.run(connected())
    except OSError as error:
        if error.errno in OF_FILES:
            raise Refused(f"{error.filename or 'writing'}: {error.strerror}") from error
        raise Refused(f"cannot reach the database: {error or 'no answer in time'}") from error
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise Refused("the database's schema is older than this program: run `adjudge db upgrade`") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Refused(f"the database refuses: {error}") from error
