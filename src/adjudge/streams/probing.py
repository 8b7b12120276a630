"""Probes over HTTP for one process: `/livez`, and `/metrics` where there are any. No web framework."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

_SECONDS = 5.0
_LONGEST_LINE = 8192

Page = Callable[[], tuple[int, str]]
"""Status and text."""


@asynccontextmanager
async def probes(host: str, port: int, pages: Mapping[str, Page]) -> AsyncIterator[int]:
    """Serve these paths for the length of a block; yields the port. Raises OSError when it is taken."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                path = _path(await reader.readline())
                while (await reader.readline()).strip():
                    pass
                writer.write(_answer(*(pages[path]() if path in pages else (404, f"no such page: {path}"))))
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

    def page() -> tuple[int, str]:
        reason = trouble()
        return (503, reason) if reason else (200, "ok")

    return page


def _path(line: bytes) -> str:
    words = line.decode("latin-1").split()
    return words[1].partition("?")[0] if len(words) > 1 else ""


def _answer(status: int, text: str) -> bytes:
    body = text.encode() + (b"" if text.endswith("\n") else b"\n")
    reason = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[status]
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body
