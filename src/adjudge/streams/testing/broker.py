"""`Streams` on an in-memory server."""

import random

from adjudge.streams.broker import Streams
from adjudge.streams.connections.wire import Wire
from adjudge.streams.testing.clock import Process
from adjudge.streams.testing.network import MemoryRoute, Network
from adjudge.streams.testing.server import MemoryServer


class MemoryStreams(Streams):
    """One process's way to a `MemoryServer`: the real class, with all its scripts, on connections in memory."""

    def __init__(
        self,
        server: MemoryServer,
        *,
        prefix: str = "adjudge",
        rng: random.Random | None = None,
        network: Network | None = None,
        process: Process | None = None,
        timeout_seconds: float = 2.0,
    ) -> None:
        self.server, self.network = server, network or Network()
        self._process, self._timeout_seconds = process, timeout_seconds
        super().__init__("redis://memory", prefix=prefix, rng=rng or random.Random(0), now=server.time)  # noqa: S311

    def _new_wire(self, purpose: str) -> Wire:
        return Wire(MemoryRoute(self.server, self.network, self._process), self._timeout_seconds)
