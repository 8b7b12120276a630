"""Probes over HTTP for one process: `/livez`, and `/metrics` where there are any. No web framework."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

_SECONDS = 5.0
_LONGEST_LINE = 8192


class Answer(NamedTuple):
    """What a page says."""

    status: int
    text: str
    media: str = "text/plain; charset=utf-8"


Page = Callable[[], Awaitable[Answer]]


@asynccontextmanager
async def probes(host: str, port: int, pages: Mapping[str, Page]) -> AsyncIterator[int]:
    """Serve these paths for the length of a block; yields the port. Raises OSError when it is taken."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                method, path = _asked(await reader.readline())
                while (await reader.readline()).strip():
                    pass
                page = pages.get(path)
                head, body = _encoded(await page() if page else Answer(404, f"no such page: {path}"))
                writer.write(head if method == "HEAD" else head + body)
                await writer.drain()
        except (OSError, ValueError, TimeoutError):
            return  # whoever asked has gone, or sends what is no request
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, port, limit=_LONGEST_LINE)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def livez(trouble: Callable[[], str | None]) -> Page:
    """Alive until there is trouble, which is then the text."""

    async def page() -> Answer:
        reason = trouble()
        return Answer(503, reason) if reason else Answer(200, "ok")

    return page


def _asked(line: bytes) -> tuple[str, str]:
    method, path, *_ = [*line.decode("latin-1").split(), "", ""]
    return method, path.partition("?")[0]


def _encoded(answer: Answer) -> tuple[bytes, bytes]:
    """Return head and body."""
    body = answer.text.encode() + (b"" if answer.text.endswith("\n") else b"\n")
    reason = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[answer.status]
    head = f"HTTP/1.1 {answer.status} {reason}\r\nContent-Type: {answer.media}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode(), body
