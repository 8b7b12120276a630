"""Ports that stay free until they are listened at."""

import itertools
import os
import random
import socket

LOWEST, HIGHEST = 20_000, 32_000
"""Below those that systems give to outgoing connections, of which any could take a port meanwhile."""
_ports = itertools.cycle(random.Random(os.getpid()).sample(range(LOWEST, HIGHEST), HIGHEST - LOWEST))


def free_port() -> int:
    """Return a port of 127.0.0.1 at which nobody listens; each only once a process."""
    return next(filter(_is_free, _ports))


def _is_free(port: int) -> bool:
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
