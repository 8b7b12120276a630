"""Whether an address can be listened on."""

import errno
import socket

import pytest

from adjudge.cli.ports import require_free
from adjudge.cli.refusing import Refused


def test_a_port_that_is_listened_on_is_refused_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        with pytest.raises(Refused, match=rf"^127\.0\.0\.1:{port} is in use by another program: "):
            require_free("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused_in_one_line():
    with pytest.raises(Refused, match=r"^cannot listen on 203\.0\.113\.9:8400: "):
        require_free("203.0.113.9", 8400)


def test_a_port_that_was_let_go_is_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    require_free("127.0.0.1", port)


def test_a_free_port_is_left_free():
    require_free("127.0.0.1", 0)
    require_free("localhost", 0)


def test_a_family_of_addresses_that_the_machine_lacks_stands_in_nobodys_way(monkeypatch):
    """`localhost` is ::1 too, in most files of hosts, also where there is no IPv6."""
    made = socket.socket

    def without_ipv6(family, *more):
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return made(family, *more)

    both = [each for host in ("::1", "127.0.0.1") for each in socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    monkeypatch.setattr(socket, "socket", without_ipv6)

    require_free("localhost", 0)
