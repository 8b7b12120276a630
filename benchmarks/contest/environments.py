"""An environment for each peer, with its newest release, in a folder outside the repository.

Made with the running interpreter's `venv` and `pip`; brought up to date when it is older than a day.
"""

import asyncio
import os
import shutil
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_FOLDER: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "adjudge-bench"
_FRESH_SECONDS: Final = 86_400.0
_INSTALL_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A framework that others use, and what `pip install` needs to be told."""

    name: str
    """Of its module in `peers`."""
    package: str
    beside: Sequence[str]
    on_streams: bool = False

    @property
    def wanted(self) -> tuple[str, ...]:
        return (self.package, *self.beside, "hiredis")


OURS: Final = Peer("ours", "redis", ("msgspec",), on_streams=True)
"""What `adjudge.streams` and the bare loop stand on, and nothing else that would weigh on them."""


PEERS: Final = (
    Peer("celery", "celery", ("celery[redis]", "packaging")),
    Peer("dramatiq", "dramatiq", ("dramatiq[redis]",)),
    Peer("rq", "rq", ()),
    Peer("arq", "arq", ()),
    Peer("saq", "saq", ("saq[redis]", "typing_extensions")),
    Peer("streaq", "streaq", (), on_streams=True),
    Peer("taskiq", "taskiq-redis", ("taskiq",), on_streams=True),
    Peer("faststream", "faststream", ("faststream[redis,cli]",), on_streams=True),
    Peer("huey", "huey", ("redis",)),
)


class NotInstalled(Exception):
    """What the installer said at last."""


@dataclass(frozen=True, slots=True)
class Environment:
    python: Path
    version: str


async def all_prepared(peers: Sequence[Peer], folder: Path) -> dict[str, Environment | NotInstalled]:
    """An environment for each by its name, or why there is none; two are made at a time."""
    turns = asyncio.Semaphore(2)

    async def one(peer: Peer) -> Environment | NotInstalled:
        async with turns:
            try:
                return await prepared(peer, folder)
            except NotInstalled as error:
                return error

    answers = await asyncio.gather(*map(one, peers))
    return {peer.name: answer for peer, answer in zip(peers, answers, strict=True)}


async def prepared(peer: Peer, folder: Path) -> Environment:
    """Make the peer's environment or bring it up to date. Raises NotInstalled."""
    home = folder / peer.name
    python, stamp = home / "bin" / "python", home / "fresh"
    wanted = " ".join(peer.wanted)
    if not _is_fresh(stamp, wanted):
        if not python.exists():
            shutil.rmtree(home, ignore_errors=True)
            await _said(sys.executable, "-m", "venv", str(home))
        await _said(str(python), "-m", "pip", "install", "--quiet", "--upgrade", *peer.wanted)
        stamp.write_text(wanted)
    version = f"import importlib.metadata as m; print(m.version({peer.package!r}))"
    return Environment(python, await _said(str(python), "-c", version))


def _is_fresh(stamp: Path, wanted: str) -> bool:
    return stamp.exists() and stamp.read_text() == wanted and time.time() - stamp.stat().st_mtime < _FRESH_SECONDS


async def _said(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    try:
        async with asyncio.timeout(_INSTALL_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise NotInstalled(f"{command[:3]} took more than {_INSTALL_SECONDS:g} s") from None
    if process.returncode:
        raise NotInstalled(said.decode(errors="replace").strip()[-500:])
    return said.decode().strip()
