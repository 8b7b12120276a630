"""The pages about streams, run as they stand: a page that lies fails here.

How-tos run on the broker in memory: blocks in order, in one namespace, each that awaits beside a worker of the
page's app, which has drained when the block has ended. A `text` block is what was printed since the last one.
The tutorial runs on a real server, with the program that its reader starts.
"""

import ast
import asyncio
import inspect
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import pytest

from adjudge.streams.testing import simulated
from adjudge.streams.testing.server import BORN

DOCS = Path(__file__).parents[3] / "docs"
HOW_TOS = ["retry", "batch", "order-and-limits", "delay-and-schedule", "results"]
TUTORIAL = DOCS / "tutorial" / "first_worker.md"
PROGRAMS = Path(sys.executable).parent


class Block(NamedTuple):
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name in the first line of a block that is a file."""
        named = re.match(r"# ([\w/]+\.py)\n", self.text)
        return named[1] if named else None


@pytest.mark.parametrize("topic", HOW_TOS)
def test_a_how_to_prints_what_it_says(topic, capsys):
    simulated(lambda simulation: told(simulation, f"how-to/streams-{topic}.md", capsys))


def test_the_schedules_of_the_how_to_tick(capsys):
    """The simulated clock begins on Sunday 15 June 2025, 15:06:40 UTC."""
    page = {"__name__": "page"}
    for block in blocks_of(DOCS / "how-to" / "streams-delay-and-schedule.md"):
        if block.language == "python" and not awaits(compiled(block)):
            exec(compiled(block), page)

    async def story(simulation):
        async with simulation.working(page["app"]):
            await simulation.advance(600)

    simulated(story)

    assert capsys.readouterr().out == "15:15 sweep\n"
    assert next_run(page["close_books"]) == "Mon 2025-06-16 15:30 UTC"
    assert next_run(page["remind"]) == "Sun 2025-06-15 16:00 UTC"


def test_the_tests_of_the_how_to_pass(tmp_path):
    """Run as their reader runs them."""
    for block in blocks_of(DOCS / "how-to" / "streams-test.md"):
        assert block.file
        (tmp_path / block.file).write_text(block.text)

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.returncode == 0, ended.stdout
    assert "3 passed" in ended.stdout


async def told(simulation: Any, path: str, capsys: Any) -> None:
    page: dict[str, Any] = {"__name__": "page"}
    for block in blocks_of(DOCS / path):
        if block.language == "text":
            assert capsys.readouterr().out == block.text
            continue
        assert block.language == "python"
        code = compiled(block)
        if awaits(code):
            async with simulation.working(page["app"]):
                await eval(code, page)
                await simulation.drained(page["app"])
        else:
            exec(code, page)


def blocks_of(page: Path) -> list[Block]:
    return [Block(*found) for found in re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)]


def compiled(block: Block) -> CodeType:
    return compile(block.text, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def awaits(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)


def next_run(task: Any) -> str:
    (schedule,) = task.options.schedules
    return time.strftime("%a %Y-%m-%d %H:%M UTC", time.gmtime(schedule.when.following(int(BORN * 1000)) / 1000))
