"""Several worker processes under one: stopped together, and started again when one dies."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from adjudge.cli.streams.saying import say

_RESTART_SECONDS = 1.0
_LOOK_SECONDS = 0.1
_LOST_OPTIONS = ("--processes", "--health-port")
_SUPERVISOR = "ADJUDGE_STREAMS_SUPERVISOR"
"""Says to a worker whose it is."""
_PR_SET_PDEATHSIG = 1


def supervise(count: int, health_port: int | None, limit_seconds: float) -> int:
    """Run the same command `count` times until told to stop; return 0 if all ended well.

    A process that ends by itself before it has run for a second is not started again: it is wrong, not unlucky.
    """
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: stopping.append(received))
    commands = [_command(place, health_port) for place in range(count)]
    running = {place: _start(command) for place, command in enumerate(commands)}
    while not stopping:
        time.sleep(_LOOK_SECONDS)
        for place, (process, began) in list(running.items()):
            if process.poll() is None:
                continue
            if time.monotonic() - began < _RESTART_SECONDS:
                _end([other for other, _ in running.values()], limit_seconds)
                return process.returncode or 1
            say(f"worker {place + 1} ended ({process.returncode}), starting another")
            running[place] = _start(commands[place])
    return _end([process for process, _ in running.values()], limit_seconds)


def end_with_supervisor() -> None:
    """Drain and end when the supervisor, if there is one, is killed: nobody else would ever stop this worker.

    On Linux; elsewhere a worker outlives a supervisor that was killed by force.
    """
    supervisor = os.environ.pop(_SUPERVISOR, "")
    if not supervisor or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(supervisor):  # it died before we asked
        raise SystemExit(1)


def _command(place: int, health_port: int | None) -> list[str]:
    words = _without(sys.argv[1:], _LOST_OPTIONS)
    port = ["--health-port", str(health_port and health_port + place)] if health_port is not None else []
    return [sys.executable, "-m", "adjudge", *words, *port]


def _without(words: Sequence[str], options: Sequence[str]) -> list[str]:
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in options:
            skip = True
        elif not word.startswith(tuple(f"{option}=" for option in options)):
            kept.append(word)
    return kept


def _start(command: Sequence[str]) -> tuple[subprocess.Popen[bytes], float]:
    environment = os.environ | {_SUPERVISOR: str(os.getpid())}
    process = subprocess.Popen(command, start_new_session=True, env=environment)  # noqa: S603  our own command
    return process, time.monotonic()


def _end(processes: Sequence[subprocess.Popen[bytes]], limit_seconds: float) -> int:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    until, statuses = time.monotonic() + limit_seconds, []
    for process in processes:
        try:
            statuses.append(process.wait(max(0.0, until - time.monotonic())))
        except subprocess.TimeoutExpired:
            process.kill()
            statuses.append(process.wait())
    return max(map(abs, statuses), default=0) and 1
