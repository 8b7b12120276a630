"""Looks names up in threads of its own, so that a name which no server answers for holds up nobody else.

The event loop's own executor has a handful of threads for the whole process. Look-ups of one receiver's dead name
would occupy all of them, and every other receiver and model server would wait behind it.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

AT_ONCE: Final = 64
"""Names that are looked up at a time; each is a thread, and may last as long as the system's resolver has patience."""

MOST_THREADS: Final = 256
"""Of a process, however many clients it opens; beyond them a name is not found."""
_THREADS: Final = threading.BoundedSemaphore(MOST_THREADS)

_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV

LookUp: TypeAlias = Callable[..., Sequence[tuple[Any, ...]]]
"""As `socket.getaddrinfo`."""


class _Wanted(NamedTuple):
    host: str
    port: int
    family: int


class Names(AbstractResolver):
    """Looks names up afresh; who wants one while it is being looked up waits for that."""

    def __init__(self, look_up: LookUp = socket.getaddrinfo) -> None:
        self._look_up = look_up
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[_Wanted, asyncio.Task[list[ResolveResult]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses. Raises OSError, also for what can be no name."""
        wanted = _Wanted(host, port, family)
        found = self._under_way.get(wanted)
        if found is None:
            found = self._under_way[wanted] = asyncio.create_task(self._found(wanted), name="look-up")
            found.add_done_callback(lambda ended: self._ended(wanted, ended))
        return await asyncio.shield(found)  # whoever gives up leaves it to the others

    async def close(self) -> None:
        """Leave behind what is under way: no thread can be stopped, and none keeps the process."""
        for task in [*self._under_way.values()]:
            task.cancel()

    async def _found(self, wanted: _Wanted) -> list[ResolveResult]:
        async with self._turns:
            return await _aside(lambda: _results(wanted, self._look_up))

    def _ended(self, wanted: _Wanted, ended: "asyncio.Task[list[ResolveResult]]") -> None:
        del self._under_way[wanted]
        if not ended.cancelled():
            ended.exception()  # all who waited may have gone


def _results(wanted: _Wanted, look_up: LookUp) -> list[ResolveResult]:
    try:
        found = look_up(
            wanted.host, wanted.port, family=wanted.family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
    except UnicodeError:  # an empty label, or one of more than 63 characters
        raise OSError(f"`{wanted.host}` can be no name") from None
    return [
        ResolveResult(
            hostname=wanted.host, host=_numeric(address), port=wanted.port, family=family, proto=proto, flags=_NUMERIC
        )
        for family, _, proto, _, address in found
    ]


def _numeric(address: tuple[Any, ...]) -> str:
    """Return the address as text, with its interface where it is link-local."""
    has_interface = len(address) > 3 and address[3]
    return str(
        socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0] if has_interface else address[0]
    )


def _aside(act: Callable[[], list[ResolveResult]]) -> "asyncio.Future[list[ResolveResult]]":
    """Run it in a thread that may be left behind; those of executors keep a process from ending. Raises OSError."""
    threads = _THREADS
    if not threads.acquire(blocking=False):
        raise OSError("too many names are being looked up")
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[ResolveResult]] = loop.create_future()

    def settle(set_: Callable[[Any], None], value: object) -> None:
        if not future.done():
            set_(value)

    def run() -> None:
        tell: tuple[Callable[[Any], None], object]
        try:
            tell = future.set_result, act()
        except Exception as error:
            tell = future.set_exception, error
        finally:
            threads.release()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, *tell)

    threading.Thread(target=run, name="look-up", daemon=True).start()
    return future
