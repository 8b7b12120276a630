"""Servers that an earlier owner of the folder left running.

The guards normally end them. This is for the case that they could not: both were killed at once, or are still waiting
for their child to end.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from adjudge.stack.tasks import until


async def stop_leftovers(program: str, home: Path, stop_signal: signal.Signals, *, patience_seconds: float) -> int:
    """End every process of `program` that works in the folder `home`; return how many there were.

    A process counts only if it is that program in that very folder: a pid file alone proves nothing.
    """

    async def gone() -> bool:
        return not any(running(program, home))

    found = set(running(program, home))
    for signum, seconds in ((stop_signal, patience_seconds), (signal.SIGKILL, patience_seconds)):
        _signal_all(running(program, home), signum)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await until(gone)
                break
    return len(found)


def running(program: str, home: Path) -> Iterator[int]:
    """The processes of `program` whose working folder, or named data folder, is `home`."""
    listing = _linux_processes() if sys.platform == "linux" else _other_processes()
    for pid, folder, command in listing:
        name = Path(command[0]).name.split(":")[0]  # PostgreSQL's own children are called "postgres: checkpointer"
        if name == program and (folder == home or str(home) in command):
            yield pid


def _signal_all(pids: Iterator[int], signum: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signum)


def _linux_processes() -> Iterator[tuple[int, Path | None, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                command = os.fsdecode((entry / "cmdline").read_bytes()).rstrip("\0").split("\0")
                yield int(entry.name), _working_folder(entry), command


def _working_folder(process: Path) -> Path | None:
    try:
        return (process / "cwd").readlink()
    except PermissionError:  # another user's
        return None


def _other_processes() -> Iterator[tuple[int, Path | None, list[str]]]:
    """By `ps`, which knows no working folder. Paths with spaces are not recognised."""
    listing = subprocess.run(["/bin/ps", "-axo", "pid=,command="], capture_output=True, text=True, check=True)
    for line in listing.stdout.splitlines():
        pid, *command = line.split()
        if command:
            yield int(pid), None, command
