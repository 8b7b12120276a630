"""One server of ours: started, known to answer as ours, stopped or killed."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from adjudge.stack.children import Child, Order, spawn
from adjudge.stack.errors import death_of
from adjudge.stack.leftovers import stop_leftovers
from adjudge.stack.tasks import cancelled, until

LAST_WORDS_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A server's data folder, made ready, and how to run it there."""

    name: str
    command: Sequence[str]
    home: Path
    """Its data folder, in which it works; a leftover is recognised by it."""
    pid_files: Sequence[Path]
    """What a killed server leaves behind, and the next would take for a living one."""
    log: Path
    url: str
    stop_signal: signal.Signals
    identity: str
    env: Mapping[str, str]
    version_of: Callable[[int], Awaitable[str | None]]
    """The version, once the server answers and says that it is the process given; None before that."""


class Server:
    """A program and, between `start` and its end, the process that runs it."""

    def __init__(self, program: Program, *, start_timeout: float = 60.0, stop_timeout: float = 15.0) -> None:
        """Both in seconds; the start includes recovery after a crash."""
        self.name: Final = program.name
        self.url: Final = program.url
        self.version = ""
        self._program = program
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Start it and wait until it answers. Raises StackError; nothing is left running then."""
        program = self._program
        await stop_leftovers(
            Path(program.command[0]).name, program.home, program.stop_signal, patience_seconds=self._stop_timeout
        )
        for stale in program.pid_files:
            stale.unlink(missing_ok=True)
        said_before = program.log.stat().st_size if program.log.exists() else 0
        self._child = await spawn(self._order())
        try:
            self.version = await self._answered(self._child, said_before)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it orderly; with SIGKILL if that takes longer than the stop time-out."""
        if child := self._child:
            await child.stop()
            self._child = None

    async def kill(self) -> None:
        """End it as a crash would."""
        if child := self._child:
            await child.kill()
            self._child = None

    async def ended(self) -> int:
        """Wait for it to end by itself; its exit status."""
        if self._child is None:
            raise RuntimeError(f"{self.name} was not started")
        return await self._child.wait()

    def _order(self) -> Order:
        return Order(
            command=self._program.command,
            folder=self._program.home,
            log=self._program.log,
            identity=self._program.identity,
            stop_signal=self._program.stop_signal,
            patience_seconds=self._stop_timeout,
            env=self._program.env,
        )

    async def _answered(self, child: Child, said_before: int) -> str:
        """Its version, when it answers; or the error its last words stand for, when it ends first."""
        log, name = self._program.log, self._program.name
        ended, answered = asyncio.ensure_future(child.wait()), asyncio.ensure_future(self._version_of(child.pid))
        try:
            await asyncio.wait((ended, answered), timeout=self._start_timeout, return_when=asyncio.FIRST_COMPLETED)
            if answered.done():
                return answered.result()
            what = (
                f"ended with status {ended.result()}" if ended.done() else f"was silent for {self._start_timeout:g} s"
            )
            raise death_of(name, what + " at its start", log, last_words(log, said_before))
        finally:
            await cancelled(ended, answered)

    async def _version_of(self, pid: int) -> str:
        return str(await until(partial(self._program.version_of, pid)))


def last_words(log: Path, since_byte: int) -> str:
    """What was logged after that byte; at most the last 4 kB of it."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(since_byte, end - LAST_WORDS_BYTES))
        return file.read().decode(errors="replace").strip()
