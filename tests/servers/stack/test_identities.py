"""PostgreSQL runs for root, who may not, and for everybody else."""

import os
import tempfile
from pathlib import Path

import asyncpg
import pytest

from adjudge.stack import embedded, identity
from adjudge.stack.errors import NoPermission, NotSpawned
from adjudge.stack.folders import laid_out

OURS = ["namespace", "nobody", "nobody with a copy"] if os.geteuid() == 0 else ["same"]


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="adjudge-stack-") as name:
        yield Path(name).resolve()


@pytest.mark.parametrize("kind", OURS)
async def test_postgres_runs_and_is_not_root(folder, kind, monkeypatch):
    forbid(kind, monkeypatch)

    async with embedded(folder, valkey=False, report=print) as servers:
        user = await fetch(servers.database_url, "SELECT current_setting('is_superuser')")

    assert user == "on"
    assert (await identity.installation(laid_out(folder))).identity == {
        "same": "same",
        "namespace": "namespace",
    }.get(kind, "65534:65534")


async def test_data_changes_hands_with_the_identity(folder, monkeypatch):
    """A folder made where namespaces are allowed is used where they are not, and back."""
    for kind in (OURS[0], OURS[-1], OURS[0]):
        with monkeypatch.context() as patch:
            forbid(kind, patch)
            async with embedded(folder, valkey=False, report=print) as servers:
                await fetch(servers.database_url, "CREATE TABLE IF NOT EXISTS kept ()")


async def test_a_folder_that_the_identity_cannot_enter_is_refused(folder, monkeypatch):
    forbid(OURS[-1], monkeypatch)
    folder.chmod(0o700 if os.geteuid() == 0 else 0o500)

    with pytest.raises(NoPermission):
        async with embedded(folder / "data", valkey=False, report=print):
            pass


async def test_a_long_folder_has_its_sockets_elsewhere(folder):
    long = folder / "/".join(["a-long-name-of-a-folder"] * 6)

    async with embedded(long, report=print) as servers:
        assert await fetch(servers.database_url, "SELECT 1") == 1

    sockets = laid_out(long).sockets
    assert long not in sockets.parents
    for left in sockets.iterdir():
        left.unlink()
    sockets.rmdir()


def forbid(kind, monkeypatch):
    """Take away what better identities need."""
    proven = identity._proven

    async def refusing(layout, binaries, name):
        if kind.startswith("nobody") and name == "namespace":
            raise NotSpawned("postgres", "user namespaces are forbidden")
        if kind == "nobody with a copy" and layout.folder not in binaries.bin.parents:
            raise NoPermission("PostgreSQL says: Permission denied")
        return await proven(layout, binaries, name)

    monkeypatch.setattr(identity, "_proven", refusing)


async def fetch(url, statement):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
