"""Everything on one machine: embedded PostgreSQL and Valkey, and the role processes.

    async with embedded(Path(".adjudge"), report=print) as servers:
        await run_roles({"api": [...]}, env={"DATABASE_URL": servers.database_url}, ...)

Nothing started here outlives this process. Written for Linux and macOS; run on Linux only so far.
"""

from adjudge.stack.embedded import Servers, embedded
from adjudge.stack.errors import (
    DiskFull,
    FolderInUse,
    MissingLibrary,
    MissingWheel,
    NoPermission,
    ServerDied,
    StackError,
)
from adjudge.stack.folders import mapped_files, require_unheld
from adjudge.stack.roles import Ready, run_roles

__all__ = [
    "DiskFull",
    "FolderInUse",
    "MissingLibrary",
    "MissingWheel",
    "NoPermission",
    "Ready",
    "ServerDied",
    "Servers",
    "StackError",
    "embedded",
    "mapped_files",
    "require_unheld",
    "run_roles",
]
