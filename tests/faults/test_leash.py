"""A model's process ends with its worker, whatever it does at that moment."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from contextlib import suppress
from pathlib import Path

import pytest

from adjudge.deciders import frames, leash
from adjudge.deciders.frames import Orders

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the pipe alone ties a model to its worker")
GONE_SECONDS = 1.0

MODEL = """
import os, re, sys, time

def tell(word):
    os.write(2, f"{word} {os.getpid()}\\n".encode())

def spin(word):
    tell(word)
    while True:
        pass

def model(questions):
    match questions[0].evidence["amount"]:
        case "idle":
            tell("idle")
        case "computing":
            spin("computing")
        case "sleeping":
            tell("sleeping")
            time.sleep(600)
        case "blocking":  # never lets go of the interpreter
            tell("blocking")
            re.match(r"(a+)+$", "a" * 64 + "b")
        case "forking":
            if os.fork() == 0:
                spin("forking")
    return [{"pay": 1.0} for _ in questions]
"""

WORKER = """
import asyncio, sys
from pathlib import Path
from datetime import timedelta
from tests.unit.deciders.asking import a_question, a_spec, opened

async def main():
    spec = a_spec("models:model", isolate="process", concurrency=1, timeout=timedelta(seconds=600))
    async with opened(spec, Path(sys.argv[1])) as bench:
        await bench.ask(a_question(sys.argv[2]))
        await asyncio.Event().wait()

asyncio.run(main())
"""


@linux
@pytest.mark.parametrize("doing", ["idle", "computing", "sleeping", "blocking", "forking"])
async def test_it_is_gone_within_a_second_of_a_killed_worker(tmp_path, doing):
    (tmp_path / "models.py").write_text(MODEL)
    worker = await a_worker(tmp_path, doing)
    model = await told(worker, doing)

    worker.kill()

    await gone(model)


@linux
async def test_it_is_gone_while_it_imports_its_model(tmp_path):
    (tmp_path / "models.py").write_text(f"{MODEL}\nspin('importing')")
    worker = await a_worker(tmp_path, "nothing")
    model = await told(worker, "importing")

    worker.kill()

    await gone(model)


async def test_the_end_of_its_pipe_alone_ends_it_while_it_imports_and_what_it_started(tmp_path):
    starts = "import subprocess; print('sleeping', subprocess.Popen(['sleep', '600']).pid, file=sys.stderr, flush=True)"
    (tmp_path / "models.py").write_text(f"{MODEL}\n{starts}\nspin('importing')")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", str(leash.__file__), str(os.getpid())),
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=PIPE,
        start_new_session=True,
    )
    started = child.pid
    try:
        child.stdin.write(frames.write_down(Orders("models:model", {}, [str(tmp_path), *sys.path])))
        async with asyncio.timeout(30):
            started = int((await child.stderr.readline()).split()[1])
            assert (await child.stderr.readline()).startswith(b"importing")

        child.stdin.close()

        async with asyncio.timeout(GONE_SECONDS):
            await child.wait()
            await child.stderr.read()  # ends with the last that holds it: what the model had started
    finally:
        for pid in (child.pid, started):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


async def test_it_does_not_even_begin_for_a_worker_that_died_before(tmp_path):
    (tmp_path / "models.py").write_text("import os; os.write(2, b'loaded')")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", str(leash.__file__), str(os.getppid())),  # whoever started it is somebody else
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=PIPE,
        start_new_session=True,
    )
    orders = frames.write_down(Orders("models:model", {}, [str(tmp_path), *sys.path]))

    async with asyncio.timeout(30):
        with suppress(ConnectionError):
            child.stdin.write(orders)
            await child.stdin.drain()
        said = await child.stderr.read()

    assert (await child.wait(), said) == (0, b"")
    child.stdin.close()


async def a_worker(folder: Path, doing: str) -> Process:
    """Start a process that has a model in a process of its own, and asks it."""
    root = Path(__file__).parents[2]
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, str(folder), doing),
        stdout=PIPE,
        stderr=STDOUT,
        env={**os.environ, "PYTHONPATH": path},
    )


async def told(worker: Process, word: str) -> int:
    """Wait for the model's word; return the id of its process."""
    said = b""
    async with asyncio.timeout(30):
        while line := await worker.stdout.readline():
            said += line
            if line.split()[:1] == [word.encode()]:
                return int(line.split()[1])
    raise AssertionError(said.decode())


async def gone(pid: int) -> None:
    """Wait for the end of a process that is not ours. Raises TimeoutError, and ends it, where it lives on."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(GONE_SECONDS):
            await ended.wait()
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        loop.remove_reader(handle)
        os.close(handle)
