"""The client against a server of ours on the loopback network, which stands for everything private."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from adjudge.outbound import PUBLIC_ONLY, Permitted, RefusedUrl, parse_permitted
from adjudge.outbound.client import Client, Reply, Unreachable, open_client

LOOPBACK = parse_permitted("127.0.0.1")


class Names(AbstractResolver):
    """Resolves every name to the addresses that it is given, in turn; none: it knows no such name."""

    def __init__(self, *turns: list[str]) -> None:
        self.turns = list(turns)
        self.asked = 0

    async def resolve(self, host, port=0, family=socket.AF_INET):
        self.asked += 1
        if not self.turns[0]:
            raise OSError("no such name")
        addresses = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        return [
            {"hostname": host, "host": each, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for each in addresses
        ]

    async def close(self) -> None: ...


@asynccontextmanager
async def serving(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[tuple[int, list[str]]]:
    """Serve on the loopback network; give the port, and the paths that were asked for."""
    asked: list[str] = []

    async def noted(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await answer(request)

    runner = web.ServerRunner(web.Server(noted, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield site._server.sockets[0].getsockname()[1], asked
    finally:
        await runner.cleanup()


async def fine(request: web.Request) -> web.Response:
    return web.Response(body=await request.read() or b"fine")


async def get(client: Client, url: str, **changes: object) -> Reply:
    return await client.send("GET", url, **{"headers": {}, "seconds": 5, **changes})


async def post(client: Client, url: str) -> Reply:
    return await client.send("POST", url, headers={}, body=b"", seconds=5)


@asynccontextmanager
async def client_of(permitted: Permitted = LOOPBACK, *turns: list[str]) -> AsyncIterator[Client]:
    async with open_client(permitted, resolver=Names(*turns) if turns else None) as client:
        yield client


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f000001", "127.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_nothing_is_sent_to_a_private_address_however_it_is_written(host):
    async with serving(fine) as (port, asked), client_of(PUBLIC_ONLY) as client:
        with pytest.raises((RefusedUrl, Unreachable)):
            await get(client, f"http://{host}:{port}/")

    assert asked == []


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"]])
async def test_a_name_of_which_any_address_is_private_is_refused(addresses):
    async with serving(fine) as (port, asked), client_of(PUBLIC_ONLY, addresses) as client:
        with pytest.raises(RefusedUrl, match=r"rebound\.test resolves to no public address"):
            await get(client, f"http://rebound.test:{port}/")

    assert asked == []


async def test_a_name_that_was_permitted_is_checked_again_at_its_next_connection():
    """DNS rebinding: the first answer was harmless."""

    async def last(request: web.Request) -> web.Response:
        response = await fine(request)
        response.force_close()
        return response

    async with serving(last) as (port, asked), client_of(LOOPBACK, ["127.0.0.1"], ["127.0.0.2"]) as client:
        assert (await get(client, f"http://rebound.test:{port}/first")).status == 200

        with pytest.raises(RefusedUrl, match=r"rebound\.test resolves"):
            await get(client, f"http://rebound.test:{port}/second")

    assert asked == ["/first"]


async def test_a_redirect_is_an_answer_and_is_not_followed():
    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/inside"})

    async with serving(elsewhere) as (port, asked), client_of() as client:
        reply = await get(client, f"http://127.0.0.1:{port}/outside")

    assert (reply.status, reply.headers["location"], asked) == (302, "/inside", ["/outside"])


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with serving(fine) as (port, _), client_of() as client:
        assert (await get(client, f"http://127.0.0.1:{port}/")).body == b"fine"


async def test_cookies_are_not_kept():
    async def sweet(request: web.Request) -> web.Response:
        return web.Response(text=str(dict(request.cookies)), headers={"Set-Cookie": "a=b"})

    async with serving(sweet) as (port, _), client_of() as client:
        for _ in range(2):
            assert (await get(client, f"http://127.0.0.1:{port}/")).body == b"{}"


async def test_an_answer_longer_than_wanted_is_given_up():
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)
            sent += 65_536

    async with serving(endless) as (port, _), client_of() as client:
        with pytest.raises(Unreachable, match="longer than 100000 bytes"):
            await get(client, f"http://127.0.0.1:{port}/", largest=100_000)

    assert sent < 20_000_000


async def test_a_server_that_says_nothing_is_a_time_out():
    async def silent(request: web.Request) -> web.Response:
        await asyncio.Event().wait()

    async with serving(silent) as (port, _), client_of() as client:
        with pytest.raises(TimeoutError):
            await get(client, f"http://127.0.0.1:{port}/", seconds=0.05)


async def test_no_server_is_unreachable():
    async with serving(fine) as (port, _):
        pass
    async with client_of() as client:
        with pytest.raises(Unreachable, match=rf"^no connection to 127\.0\.0\.1:{port}: Connection refused$"):
            await get(client, f"http://127.0.0.1:{port}/")


async def test_what_can_be_no_name_is_said_to_be_none():
    async with client_of() as client:
        with pytest.raises(Unreachable, match=r"^a\.\.test is not found: `a\.\.test` can be no name$"):
            await get(client, "http://a..test/")


async def test_a_server_that_nobody_vouches_for_is_not_trusted_and_that_is_said():
    async with serving(fine) as (port, _), client_of() as client:
        with pytest.raises(Unreachable, match=rf"^no connection to 127\.0\.0\.1:{port}: .*SSL"):
            await get(client, f"https://127.0.0.1:{port}/")


async def test_a_kept_connection_that_was_closed_meanwhile_costs_no_answer():
    connections = 0

    async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the first request of a connection, takes the second and goes away."""
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(one_answer, "127.0.0.1", 0)
    async with server, client_of() as client:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert [(await post(client, url)).body for _ in range(2)] == [b"fine"] * 2
        assert connections == 2


async def test_a_new_connection_that_ends_without_an_answer_is_not_tried_again():
    connections = 0

    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(rude, "127.0.0.1", 0)
    async with server, client_of() as client:
        with pytest.raises(Unreachable, match="closed before an answer"):
            await post(client, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")

    assert connections == 1


async def test_a_name_that_is_not_known_is_looked_up_once():
    names = Names([])
    async with open_client(LOOPBACK, resolver=names) as client:
        with pytest.raises(Unreachable):
            await post(client, "http://nowhere.test/")

    assert names.asked == 1
