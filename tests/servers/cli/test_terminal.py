"""The terminal as it is: keys without Enter on a real pseudo-terminal, lines from a real pipe."""

import asyncio
import io
import os
import pty
import termios
import threading

import pytest

from adjudge.cli.reviewing.terminal import Screen, keys, lines


@pytest.fixture
def terminal():
    """The person's end and the program's end."""
    person, program = pty.openpty()
    yield person, program
    os.close(person)
    os.close(program)


@pytest.fixture
def pipe():
    program, person = os.pipe()
    yield person, program
    os.close(program)


async def typed(queue: asyncio.Queue[str | None]) -> str | None:
    async with asyncio.timeout(5):
        return await queue.get()


async def test_a_key_counts_without_enter(terminal):
    person, program = terminal
    pressed: asyncio.Queue[str | None] = asyncio.Queue()

    with keys(asyncio.get_running_loop(), program, pressed.put_nowait):
        os.write(person, b"2")

        assert await typed(pressed) == "2"


async def test_an_arrow_key_is_no_answer(terminal):
    person, program = terminal
    pressed: asyncio.Queue[str | None] = asyncio.Queue()

    with keys(asyncio.get_running_loop(), program, pressed.put_nowait):
        os.write(person, b"\x1b[A\x1bOB1")

        assert await typed(pressed) == "1"


async def test_a_character_may_come_in_two_pieces(terminal):
    """A long text that is pasted is read in pieces, which end anywhere."""
    person, program = terminal
    pressed: asyncio.Queue[str | None] = asyncio.Queue()

    with keys(asyncio.get_running_loop(), program, pressed.put_nowait):
        os.write(person, b"a\xc3")
        assert await typed(pressed) == "a"
        os.write(person, b"\xa9")

        assert await typed(pressed) == "é"


async def test_the_terminal_is_as_it_was_afterwards(terminal):
    _, program = terminal
    before = termios.tcgetattr(program)

    with keys(asyncio.get_running_loop(), program, lambda _: None):
        assert termios.tcgetattr(program) != before

    assert termios.tcgetattr(program) == before


async def test_the_end_of_a_pipe_is_the_end_of_input(pipe):
    person, program = pipe
    put: asyncio.Queue[str | None] = asyncio.Queue()
    wanted = threading.Semaphore(2)

    with lines(asyncio.get_running_loop(), program, put.put_nowait, wanted):
        os.write(person, b"refuse\nq")
        os.close(person)

        assert [await typed(put), await typed(put), await typed(put)] == ["refuse", "q", None]


class Asked(threading.Semaphore):
    """A semaphore that tells when somebody has come to it."""

    def __init__(self) -> None:
        super().__init__(0)
        self.came = threading.Event()

    def acquire(self, *args, **kwargs) -> bool:
        self.came.set()
        return super().acquire(*args, **kwargs)


async def test_a_line_waits_until_it_is_wanted(pipe):
    person, program = pipe
    put: asyncio.Queue[str | None] = asyncio.Queue()
    wanted = Asked()

    with lines(asyncio.get_running_loop(), program, put.put_nowait, wanted):
        os.write(person, b"1\n")
        os.close(person)
        assert await asyncio.to_thread(wanted.came.wait, 5)
        assert put.empty()
        wanted.release()

        assert await typed(put) == "1"


def test_a_message_leaves_the_prompt_below_it():
    stream = io.StringIO()
    screen = Screen(stream)

    screen.ask("pay? > ")
    screen.echo("1")
    screen.say("the lease has ended")

    assert stream.getvalue() == "pay? > 1\nthe lease has ended\npay? > 1"


def test_what_is_deleted_disappears():
    stream = io.StringIO()
    screen = Screen(stream)

    screen.ask("> ")
    screen.echo("12")
    screen.echo("1")
    screen.end("1")

    assert stream.getvalue() == "> 12\b \b\n"


@pytest.mark.parametrize(
    ("columns", "prompt", "before", "after", "written"),
    [
        (80, "> ", "日本", "日", "\r\x1b[J> 日"),
        (80, "é > ", "12", "1", "\b \b"),
        (80, "> ", "cafe\u0301", "cafe", "\r\x1b[J> cafe"),
        (10, "claim > ", "123", "12", "\x1b[1A\r\x1b[Jclaim > 12"),
        (10, "claim > ", "12", "1", "\b \b"),  # the cursor waits in the last cell
        (9, "日日 > ", "日1", "日", "\x1b[1A\r\x1b[J日日 > 日"),
    ],
)
def test_what_is_deleted_disappears_however_wide_it_was(columns, prompt, before, after, written):
    stream = io.StringIO()
    screen = Screen(stream, columns=lambda: columns)
    screen.ask(prompt)
    screen.echo(before)

    screen.echo(after)

    assert stream.getvalue() == prompt + before + written
