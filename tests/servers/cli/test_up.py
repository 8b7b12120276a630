"""How a run of `adjudge up` ends."""

import asyncio
import os
import socket
import sys

import asyncpg
from tests.stacks import laid

IMPATIENT = """
import sys
from adjudge.cli import running
from adjudge.cli.root import run

running.READY_SECONDS = 0.0
raise SystemExit(run(["up", "--port", sys.argv[1]]))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


async def test_one_that_does_not_become_ready_says_so_in_one_line_and_leaves_no_key(servers, database_url, tmp_path):
    laid(tmp_path)
    env = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": str(servers.redis_url)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        IMPATIENT,
        str(free_port()),
        env=env,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    async with asyncio.timeout(60):
        shown, told = await process.communicate()

    assert (process.returncode, shown) == (1, b"")
    last = told.decode().splitlines()[-1]
    assert last == "adjudge: not ready in 0 s: api, keeper, worker; see .adjudge/logs"
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT array_agg(revoked_at IS NOT NULL) FROM api_key") == [True]
    await connection.close()
