"""The embedded servers when their owner, their guards, or they themselves are killed."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from adjudge.stack import FolderInUse, embedded
from adjudge.stack.folders import Layout, laid_out
from adjudge.stack.leftovers import running
from adjudge.stack.server import Server
from adjudge.stack.tasks import until
from adjudge.stack.valkey import valkey_program

OWNER = """
import asyncio, sys, uvloop
from pathlib import Path
from adjudge.stack import embedded

async def own():
    async with embedded(Path(sys.argv[1]), report=print) as servers:
        print("answering", flush=True)
        await asyncio.Event().wait()

uvloop.run(own())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: the names of sockets are limited."""
    with tempfile.TemporaryDirectory(prefix="adjudge-stack-") as name:
        yield Path(name).resolve()


async def test_servers_end_with_an_owner_that_is_killed_and_keep_their_data(folder):
    async with owner(folder) as process:
        await keep_a_row(folder)
        assert servers_of(folder) != set()

        process.kill()
        await process.wait()
        async with asyncio.timeout(5):
            await until(lambda: none_of(folder))

    async with embedded(folder, report=print) as servers:
        assert await rows(servers.database_url) == 1
        async with Redis.from_url(servers.redis_url) as client:
            assert await client.get("kept") == b"yes"


async def test_a_start_right_after_the_owner_was_killed_waits_for_its_servers_to_end(folder):
    async with owner(folder) as process:
        before = servers_of(folder)
        process.kill()
        await process.wait()

        async with embedded(folder, report=print):
            assert servers_of(folder).isdisjoint(before)


async def test_a_server_ends_with_a_guard_that_is_killed(private_valkey):
    """On Linux; elsewhere nothing tells the server."""
    valkey = await private_valkey()

    os.kill(parent_of(valkey.pid), signal.SIGKILL)

    async with asyncio.timeout(5):
        await until(lambda: is_gone(valkey.pid))


async def test_a_stale_pid_file_that_names_a_living_stranger_does_not_stop_the_start(folder):
    async with embedded(folder, valkey=False, report=print):
        written = (folder / "postgres" / "postmaster.pid").read_text().split("\n")
        lock = (folder / "run" / ".s.PGSQL.5432.lock").read_text().split("\n")
    (folder / "postgres" / "postmaster.pid").write_text("\n".join([str(os.getppid()), *written[1:]]))
    (folder / "run" / ".s.PGSQL.5432.lock").write_text("\n".join([str(os.getppid()), *lock[1:]]))

    async with embedded(folder, valkey=False, report=print) as servers:
        assert servers.postgres_version is not None


async def test_a_first_start_that_was_cut_short_is_begun_again(folder):
    (folder / "postgres.new").mkdir()
    (folder / "postgres.new" / "PG_VERSION").write_text("18\n")

    async with embedded(folder, valkey=False, report=print) as servers:
        assert servers.postgres_version is not None


async def test_a_second_start_in_the_folder_is_refused_with_the_holders_number(folder):
    async with owner(folder) as process:
        with pytest.raises(FolderInUse) as refusal:
            async with embedded(folder, report=print):
                pass

    assert str(refusal.value) == (
        f"{folder} is in use by process {process.pid}: stop it first, or choose another folder"
    )


async def test_an_orphan_is_stopped_and_its_neighbour_of_another_folder_is_not(folder, private_valkey):
    neighbour = await private_valkey()
    program = valkey_program(laid_out(folder))
    orphan = await asyncio.create_subprocess_exec(*program.command, stdout=asyncio.subprocess.DEVNULL)
    async with asyncio.timeout(10):
        await until(lambda: program.version_of(orphan.pid))

    server = Server(program)
    await server.start()

    async with asyncio.timeout(10):
        assert await orphan.wait() == 0
    async with Redis.from_url(neighbour.url) as client:
        assert await client.ping()
    await server.stop()


@pytest.mark.parametrize("program", ["postgres", "valkey-server"])
async def test_a_server_that_is_killed_is_started_again(folder, program):
    reports: asyncio.Queue[str] = asyncio.Queue()
    async with embedded(
        folder, report=reports.put_nowait, postgres=program == "postgres", valkey=program != "postgres"
    ):
        for pid in running(program, home(folder, program)):
            os.kill(pid, signal.SIGKILL)

        async with asyncio.timeout(20):
            while "runs again" not in (said := await reports.get()):
                assert "did not" not in said


async def test_a_server_that_does_not_stop_is_killed_when_its_time_is_over(folder):
    server = Server(valkey_program(laid_out(folder)), stop_timeout=0.2)
    await server.start()
    stopped = server.pid
    os.kill(stopped, signal.SIGSTOP)

    async with asyncio.timeout(5):
        await server.stop()

    assert await is_gone(stopped)


async def test_a_cancelled_start_leaves_nothing_running(folder):
    reports: asyncio.Queue[str] = asyncio.Queue()

    async def start() -> None:
        async with embedded(folder, report=reports.put_nowait):
            await asyncio.Event().wait()

    starting = asyncio.create_task(start())
    async with asyncio.timeout(20):
        await until(lambda: some_of(folder))
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)

    assert servers_of(folder) == set()


@asynccontextmanager
async def owner(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, str(folder)), stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(30):
            while await process.stdout.readline() not in (b"answering\n", b""):
                pass
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def keep_a_row(folder: Path) -> None:
    sockets = Layout(folder).sockets
    connection = await asyncpg.connect(host=str(sockets), user="adjudge", database="adjudge")
    await connection.execute("CREATE TABLE kept AS SELECT 1")
    await connection.close()
    async with Redis(unix_socket_path=str(sockets / "valkey.sock")) as client:
        await client.set("kept", "yes")
        assert await client.waitaof(1, 0, 2000) == [1, 0]


async def rows(url: str | None) -> int:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("SELECT count(*) FROM kept")
    finally:
        await connection.close()


def home(folder: Path, program: str) -> Path:
    return folder / program.removesuffix("-server")


def servers_of(folder: Path) -> set[int]:
    return {pid for program in ("postgres", "valkey-server") for pid in running(program, home(folder, program))}


async def none_of(folder: Path) -> bool:
    return not servers_of(folder)


async def some_of(folder: Path) -> bool:
    return bool(servers_of(folder))


async def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def parent_of(pid: int | None) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:")))
