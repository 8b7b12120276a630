"""Whether a port can be listened on, asked before anything is started."""

import errno
import socket

from adjudge.stack.errors import CannotListen, PortInUse


def require_free(host: str, port: int) -> None:
    """Raises PortInUse, CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a closed connection does not count
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(f"{host}:{port}") from error
            raise CannotListen(f"{host}:{port}", error.strerror or str(error)) from error
