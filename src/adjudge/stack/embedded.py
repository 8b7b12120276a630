"""PostgreSQL and Valkey for development and single machines, in a folder of the project's own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from adjudge.stack.disks import disk_watched
from adjudge.stack.errors import StackError, file_errors
from adjudge.stack.folders import Layout, held, laid_out, rotate
from adjudge.stack.identity import installation
from adjudge.stack.postgres import postgres_program
from adjudge.stack.restarts import delay_after, described
from adjudge.stack.server import Program, Server
from adjudge.stack.tasks import cancelled
from adjudge.stack.valkey import valkey_program

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """How to reach what was started; None for what was not asked for."""

    database_url: str | None
    redis_url: str | None
    postgres_version: str | None
    valkey_version: str | None


@asynccontextmanager
async def embedded(
    folder: Path,
    *,
    postgres: bool = True,
    valkey: bool = True,
    report: Callable[[str], None],
    start_timeout: float = 60.0,
    stop_timeout: float = 15.0,
) -> AsyncIterator[Servers]:
    """Run the servers asked for, with their data in `folder`, as long as the context lasts.

    They answer when it is entered, are stopped in order when it is left, and end with this process
    however that ends; one that ends by itself is started again. Time-outs are in seconds, per server.
    Raises StackError when one cannot be started; none is left running then.
    """
    async with AsyncExitStack() as stack:

        async def run(program: Program) -> Server:
            server = Server(program, start_timeout=start_timeout, stop_timeout=stop_timeout)
            stack.push_async_callback(server.stop)
            await server.start()
            report(f"{program.name} {server.version} runs in {program.home}")
            await stack.enter_async_context(_kept_running(server, report))
            return server

        async def run_postgres() -> Server:
            return await run(await _postgres(layout, report))

        async def run_valkey() -> Server:
            return await run(valkey_program(layout))

        with file_errors(folder):
            layout = laid_out(folder)
            stack.enter_context(held(layout))
            rotate(layout)
            truth, transport = await _both(
                run_postgres() if postgres else _nothing(), run_valkey() if valkey else _nothing()
            )
        await stack.enter_async_context(disk_watched(layout.folder, report))
        yield Servers(
            database_url=truth.url if truth else None,
            redis_url=transport.url if transport else None,
            postgres_version=truth.version if truth else None,
            valkey_version=transport.version if transport else None,
        )


async def _both(truth: Awaitable[T], transport: Awaitable[T]) -> tuple[T, T]:
    """Await both at once; of two errors the first one's is raised, once the other has ended too."""
    first, second = await asyncio.gather(truth, transport, return_exceptions=True)
    for each in (first, second):
        if isinstance(each, BaseException):
            raise each
    return first, second  # type: ignore[return-value]


async def _nothing() -> None:
    """Start no server."""


async def _postgres(layout: Layout, report: Callable[[str], None]) -> Program:
    if not layout.postgres.exists():
        report(f"first start: making PostgreSQL's data folder {layout.postgres}")
    return await postgres_program(layout, await installation(layout))


@asynccontextmanager
async def _kept_running(server: Server, report: Callable[[str], None]) -> AsyncIterator[None]:
    keeper = asyncio.create_task(_restart(server, report), name=f"keep {server.name}")
    try:
        yield
    finally:
        await cancelled(keeper)


async def _restart(server: Server, report: Callable[[str], None]) -> None:
    """Start the server again whenever it ends by itself."""
    clock, delay = asyncio.get_running_loop().time, 0.0
    while True:
        started = clock()
        status = await server.ended()
        delay = delay_after(delay, lived_seconds=clock() - started)
        report(f"{server.name} ended by itself ({described(status)}): starting it again in {delay:g} s")
        await asyncio.sleep(delay)
        while not await _started(server, report):
            delay = delay_after(delay, lived_seconds=0)
            await asyncio.sleep(delay)


async def _started(server: Server, report: Callable[[str], None]) -> bool:
    try:
        await server.start()
    except (StackError, OSError) as error:
        report(str(error))
        return False
    report(f"{server.name} {server.version} runs again")
    return True
