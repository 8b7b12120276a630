import socket

import pytest

from adjudge.stack import PortInUse, require_free


def test_a_port_that_is_listened_on_is_refused_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        with pytest.raises(PortInUse, match=f"127.0.0.1:{port} is in use by another program"):
            require_free("127.0.0.1", port)


def test_a_port_that_was_let_go_is_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    require_free("127.0.0.1", port)
