"""Role processes that end by themselves, drain slowly, or lose their owner."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from adjudge.stack import logs, run_roles
from adjudge.stack.tasks import until

LIVES = [sys.executable, "-c", "import signal; signal.sigwait({signal.SIGTERM})"]
HANGS = [
    sys.executable,
    "-c",
    "import pathlib, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); pathlib.Path(sys.argv[1]).touch();"
    "[signal.pause() for _ in iter(int, 1)]",
]
FAILS = [sys.executable, "-c", "print('no database'); raise SystemExit(3)"]

OWNER = """
import asyncio
from adjudge.stack import run_roles

def tell(said):
    print(said, flush=True)

async def own():
    await run_roles({"api": ["/bin/sleep", "600"]}, env={}, report=tell, stop=asyncio.Event())

asyncio.run(own())
"""


class Reports:
    """What was reported, to be awaited."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self.report = self._queue.put_nowait

    async def until(self, *words: str) -> str:
        async with asyncio.timeout(20):
            while True:
                said = await self._queue.get()
                if all(word in said for word in words):
                    return said

    def rest(self) -> list[str]:
        return [self._queue.get_nowait() for _ in range(self._queue.qsize())]


@asynccontextmanager
async def running(commands: Mapping[str, Sequence[str]], reports: Reports, **options) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(run_roles(commands, env=os.environ, report=reports.report, stop=stop, **options))
        try:
            yield stop
        finally:
            stop.set()


async def test_roles_are_stopped_one_by_one_in_the_order_given():
    reports = Reports()

    async with running({"api": LIVES, "worker": LIVES, "keeper": LIVES}, reports):
        for _ in range(3):
            await reports.until("started")

    assert [said.split()[:2] for said in reports.rest()] == [[name, "stopped"] for name in ("api", "worker", "keeper")]


async def test_a_role_that_ends_by_itself_is_reported_and_started_again(tmp_path):
    reports = Reports()

    async with running({"api": FAILS}, reports, log_folder=tmp_path):
        assert await reports.until("ended by itself") == (
            f"api ended by itself (status 3): starting it again in 0.25 s (log: {tmp_path / 'api.log'})"
        )
        await reports.until("starting it again in 0.5 s")

    assert (tmp_path / "api.log").read_text().splitlines()[:2] == ["no database", "no database"]


async def test_what_a_role_prints_without_end_does_not_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(logs, "LARGEST", 1_000_000)
    monkeypatch.setattr(logs, "KEPT", 100_000)
    prints = [sys.executable, "-u", "-c", "import time\nwhile True: print('x' * 9_999); time.sleep(0.0001)"]
    beside, reports = tmp_path / "worker.log.1", Reports()

    async with running({"worker": prints}, reports, log_folder=tmp_path, drain_seconds=0.1):
        async with asyncio.timeout(20):
            while not beside.exists() or beside.stat().st_size != 100_000:
                await asyncio.sleep(0.05)


async def test_a_role_that_is_killed_is_started_again():
    reports, gone = Reports(), list[int]()

    async with running({"worker": LIVES}, reports, ended=gone.append):
        started = await reports.until("started")
        process = int(started.split()[-1].rstrip(")"))
        os.kill(process, signal.SIGKILL)

        await reports.until("killed by SIGKILL")
        assert await reports.until("started") != started
        assert gone == [process]


async def test_a_command_that_does_not_exist_is_reported():
    reports = Reports()

    async with running({"api": ["/no/such/command"]}, reports):
        await reports.until("did not start", "No such file")


async def test_a_role_that_does_not_drain_is_killed(tmp_path):
    reports, hangs = Reports(), tmp_path / "hangs"

    async def ready() -> bool:
        return hangs.exists()

    commands = {"worker": [*HANGS, str(hangs)]}
    async with running(commands, reports, ready={"worker": ready}, drain_seconds=0.3) as stop:
        await reports.until("ready")

        stop.set()

        await reports.until("worker stopped", "SIGKILL")


async def test_a_role_is_ready_when_it_answers():
    reports, answers = Reports(), asyncio.Event()

    async def ready() -> bool:
        return answers.is_set()

    async with running({"api": LIVES, "worker": LIVES}, reports, ready={"api": ready}):
        await reports.until("worker started")
        assert not any("api" in said for said in reports.rest())
        answers.set()
        await reports.until("api is ready")


async def test_roles_end_with_an_owner_that_is_killed():
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(20):
        said = (await owner.stdout.readline()).decode()
    role = int(said.split()[-1].rstrip(")"))

    owner.kill()
    await owner.wait()

    async with asyncio.timeout(5):
        await until(partial(is_gone, role))


async def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
