"""A contestant at work: its worker as a process of its own, its publisher as another."""

import asyncio
import json
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from load.processes import PROC, descendants, memory_mib
from peers.effects import Effects

BENCHMARKS: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = BENCHMARKS.parent / "src"
CONCURRENCY: Final = 32
_PATIENCE_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 5.0


class Failed(Exception):
    """It could not be started, or gave up. What it said at last."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A module of `peers` and the interpreter that runs it."""

    name: str
    python: Path
    version: str = ""
    on_streams: bool = False

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a contestant works: the broker, the file for its effects, how long its handler takes."""

    url: str
    folder: Path
    handler_seconds: float = 0.0

    @property
    def effects(self) -> Path:
        return self.folder / "effects"

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"

    def fresh(self, size: int) -> Effects:
        """A new, empty file of effects."""
        self.effects.unlink(missing_ok=True)
        return Effects.new(self.effects, size)

    def setting(self) -> Mapping[str, str]:
        # Nobody compiles at its start, which would leave its memory larger than its work makes it.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {
            **inherited,
            "PYTHONPATH": os.pathsep.join((os.environ.get("PYTHONPATH") or str(SOURCE), str(BENCHMARKS))),
            "BENCH_URL": self.url,
            "BENCH_CONCURRENCY": str(CONCURRENCY),
            "BENCH_HANDLER_SECONDS": str(self.handler_seconds),
            "BENCH_EFFECTS": str(self.effects),
        }


class Worker:
    """A running worker and all its processes."""

    def __init__(self, process: Process, log: Path) -> None:
        self._process, self._log = process, log

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    def cpu(self) -> float:
        """CPU time so far, in seconds."""
        return sum(_figure(_cpu_seconds, pid) for pid in self._pids())

    def memory(self) -> float:
        """Proportional set size, in MiB."""
        return sum(_figure(memory_mib, pid) for pid in self._pids())

    def kill(self) -> None:
        """End all its processes as a machine that fails does."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """End it orderly, else by force."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        self.kill()
        await self._process.wait()

    def last_words(self) -> str:
        return self._log.read_text(errors="replace")[-500:].strip()

    def _pids(self) -> list[int]:
        return list(descendants(self._process.pid))


@asynccontextmanager
async def working(contestant: Contestant, scene: Scene) -> AsyncIterator[Worker]:
    """Run its worker until the end of the block."""
    worker = await start(contestant, scene)
    try:
        yield worker
    finally:
        await worker.stop()


async def start(contestant: Contestant, scene: Scene) -> Worker:
    """Start its worker; the caller ends it."""
    command = (str(contestant.python), "-m", "peers.driving", contestant.name, "work")
    with scene.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=scene.folder,
            env=scene.setting(),
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return Worker(process, scene.log)


async def told(contestant: Contestant, scene: Scene, *order: object) -> dict[str, Any]:
    """Let it publish or measure; what it says. Raises Failed."""
    return await _answer(await _ordered(contestant, scene, *order), f"{contestant.name} {order[0]}")


async def poised(contestant: Contestant, scene: Scene, *order: object) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Let it connect first; what is returned lets it publish at once. Raises Failed, both do."""
    process, what = await _ordered(contestant, scene, "poised", *order), f"{contestant.name} poised"
    assert process.stdout is not None
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while line := await process.stdout.readline():
            if line == b"ready\n":
                return lambda: _answer(process, what)
    raise Failed(f"{what}: it ended before it was ready")


async def _ordered(contestant: Contestant, scene: Scene, *order: object) -> Process:
    command = (str(contestant.python), "-m", "peers.driving", contestant.name, *map(str, order))
    return await asyncio.create_subprocess_exec(
        *command, cwd=scene.folder, env=scene.setting(), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )


async def _answer(process: Process, what: str) -> dict[str, Any]:
    """Give the sign to begin, and return what it says at its end. Raises Failed."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            said, complaints = await process.communicate(b"\n")
    except TimeoutError:
        process.kill()
        await process.wait()
        raise Failed(f"{what}: silent for {_PATIENCE_SECONDS:g} s") from None
    if process.returncode:
        raise Failed(f"{what}: {complaints.decode(errors='replace')[-500:].strip()}")
    return dict(json.loads(said.splitlines()[-1]))


def _cpu_seconds(pid: int) -> float:
    """CPU time of all threads that live, in seconds."""
    threads = (PROC / str(pid) / "task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def _figure(figure: Any, pid: int) -> float:
    try:
        return float(figure(pid))
    except OSError:  # it has ended meanwhile
        return 0.0
