"""The system under demonstration: `adjudge up` as a child process, or one that is running already."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from adjudge.client.sending import authorities

START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 45.0
POLL_SECONDS: Final = 0.1
OF_ANOTHER: Final = ("ADJUDGE_URL", "ADJUDGE_KEY", "ADJUDGE_CONFIG")
"""Settings that are about another system than the one that is started here."""
HOST: Final = "127.0.0.1"
PR_SET_PDEATHSIG: Final = 1


class NotServing(Exception):
    """The system did not start, or is not there."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the system is."""

    url: str
    key: str
    """Of an administrator."""
    database_url: str


def running_elsewhere(environment: Mapping[str, str]) -> Endpoint | None:
    """Return the system that ADJUDGE_URL names, if it does. Raises NotServing where the rest is missing."""
    url = environment.get("ADJUDGE_URL", "").rstrip("/")
    if not url:
        return None
    missing = [name for name in ("ADJUDGE_KEY", "DATABASE_URL") if not environment.get(name)]
    if missing:
        raise NotServing(f"ADJUDGE_URL is set: {' and '.join(missing)} must be, too, or unset ADJUDGE_URL")
    return Endpoint(url, environment["ADJUDGE_KEY"], environment["DATABASE_URL"])


async def is_running(folder: Path) -> bool:
    """Return whether a system of this project folder answers."""
    try:
        url = json.loads((folder / ".adjudge" / "api.json").read_text())["url"]
    except (OSError, ValueError, KeyError):
        return False
    return await _answers(f"{url}/livez")


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Endpoint]:
    """Run the system of a project folder. Raises NotServing with the end of its log."""
    with (folder / "up.log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "adjudge", "up", *_port(os.environ)),
            cwd=folder,
            env={name: value for name, value in os.environ.items() if name not in OF_ANOTHER},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    try:
        yield await _ready(child, folder)
    finally:
        await asyncio.shield(_stop(child))


def _port(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the option for a free port: the usual one is left to the user's own system."""
    if "ADJUDGE_PORT" in environment:
        return ()
    with socket.socket() as free:
        free.bind((HOST, 0))
        return ("--port", str(free.getsockname()[1]))


def _end_with_parent() -> None:
    """Have the kernel stop the child when the demo is killed, where it can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


async def _ready(child: asyncio.subprocess.Process, folder: Path) -> Endpoint:
    try:
        async with asyncio.timeout(START_SECONDS):
            while (endpoint := await _endpoint(folder)) is None:
                if child.returncode is not None:
                    raise NotServing(f"`adjudge up` ended with status {child.returncode}:\n{_last_lines(folder)}")
                await asyncio.sleep(POLL_SECONDS)
            return endpoint
    except TimeoutError:
        raise NotServing(f"`adjudge up` is not ready after {START_SECONDS:g} s:\n{_last_lines(folder)}") from None


async def _endpoint(folder: Path) -> Endpoint | None:
    try:
        api = json.loads((folder / ".adjudge" / "api.json").read_text())
        stack = json.loads((folder / ".adjudge" / "stack.json").read_text())
        endpoint = Endpoint(api["url"], api["key"], stack["database_url"])
    except (OSError, ValueError, KeyError):  # not written yet, or not to its end
        return None
    return endpoint if await _answers(f"{endpoint.url}/readyz") else None


async def _answers(url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=5, verify=authorities()) as client:
            return (await client.get(url)).is_success
    except httpx.HTTPError:
        return False


async def _stop(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()


def _last_lines(folder: Path) -> str:
    return "\n".join((folder / "up.log").read_text(errors="replace").splitlines()[-15:])
