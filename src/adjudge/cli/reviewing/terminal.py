"""The terminal itself: keys without Enter where there is one, lines where there is none."""

import asyncio
import codecs
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from adjudge.cli.cells import cells, rows_below

Put = Callable[[str | None], None]
"""Takes a key or a line; None is the end of input."""

_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|O.|.)?")
"""What an arrow key sends, say."""


class Screen:
    """Prints around an open prompt."""

    def __init__(self, stream: TextIO, columns: Callable[[], int] = lambda: shutil.get_terminal_size().columns) -> None:
        """`columns` says how wide the terminal is by now."""
        self._stream = stream
        self._columns = columns
        self._prompt = ""
        self._typed = ""

    def ask(self, line: str) -> None:
        """Show a prompt, and leave the cursor behind it."""
        self._close()
        self._prompt, self._typed = line, ""
        self._write(line)

    def echo(self, typed: str) -> None:
        """Show what stands in the prompt's line by now."""
        if typed.startswith(self._typed):
            self._write(typed.removeprefix(self._typed))
        else:
            self._take_back(typed)
        self._typed = typed

    def end(self, typed: str) -> None:
        """Finish the prompt's line."""
        if self._prompt:
            self.echo(typed)
            self._write("\n")
            self._prompt = ""

    def say(self, text: str) -> None:
        """Print a line, and the open prompt again below it."""
        prompt, typed = self._prompt, self._typed
        self._close()
        self._write(f"{text}\n")
        if prompt:
            self.ask(prompt)
            self.echo(typed)

    def _take_back(self, typed: str) -> None:
        """Step back over what was deleted; where it is not of one cell each, or on another row, write all again."""
        rows = rows_below(self._prompt + self._typed, self._columns())
        deleted = self._typed.removeprefix(typed)
        if self._typed.startswith(typed) and not rows and all(cells(letter) == 1 for letter in deleted):
            self._write("\b \b" * len(deleted))
        else:
            self._write((f"\x1b[{rows}A" if rows else "") + f"\r\x1b[J{self._prompt}{typed}")

    def _close(self) -> None:
        if self._prompt:
            self._write("\n")
            self._prompt = ""

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


@contextmanager
def keys(loop: asyncio.AbstractEventLoop, descriptor: int, put: Put) -> Iterator[None]:
    """Put each key as it is pressed; the terminal is as it was afterwards. Ctrl-C stays a signal."""
    import termios  # where there is no termios, input is read by lines
    import tty

    before = termios.tcgetattr(descriptor)
    decode = codecs.getincrementaldecoder("utf-8")(errors="ignore").decode  # a character may come in two pieces

    def read() -> None:
        pressed = os.read(descriptor, 1024)
        if not pressed:
            loop.remove_reader(descriptor)
            put(None)
        for key in _SEQUENCE.sub("", decode(pressed)):
            put(key)

    tty.setcbreak(descriptor, termios.TCSANOW)
    loop.add_reader(descriptor, read)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


@contextmanager
def lines(loop: asyncio.AbstractEventLoop, descriptor: int, put: Put, wanted: threading.Semaphore) -> Iterator[None]:
    """Put a line of a pipe or file for each time that `wanted` is released, and None at its end.

    A thread reads, as files cannot be awaited; it is left behind where it still reads at the end. It
    reads the descriptor, as a buffered stream would hold a lock that the end of the process wants.
    """

    def read() -> None:
        rest = b""
        with suppress(RuntimeError):  # the loop has been closed
            while piece := os.read(descriptor, 65536):
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    pass_on(line)
            if rest:
                pass_on(rest)
            loop.call_soon_threadsafe(put, None)

    def pass_on(line: bytes) -> None:
        wanted.acquire()
        loop.call_soon_threadsafe(put, line.decode(errors="replace"))

    threading.Thread(target=read, name="read lines", daemon=True).start()
    yield


def has_keys() -> bool:
    """Whether standard input is a terminal whose keys can be read one by one."""
    try:
        import termios  # noqa: F401
    except ImportError:
        return False
    return sys.stdin.isatty()
