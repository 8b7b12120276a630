"""What a process holds compiled: a revision that comes while it serves is compiled in slices, and only while wanted."""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from adjudge.config import Configuration, compile_documents
from adjudge.config.documents.pausing import Pause, no_pause
from adjudge.engine.configuration.revisions import Revisions
from adjudge.engine.giving_way import NotWanted

EMPTY = compile_documents({}, base=Path("/project"))


async def test_a_revision_that_is_not_wanted_any_longer_is_not_compiled_to_the_end() -> None:
    """A process that ends while it takes one over ends at once."""
    begun, ended, over = asyncio.Event(), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def endless(documents: Mapping[str, str], number: int, pause: Pause = no_pause) -> Configuration:
        loop.call_soon_threadsafe(begun.set)
        try:
            while not over.is_set():
                pause()
        except NotWanted:
            loop.call_soon_threadsafe(ended.set)
            raise

    held = Revisions(EMPTY, endless)
    async with asyncio.timeout(10):
        compiling = asyncio.create_task(held.compiled_aside({"a.yaml": "types: {}"}, 2))
        await begun.wait()
        compiling.cancel()
        try:
            await ended.wait()
        finally:
            over.set()
    assert held.held == (EMPTY,)


class Compiler:
    """Compiles to nothing, once it may; counts."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.may_end = threading.Event()

    def __call__(self, documents: Mapping[str, str], number: int, pause: Pause = no_pause) -> Configuration:
        self.begun.append(number)
        while not self.may_end.wait(0.001):
            pause()
        return replace(EMPTY, documents=documents, revision=number)


async def test_a_revision_that_several_wait_for_is_compiled_once() -> None:
    """It is taken over while decisions that began under it elsewhere come in."""
    compiler, documents = Compiler(), {"a.yaml": "types: {}"}
    held = Revisions(EMPTY, compiler)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        waiting = [group.create_task(held.compiled_aside(dict(documents), 2)) for _ in range(3)]
        while not compiler.begun:
            await asyncio.sleep(0)
        compiler.may_end.set()

    assert compiler.begun == [2]
    assert [each.result().revision for each in waiting] == [2, 2, 2]


async def test_whoever_still_waits_compiles_where_the_first_gave_up() -> None:
    compiler, documents = Compiler(), {"a.yaml": "types: {}"}
    held = Revisions(EMPTY, compiler)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        first = group.create_task(held.compiled_aside(documents, 2))
        while not compiler.begun:
            await asyncio.sleep(0)
        second = group.create_task(held.compiled_aside(documents, 3))
        await asyncio.sleep(0)
        first.cancel()
        while len(compiler.begun) < 2:
            await asyncio.sleep(0)
        compiler.may_end.set()

    assert second.result().revision == 3


async def test_another_revision_does_not_wait() -> None:
    """A draft that is checked holds up nothing that is published."""
    compiler = Compiler()
    held = Revisions(EMPTY, compiler)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for number in (2, 3):
            group.create_task(held.compiled_aside({"a.yaml": f"# {number}"}, number))
        while len(compiler.begun) < 2:
            await asyncio.sleep(0)
        compiler.may_end.set()
