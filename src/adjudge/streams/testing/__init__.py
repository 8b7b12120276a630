"""Tests of workers without a server and without waiting: the broker is in memory, and time is virtual.

    from adjudge.streams.testing import simulated

    def test_a_welcome_that_fails_is_tried_again():
        async def story(simulation):
            async with simulation.working(app):
                await welcome.publish(Welcome("a@b"))
                await simulation.drained()

        simulated(story)

With `pytest_plugins = ["adjudge.streams.testing.plugin"]` in the topmost `conftest.py` the fixture `streams_simulation`
does the same, and `--streams-seed N` runs a seed that a failure has named again.

The scripts and the code of workers are the real ones; only the server's own commands are imitated, and held to the real
ones by tests that run on both. A simulated loop has no sockets and no threads: what a handler calls must be replaced by
something in memory, and synchronous handlers run where they stand. An hour of an idle worker costs about two seconds.
"""

from adjudge.streams.testing.broker import MemoryStreams
from adjudge.streams.testing.clock import Deadlock, Process, VirtualLoop
from adjudge.streams.testing.network import Fate, Network
from adjudge.streams.testing.server import MemoryServer
from adjudge.streams.testing.simulation import Simulation, simulated

__all__ = [
    "Deadlock",
    "Fate",
    "MemoryServer",
    "MemoryStreams",
    "Network",
    "Process",
    "Simulation",
    "VirtualLoop",
    "simulated",
]
