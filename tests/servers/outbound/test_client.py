"""The client against a server of ours on the loopback network, which stands for everything private."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from adjudge.outbound import PUBLIC_ONLY, Permitted, RefusedUrl, dialling, parse_permitted
from adjudge.outbound.client import Client, Reply, Unreachable, open_client
from adjudge.outbound.dialling import Address, Resolve, resolved

LOOPBACK = parse_permitted("127.0.0.1")


def names(*turns: list[str]) -> Resolve:
    """Resolve every name to the addresses that are given, in turn; the last for ever."""
    left = list(turns)

    async def resolve(host: str, port: int) -> list[Address]:
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, (each, port)) for each in addresses]

    return resolve


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
    async with open_client(permitted, resolve=names(*turns) if turns else resolved) as client:
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
        with pytest.raises(Unreachable):
            await get(client, f"http://127.0.0.1:{port}/")


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


def status(reason: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {reason}", *headers, "", body)).encode()


def fine_of(body: str) -> bytes:
    return status("200 OK", f"Content-Length: {len(body)}", body=body)


class Heard(list[bytes]):
    """What was sent, and "connected" before the first of each connection."""

    def __init__(self) -> None:
        super().__init__()
        self.gone = asyncio.Semaphore(0)
        """One for each connection that the client has closed."""


@asynccontextmanager
async def saying(*answers: bytes, closing: bool = False) -> AsyncIterator[tuple[str, Heard]]:
    """Serve by rote: each request of a connection gets the next of the answers, whatever it is."""
    heard = Heard()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(b"connected")
        try:
            for answer in answers:
                heard.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answer)
            await (writer.drain() if closing else reader.read())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        heard.gone.release()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", heard


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (fine_of("fine"), b"fine"),
        (status("200 OK", "Transfer-Encoding: chunked", body="3\r\nfin\r\n1\r\ne\r\n0\r\n\r\n"), b"fine"),
        (status("204 No Content"), b""),
        (status("103 Early Hints", "Link: </a>") + status("100 Continue") + fine_of("fine"), b"fine"),
    ],
    ids=["length", "chunks", "none", "interim"],
)
async def test_an_answer_ends_where_it_says_and_the_connection_is_used_again(answer, body):
    async with saying(answer, answer) as (url, heard), client_of() as client:
        replies = [await get(client, url) for _ in range(2)]

    assert [reply.body for reply in replies] == [body, body]
    assert [reply.status // 100 for reply in replies] == [2, 2]
    assert heard.count(b"connected") == 1


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_an_answer_without_a_length_ends_with_its_connection(version):
    answer = status("200 OK", body="fine").replace(b"1.1", version.encode())
    async with saying(answer, closing=True) as (url, _), client_of() as client:
        assert (await get(client, url)).body == b"fine"


async def test_an_answer_that_breaks_off_is_none():
    answer = status("200 OK", "Content-Length: 5", body="fine")
    async with saying(answer, closing=True) as (url, heard), client_of() as client:
        with pytest.raises(Unreachable, match="within the answer"):
            await get(client, url)

    assert heard.count(b"connected") == 1


async def test_an_answer_that_nobody_asked_for_is_never_taken_for_one():
    """Else a server could answer for another request, or a late answer be given to the next."""
    async with saying(fine_of("mine") + fine_of("smuggled")) as (url, heard), client_of() as client:
        assert [(await get(client, url)).body for _ in range(2)] == [b"mine"] * 2

    assert heard.count(b"connected") == 2


async def test_a_connection_whose_answer_was_not_waited_for_is_closed():
    async with saying(b"", fine_of("late")) as (url, heard), client_of() as client:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await get(client, url, seconds=0.05)
            await asyncio.wait_for(heard.gone.acquire(), 5)

    assert heard.count(b"connected") == 2


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.9\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"]
)
async def test_what_is_no_answer_is_unreachable(answer):
    async with saying(answer) as (url, _), client_of() as client:
        with pytest.raises(Unreachable, match=r"no HTTP/1\.1"):
            await get(client, url)


@pytest.mark.parametrize(
    "answer",
    [
        status("200 OK", "X: " + "x" * 70_000),
        status("200 OK", *(f"X-{number}: {number}" for number in range(10_000))),
        status("100 Continue") * 4_000,
        status("200 OK", "Transfer-Encoding: chunked", body="1\r\na\r\n0\r\nX: " + "x" * 80_000),
    ],
    ids=["one", "many", "interim", "trailers"],
)
async def test_headers_without_end_are_given_up(answer):
    async with saying(answer) as (url, _), client_of() as client:
        with pytest.raises(Unreachable, match="headers of the answer are longer"):
            await get(client, url)


@pytest.mark.parametrize(
    "headers",
    [
        {"X": "a\r\nHost: inside"},
        {"X": "a\nb"},
        {"X": "\0"},
        {"X\r\nY": "a"},
        {"X y": "a"},
        {"": "a"},
        {"Host": "inside"},
        {"Content-Length": "0"},
        {"transfer-encoding": "chunked"},
    ],
)
async def test_no_header_makes_another_request(headers):
    async with saying(fine_of("fine")) as (url, heard), client_of() as client:
        with pytest.raises(ValueError, match="header"):
            await get(client, url, headers=headers)

    assert heard == []


async def test_what_is_sent_is_one_plain_request():
    async with saying(fine_of("fine")) as (url, heard), client_of() as client:
        await client.send(
            "POST", f"{url}a/b?c=d%20e", headers={"Accept": "text/plain", "X-Y": "z"}, body=b"1", seconds=5
        )

    host = url.removeprefix("http://").rstrip("/")
    assert heard[1].decode().split("\r\n") == [
        "POST /a/b?c=d%20e HTTP/1.1",
        f"host: {host}",
        "accept: text/plain",
        "accept-encoding: identity",
        "user-agent: adjudge",
        "x-y: z",
        "content-length: 1",
        "",
        "",
    ]


async def test_of_several_addresses_one_that_is_silent_or_closed_keeps_nobody_waiting():
    """A name often has an address of a family that leads nowhere."""
    silent = socket.socket()
    silent.bind(("127.0.0.3", 0))
    silent.listen(0)
    port = silent.getsockname()[1]
    callers = [socket.socket() for _ in range(4)]
    for caller in callers:  # its backlog is full: further callers hear nothing
        caller.setblocking(False)
        caller.connect_ex(("127.0.0.3", port))
    runner = web.ServerRunner(web.Server(fine), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.5", port).start()
    everywhere = parse_permitted("127.0.0.0/8")
    try:
        async with client_of(everywhere, ["127.0.0.3", "127.0.0.4", "127.0.0.5"]) as client:
            assert (await get(client, f"http://several.test:{port}/", seconds=3)).status == 200
    finally:
        await runner.cleanup()
        for each in (silent, *callers):
            each.close()


async def test_a_certificate_counts_for_its_name_and_if_somebody_known_signed_it(tmp_path, monkeypatch):
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificate with openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    curve = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN=told.test"
    made = ["openssl", *curve.split(), "-addext", "subjectAltName=DNS:told.test", "-keyout", key, "-out", certificate]
    await asyncio.to_thread(subprocess.run, made, check=True, capture_output=True, timeout=30)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    runner = web.ServerRunner(web.Server(fine), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    try:
        async with client_of(LOOPBACK, ["127.0.0.1"]) as client:
            with pytest.raises(Unreachable, match="certificate"):
                await get(client, f"https://told.test:{port}/")
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            dialling.trusted.cache_clear()
            assert (await get(client, f"https://told.test:{port}/")).body == b"fine"
            with pytest.raises(Unreachable, match=r"other\.test"):
                await get(client, f"https://other.test:{port}/")
    finally:
        dialling.trusted.cache_clear()
        await runner.cleanup()


async def test_connections_are_kept_for_a_while_and_then_closed():
    async with saying(fine_of("fine"), fine_of("fine")) as (url, heard), client_of() as client:
        await asyncio.gather(*(get(client, url) for _ in range(3)))
        await asyncio.gather(*(get(client, url) for _ in range(3)))
        assert heard.count(b"connected") == 3
        client.close_old(asyncio.get_running_loop().time() + 1)
        async with asyncio.timeout(5):
            for _ in range(3):
                await heard.gone.acquire()

        await get(client, url)

    assert heard.count(b"connected") == 4
