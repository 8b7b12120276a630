"""Valkey 9: the transport. Its append-only file is on, and it refuses writes rather than evict."""

import os
import signal
from pathlib import Path
from urllib.parse import quote

from adjudge.stack.binaries import valkey_binary
from adjudge.stack.folders import Layout
from adjudge.stack.server import Program
from adjudge.streams.addresses import target
from adjudge.streams.signals import Unavailable
from adjudge.streams.wire import Wires

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
    wire = Wires(target(_url(socket)), timeout_seconds=5).wire("adjudge-stack")
    try:
        said = await wire.ask(("INFO", "server", "persistence"))
    except Unavailable:
        return None
    finally:
        await wire.close()
    facts = dict(line.partition(":")[::2] for line in said.decode().splitlines())
    is_ours = int(facts["process_id"]) == pid and facts["loading"] == "0"
    return facts.get("valkey_version", facts["redis_version"]) if is_ours else None


def _url(socket: Path) -> str:
    return f"unix://{quote(str(socket))}"
