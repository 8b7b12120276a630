"""The system under test and its baselines, started as users start them and ended with us."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 60.0
BASELINES: Final = Path(__file__).resolve().parents[1] / "baselines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project folder in which `adjudge up` runs."""

    folder: Path
    pid: int
    """Of `adjudge up`; roles and servers are below it."""
    port: int
    key: str
    """Of an admin."""
    database_url: str
    redis_url: str

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"


@asynccontextmanager
async def project_folder(files: Mapping[str, str]) -> AsyncIterator[Path]:
    """Make a project folder with these files, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="adjudge-bench-"))
    try:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def up(folder: Path, settings: Mapping[str, str] | None = None, *, workers: int = 1) -> AsyncIterator[Project]:
    """Run `adjudge up` there, with embedded servers; it is entered once questions are taken."""
    port = free_port()
    command = (sys.executable, "-m", "adjudge", "up", "--port", str(port), "--workers", str(workers))
    async with _running(command, folder, settings or {}) as process:
        await _announced(process)
        api = json.loads((folder / ".adjudge" / "api.json").read_text())
        stack = json.loads((folder / ".adjudge" / "stack.json").read_text())
        yield Project(folder=folder, pid=process.pid, port=port, key=api["key"], **stack)


@asynccontextmanager
async def baseline(name: str) -> AsyncIterator[int]:
    """Run a baseline by the name of its file; yields its port."""
    port = free_port()
    async with _running((sys.executable, str(BASELINES / f"{name}.py"), str(port)), BASELINES):
        await listening(port)
        yield port


async def listening(port: int) -> None:
    """Return once a connection to the port is accepted. Raises TimeoutError."""
    async with asyncio.timeout(READY_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def _running(
    command: tuple[str, ...], folder: Path, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Run a command without settings of the caller's; end it with SIGTERM, also when that is how we are ended."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ours = ("ADJUDGE_", "DATABASE_URL", "REDIS_URL", "PROMETHEUS_", "PYTHONDONTWRITEBYTECODE")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | dict(settings or {})
    with (folder / "output.log" if folder != BASELINES else Path(os.devnull)).open("ab") as log:
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=env, stdout=PIPE, stderr=log)
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _announced(process: Process) -> None:
    """Return once it says that it is ready. Raises RuntimeError, TimeoutError."""
    assert process.stdout is not None
    async with asyncio.timeout(READY_SECONDS):
        while line := await process.stdout.readline():
            if line.startswith(b"ready in"):
                return
    raise RuntimeError("`adjudge up` ended before it was ready")
