"""Where the API listens."""

import asyncio
import socket

import pytest

from adjudge.cli.hosting import require_free
from adjudge.cli.refusing import Refused
from adjudge.cli.serving import run_api
from adjudge.cli.settings import Settings


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


async def test_a_port_that_is_taken_is_refused_before_anything_is_opened(taken):
    """In one line of ours, with status 1: uvicorn would say it in its own way and end with 3."""
    with pytest.raises(Refused, match=rf"^cannot serve on 127\.0\.0\.1:{taken}: Address already in use$"):
        async with asyncio.timeout(5):
            await run_api(Settings(host="127.0.0.1", port=taken, database_url="postgresql://127.0.0.1:1/none"))


def test_a_free_port_is_left_free():
    require_free("127.0.0.1", 0)
    require_free("localhost", 0)
