"""Where the API listens."""

import asyncio
import io
import json
import logging
import socket
import sys

import httpx
import pytest

from adjudge.cli.processes.hosting import served
from adjudge.cli.processes.serving import run_api
from adjudge.cli.refusing import Refused
from adjudge.cli.settings import Settings
from adjudge.cli.up import url_of
from adjudge.telemetry import logs


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


async def test_a_port_that_is_taken_is_refused_before_anything_is_opened(taken):
    """In one line of ours, with status 1: uvicorn would say it in its own way and end with 3."""
    with pytest.raises(Refused, match=rf"^127\.0\.0\.1:{taken} is in use by another program: "):
        async with asyncio.timeout(5):
            await run_api(Settings(host="127.0.0.1", port=taken, database_url="postgresql://127.0.0.1:1/none"))


@pytest.mark.usefixtures("logging_kept")
def test_what_the_web_server_says_is_a_line_of_json_like_all_others(monkeypatch):
    """It wrote text of its own to standard error, for every stranger that sends no HTTP."""
    uvicorns = logging.getLogger("uvicorn")
    monkeypatch.setattr(uvicorns, "handlers", [])
    monkeypatch.setattr(uvicorns, "propagate", True)
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    logs.configure("api")

    server = served(None, "127.0.0.1", 0, drain_seconds=1, on_stop=lambda: None)
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")

    said = json.loads(out.getvalue())
    assert (said["message"], said["level"]) == ("Invalid HTTP request received.", "warning")
    assert server.config.log_level == "warning"


def test_an_api_is_found_at_an_address_of_either_family():
    """`adjudge up --host ::1` left an address that its own commands could not read."""
    urls = [httpx.URL(url_of(host, 8400)) for host in ("::1", "127.0.0.1", "localhost")]

    assert [(url.host, url.port) for url in urls] == [("::1", 8400), ("127.0.0.1", 8400), ("localhost", 8400)]
