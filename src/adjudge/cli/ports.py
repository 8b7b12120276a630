"""Whether an address can be listened on, asked before anything is opened."""

import errno
import socket
from typing import Any

from adjudge.cli.refusing import Refused


def require_free(host: str, port: int) -> None:
    """Raise Refused, in one line, where a server could not listen on any of the host's addresses."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            _bind(family, kind, protocol, address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Refused(f"{host}:{port} is in use by another program: stop it, or choose another port") from error
        raise Refused(f"cannot listen on {host}:{port}: {error.strerror or error}") from error


def _bind(family: int, kind: int, protocol: int, address: Any) -> None:
    """Bind as the server will, and let go. Raises OSError."""
    try:
        probe = socket.socket(family, kind, protocol)
    except OSError:  # `localhost` has an address of IPv6 where the machine has none: the server passes it over
        return
    with probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a closed connection does not count
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(address)
