"""Probes over HTTP."""

import asyncio

from adjudge.streams.probing import livez, probes


async def get(port: int, request: bytes) -> bytes:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer


async def test_the_reason_for_a_replacement_is_said_with_503():
    trouble = None
    async with probes("127.0.0.1", 0, {"/livez": livez(lambda: trouble)}) as port:
        well = await get(port, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        trouble = "nothing was handled for 61 s"
        ill = await get(port, b"GET /livez?verbose HTTP/1.1\r\n\r\n")

    assert well.startswith(b"HTTP/1.1 200 OK\r\n")
    assert well.endswith(b"\r\n\r\nok\n")
    assert ill.startswith(b"HTTP/1.1 503 ")
    assert b"nothing was handled for 61 s" in ill


async def test_only_the_head_of_a_page_is_given_to_whoever_asks_for_that():
    async with probes("127.0.0.1", 0, {"/livez": livez(lambda: None)}) as port:
        answer = await get(port, b"HEAD /livez HTTP/1.1\r\n\r\n")

    assert answer.endswith(b"Content-Length: 3\r\nConnection: close\r\n\r\n")


async def test_other_pages_are_not_found_and_nonsense_ends_nobody():
    async with probes("127.0.0.1", 0, {}) as port:
        assert await get(port, b"x" * 20_000 + b"\n") == b""
        assert (await get(port, b"\r\n\r\n")).startswith(b"HTTP/1.1 404")
        assert (await get(port, b"GET /nowhere HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 404")
