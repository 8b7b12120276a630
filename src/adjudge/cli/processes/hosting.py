"""The web server of the API."""

import asyncio
import math
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from adjudge.cli.processes.guarding import Guarded, close_waiting


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
