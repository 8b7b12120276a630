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
import threading
import time
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
    return [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)]


def compiled(block: Block) -> CodeType:
    return compile(block.text, "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def awaits(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)


def next_run(task: Any) -> str:
    (schedule,) = task.options.schedules
    return time.strftime("%a %Y-%m-%d %H:%M UTC", time.gmtime(schedule.when.following(int(BORN * 1000)) / 1000))


async def test_the_first_worker_goes_as_the_tutorial_says(redis_url, tmp_path):
    """In order; what varies from run to run, ids and times, is compared in shape."""
    await asyncio.to_thread(follow_the_tutorial, redis_url, tmp_path)


def follow_the_tutorial(redis_url: str, folder: Path) -> None:
    environment = {**os.environ, "REDIS_URL": redis_url, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    worker = None
    for block in blocks_of(TUTORIAL):
        if block.file:
            (folder / block.file).write_text(block.text)
        elif block.language == "text":
            assert worker
            if "stopped" in block.text:
                worker.process.send_signal(signal.SIGINT)
            for line in block.text.splitlines():
                worker.until(line)
        else:
            worker = typed(block, worker, folder, environment)
    assert worker
    assert worker.process.wait(timeout=20) == 0


def typed(block: Block, worker: "Terminal | None", folder: Path, environment: dict[str, str]) -> "Terminal | None":
    """Do what a block of commands says; return the worker that runs now."""
    for command, shown in commands_of(block):
        if command.startswith("export "):
            continue
        if command.startswith("adjudge streams run"):
            worker = Terminal(folder, environment)
            worker.until(shown)
        elif command.startswith("pkill"):  # by its id, so that nobody else's worker dies
            assert worker
            time.sleep(0.5)  # the handler takes three seconds, the worker must be at it
            worker.process.kill()
            worker = Terminal(folder, environment)
        else:
            eventually(command, shown, folder, environment)
    return worker


def eventually(command: str, shown: str, folder: Path, environment: dict[str, str]) -> None:
    """Only `dead` needs another look: tries take a moment."""
    until = time.monotonic() + 20
    while True:
        ended = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        )
        if re.fullmatch(shape(shown), ended.stdout) or time.monotonic() > until or " dead " not in command:
            break
        time.sleep(0.1)
    assert re.fullmatch(shape(shown), ended.stdout), f"{command} printed {ended.stdout!r}, not {shown!r}"


class Terminal:
    """The second one, in which the worker runs."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["adjudge", "streams", "run", "tasks:app"],
            executable=PROGRAMS / "adjudge",
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._ended_early = threading.Timer(60, self.process.kill)
        self._ended_early.daemon = True
        self._ended_early.start()

    def until(self, line: str) -> None:
        """Read on to this line; a worker that is silent for a minute is ended, and then there is none."""
        assert self.process.stdout
        read = []
        for each in self.process.stdout:
            read.append(each.rstrip())
            if read[-1] == line.rstrip():
                return
        raise AssertionError(f"the worker did not write {line!r} but {read}")


def commands_of(block: Block) -> list[tuple[str, str]]:
    """Each command of a block, with what it prints."""
    return [(found[0], found[1]) for found in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE)]


def shape(shown: str) -> str:
    """Figures and the width of columns vary."""
    return re.sub(r"(?:\\ )+", r"\\s+", re.sub(r"\d+", r"\\d+", re.escape(shown)))
