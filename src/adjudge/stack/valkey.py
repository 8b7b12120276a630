"""Valkey 9: the transport. Its append-only file is on, and it refuses writes rather than evict."""

import os
import signal
from pathlib import Path
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import RedisError

from adjudge.stack.binaries import valkey_binary
from adjudge.stack.folders import Layout
from adjudge.stack.server import Program

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
        url=f"unix://{quote(str(socket))}",
        stop_signal=signal.SIGTERM,
        identity="same",
        env=dict(os.environ),
        version_of=lambda pid: version_at(socket, pid),
    )


async def version_at(socket: Path, pid: int) -> str | None:
    """The version of the Valkey that listens there, if it is the process `pid` and has its data."""
    client = Redis(unix_socket_path=str(socket), socket_timeout=5, socket_connect_timeout=5)
    try:
        server, persistence = await client.info("server"), await client.info("persistence")
    except (RedisError, OSError):
        return None
    finally:
        await client.aclose()
    is_ours = server["process_id"] == pid and not persistence["loading"]
    return str(server.get("valkey_version", server["redis_version"])) if is_ours else None
