"""Where the embedded servers live: one folder, held by one process at a time."""

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from adjudge.stack.errors import FolderInUse, NoPermission
from adjudge.stack.guard import NOBODY

SOCKET_PATH_BYTES: Final = 103
"""The shortest limit of any system we run on (macOS; Linux takes 107)."""
LONGEST_SOCKET_NAME: Final = "/.s.PGSQL.5432"
IN_NO_ADDRESS: Final = ',"'
"""A comma begins another host for PostgreSQL's clients, and a quotation mark ends its setting."""
MEMORY: Final = Path("/dev/shm")  # noqa: S108
"""Where files are memory, on Linux."""
LOCK: Final = "lock"
"""The file that is locked by whoever runs servers in the folder; their process id."""
LOG_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of the folder. Its path is absolute and free of links."""

    folder: Path

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def valkey(self) -> Path:
        return self.folder / "valkey"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def sockets(self) -> Path:
        """In the folder, where its path is short enough and can be an address; else below the temporary one."""
        own = self.folder / "run"
        is_short = len(os.fsencode(own)) + len(LONGEST_SOCKET_NAME) <= SOCKET_PATH_BYTES
        if is_short and not any(sign in str(own) for sign in IN_NO_ADDRESS):
            return own
        return Path(tempfile.gettempdir()).resolve() / _name_of(self.folder)

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def _name_of(folder: Path) -> str:
    """Return what stands for a folder elsewhere."""
    return f"adjudge-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


@contextmanager
def mapped_files(folder: Path) -> Iterator[Path]:
    """Have an empty folder for files that processes map, as long as the block lasts. Raises NoPermission, OSError.

    In memory where that can be: on a full disk, who first writes to a page of a mapped file is ended by SIGBUS.
    """
    at = MEMORY / _name_of(folder.resolve()) if os.access(MEMORY, os.W_OK) else folder / "mapped"
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_private(at)
    try:
        yield at
    finally:
        shutil.rmtree(at, ignore_errors=True)


def laid_out(folder: Path) -> Layout:
    """Make the folder and its parts, closed to other users. Raises NoPermission, OSError."""
    _require_own(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    layout = Layout(folder.resolve())
    layout.logs.mkdir(mode=0o700, exist_ok=True)
    layout.sockets.mkdir(mode=0o700, exist_ok=True)
    _require_private(layout.sockets)
    return layout


def _require_own(folder: Path) -> None:
    """Refuse a folder in which another user ran servers: ours would leave files that theirs cannot read."""
    try:
        owner = (folder / LOCK).stat().st_uid
    except FileNotFoundError:
        return
    if owner != os.geteuid():
        raise NoPermission(f"{folder} belongs to {_name(owner)}, who ran servers in it: only that user may again")


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _require_private(folder: Path) -> None:
    """Whoever can enter is trusted by the servers: another user may have made it in our place."""
    found = folder.lstat()
    owners = {os.geteuid(), NOBODY} if os.geteuid() == 0 else {os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners or found.st_mode & 0o077:
        raise NoPermission(f"{folder} must be a folder that is ours and closed to others")


def rotate(layout: Layout) -> None:
    """Set aside the logs that have grown large."""
    for log in layout.logs.glob("*.log"):
        if log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))


def require_unheld(folder: Path) -> None:
    """Raise FolderInUse where a process holds the folder at this moment."""
    try:
        file = (folder / LOCK).open("r+")
    except OSError:  # nothing was ever started here, or it will be said when the folder is laid out
        return
    with file:
        _hold(file, folder)


@contextmanager
def held(layout: Layout) -> Iterator[None]:
    """Hold the folder; the kernel lets go of it however we end. Raises FolderInUse."""
    with (layout.folder / LOCK).open("a+") as file:
        _hold(file, layout.folder)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _hold(file: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FolderInUse(folder, _pid_in(file)) from None


def _pid_in(file: IO[str]) -> int | None:
    file.seek(0)
    text = file.read().strip()
    return int(text) if text.isdigit() else None
