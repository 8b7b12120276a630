"""A model in a process of its own: loads one function and answers calls until its worker is gone.

Started by `processes`. The pipes to the worker are moved away from standard input and output, so that
a model may print. A thread reads them, and ends the process at their end, even in the middle of a call;
on Linux the kernel sees to it besides, should the model never let go of the interpreter.
"""

import asyncio
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import BinaryIO, Final

from adjudge.deciders import frames
from adjudge.deciders.frames import Failure, Ready, Reply, Results, Unfit
from adjudge.deciders.functions import Function, Garbled, Raised, Unusable, load
from adjudge.deciders.questions import Question

PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Serve the worker whose process id is the only argument."""
    _die_with(int(sys.argv[1]))
    down, up = _own_pipes()
    inbox: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_receive, args=(down, inbox), daemon=True).start()
    orders = frames.read_orders(inbox.get())
    sys.path[:] = orders.path
    try:
        function = load(orders.python, orders.settings)
    except Unusable as error:
        up.write(frames.write_up(Unfit(str(error))))
        return
    up.write(frames.write_up(Ready(function.is_single)))
    _serve(function, inbox, up)


def _serve(function: Function, inbox: "SimpleQueue[bytes]", up: BinaryIO) -> None:
    with asyncio.Runner() as runner:
        while True:
            up.write(frames.write_up(_reply(function, frames.read_questions(inbox.get()), runner)))


def _reply(function: Function, questions: Sequence[Question], runner: asyncio.Runner) -> Reply:
    try:
        results = runner.run(function.ask_async(questions)) if function.is_async else function.ask(questions)
    except (Raised, Garbled) as error:
        return Failure(str(error), isinstance(error, Garbled))
    return Results([frames.portable(result) for result in results])


def _receive(down: BinaryIO, inbox: "SimpleQueue[bytes]") -> None:
    """Hand on what comes; leave at the end of file: the worker closed the pipe or died."""
    while len(head := down.read(frames.HEAD.size)) == frames.HEAD.size:
        inbox.put(down.read(frames.HEAD.unpack(head)[0]))
    os._exit(0)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    down = os.fdopen(os.dup(0), "rb")
    up = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return down, up


def _die_with(owner: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != owner:  # it died before we asked
        os._exit(0)


if __name__ == "__main__":
    main()
