"""The web server of the API."""

import asyncio
import math
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from adjudge.cli.guarding import Guarded, close_waiting
from adjudge.cli.refusing import Refused


class _Server(uvicorn.Server):
    """Says that it stops before it waits for those who are still being answered; ends heads that do not come."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    async def on_tick(self, counter: int) -> bool:
        """Look after connections once a second, that is every tenth tick."""
        if counter % 10 == 0:
            close_waiting(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stop()
        await super().shutdown(sockets)


def require_free(host: str, port: int) -> None:
    """Raise Refused where the address cannot be listened on: asked before anything is opened, and in one line."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            _bind(family, kind, protocol, address)
    except OSError as error:
        raise Refused(f"cannot serve on {host}:{port}: {error.strerror or error}") from error


def _bind(family: int, kind: int, protocol: int, address: Any) -> None:
    """Bind as the server will, and let go. Raises OSError."""
    try:
        probe = socket.socket(family, kind, protocol)
    except OSError:  # `localhost` has an address of IPv6 where the machine has none: the server passes it over
        return
    with probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(address)


def served(
    app: Any,
    host: str,
    port: int,
    *,
    drain_seconds: float,
    on_stop: Callable[[], None],
) -> uvicorn.Server:
    """Return the server of an application; `on_stop` sends those home who would stay for long."""
    return _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            lifespan="on",
            loop="uvloop",
            http=Guarded,
            access_log=False,
            proxy_headers=False,
            log_config=None,  # its lines are ours: JSON, on standard output
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=math.ceil(drain_seconds),
            timeout_keep_alive=30,
            backlog=2048,
        ),
        on_stop,
    )
