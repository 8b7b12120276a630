"""What a run of `adjudge up` says of its folder, and how it ends."""

import asyncio
import os
import socket
import sys

import asyncpg
import pytest
from tests.stacks import laid

from adjudge.cli import running
from adjudge.cli.folders import Folder
from adjudge.cli.running import answers, publish_folder

IMPATIENT = """
import sys
from adjudge.cli import running
from adjudge.cli.root import run

running.READY_SECONDS = 0.0
raise SystemExit(run(["up", "--port", sys.argv[1]]))
"""

WITHOUT_A_WORKER = """
import sys
from adjudge.cli import running
from adjudge.cli.root import run

commands = running._commands
running.READY_SECONDS = 6.0
running._commands = lambda *given: {**commands(*given), "worker": ["/bin/sleep", "600"]}
raise SystemExit(run(["up", "--port", sys.argv[1]]))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.fixture
def told(servers, database_url, tmp_path):
    """Runs a program that is `adjudge up` in a project; returns its status and what it said to whom."""
    laid(tmp_path)
    env = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": str(servers.redis_url)}

    async def run(program: str) -> tuple[int | None, bytes, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, str(free_port())),
            env=env,
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            shown, told = await process.communicate()
        return process.returncode, shown, told.decode().splitlines()[-1]

    return run


async def test_one_that_does_not_become_ready_says_so_in_one_line_and_leaves_no_key(told, database_url):
    status, shown, last = await told(IMPATIENT)

    assert (status, shown) == (1, b"")
    assert last == "adjudge: not ready in 0 s: api, keeper, worker; see .adjudge/logs"
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT array_agg(revoked_at IS NOT NULL) FROM api_key") == [True]
    await connection.close()


async def test_it_is_not_ready_while_no_worker_is(told):
    """The API alone takes questions that nobody asks."""
    status, shown, last = await told(WITHOUT_A_WORKER)

    assert (status, shown) == (1, b"")
    assert last.startswith("adjudge: not ready in 6 s: ")
    assert "worker; see .adjudge/logs" in last


async def test_a_folder_that_has_changed_is_published_and_it_says_instead_of_what(database_url, tmp_path, capsys):
    laid(tmp_path)
    folder = Folder(tmp_path / "config", tmp_path)
    await publish_folder(folder, database_url)
    await publish_folder(folder, database_url)
    assert capsys.readouterr().err == "", "the first, and one that is as it was, are nothing to speak of"

    (tmp_path / "config" / "later.yaml").write_text("locations: {store-777: {}}\n")
    await publish_folder(folder, database_url)

    assert capsys.readouterr().err == f"{folder.path} has changed: published as revision 2, 1 was in force\n"


async def test_an_api_that_takes_a_connection_and_says_nothing_is_not_ready(monkeypatch):
    monkeypatch.setattr(running, "ANSWER_SECONDS", 0.1)
    port = free_port()
    async with asyncio.timeout(5), await asyncio.start_server(lambda *_: None, "127.0.0.1", port):
        assert not await answers("127.0.0.1", port)
