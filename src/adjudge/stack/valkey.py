"""Valkey 9: the transport. Its append-only file is on, and it refuses writes rather than evict."""

import asyncio
import os
import signal
from pathlib import Path
from urllib.parse import quote

from adjudge.stack.binaries import valkey_binary
from adjudge.stack.folders import Layout
from adjudge.stack.server import Program

ANSWER_SECONDS = 5.0

SETTINGS = {
    "port": "0",  # no network: a socket in a folder of ours needs no password
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "set-proc-title": "no",
}


def valkey_program(layout: Layout) -> Program:
    """Make its data folder ready. Raises MissingWheel, OSError."""
    binary, socket = valkey_binary(), layout.sockets / "valkey.sock"
    layout.valkey.mkdir(mode=0o700, exist_ok=True)
    settings = SETTINGS | {"dir": str(layout.valkey), "unixsocket": str(socket)}
    return Program(
        name="Valkey",
        command=[str(binary), *(word for name, value in settings.items() for word in (f"--{name}", value))],
        home=layout.valkey,
        pid_files=(),
        log=layout.log("valkey"),
        url=_url(socket),
        stop_signal=signal.SIGTERM,
        identity="same",
        env=dict(os.environ),
        version_of=lambda pid: version_at(socket, pid),
    )


async def version_at(socket: Path, pid: int) -> str | None:
    """The version of the Valkey that listens there, if it is the process `pid` and has its data."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            said = await _info(socket)
    except (OSError, EOFError, TimeoutError):
        return None
    facts = dict(line.partition(":")[::2] for line in said.decode().splitlines())
    is_ours = int(facts["process_id"]) == pid and facts["loading"] == "0"
    return facts.get("valkey_version", facts["redis_version"]) if is_ours else None


async def _info(socket: Path) -> bytes:
    """Ask once, on a connection of its own, as anybody at a terminal could: it takes no client."""
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(b"INFO server persistence\r\n")
        length = await reader.readuntil(b"\r\n")  # `$` and how many bytes follow
        return await reader.readexactly(int(length[1:]))
    finally:
        writer.close()


def _url(socket: Path) -> str:
    return f"unix://{quote(str(socket))}"
