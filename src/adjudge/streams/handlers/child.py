"""A process that runs one sync handler for its worker, and ends with it.

Started by `processes`. The pipes to the worker are moved away from standard input and output, so that a handler may
print. A thread reads them and ends the process when they are closed, even in the middle of a call.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from queue import SimpleQueue
from typing import Any, BinaryIO

import msgspec

from adjudge.streams.handlers import crossing
from adjudge.streams.handlers.contexts import BatchContext, Context
from adjudge.streams.handlers.crossing import HEAD, Call, Orders, Progress, Ready, Spoken
from adjudge.streams.messages import Message
from adjudge.streams.results import is_asked
from adjudge.streams.tasks import Task

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve the worker whose process id is the only argument."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):  # it died before we asked
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to all processes of a group: the worker's affair alone
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which what a handler starts would inherit
    down, up = _own_pipes()
    inbox: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_receive, args=(down, inbox), daemon=True).start()
    try:
        task = load(crossing.read_orders(inbox.get()))
    except Exception as error:  # whatever a module does when it is imported
        up.write(crossing.frame(Ready(f"{type(error).__name__}: {error}")))
        return
    up.write(crossing.frame(Ready()))
    while True:
        up.write(crossing.frame(answer(task, crossing.read_call(inbox.get()), up.write)))


def load(orders: Orders) -> Task[Any, Any]:
    """The task of this name. Raises whatever its module raises."""
    sys.path[:] = orders.path
    found = attrgetter(orders.name)(import_module(orders.module))
    if not isinstance(found, Task):
        raise TypeError(f"{orders.module}:{orders.name} is no handler of an App")
    return found


def answer(task: Task[Any, Any], call: Call, write: Callable[[bytes], Any]) -> Spoken:
    """Decode, call the function, encode."""
    errors: dict[str, bytes] = {}
    taken, values = [], []
    for message in call.messages:
        try:
            values.append(task.takes.decode(message.body))
            taken.append(message)
        except BaseException as error:  # a validator of the user's may raise anything
            errors[message.id] = crossing.packed(error)
    if not taken:
        return Spoken(errors, {})
    contexts = _contexts(call, taken, write)
    try:
        answers = _batch(task, taken, values, contexts, errors) if task.shape.is_batch else _one(task, values, contexts)
    except BaseException as error:  # whatever a handler raises is its answer about these messages
        return Spoken({**errors, **dict.fromkeys((message.id for message in taken), crossing.packed(error))}, {})
    told = {m.id: task.answers.encode(a) for m, a in zip(taken, answers, strict=True) if is_asked(m)}
    return Spoken(errors, {message_id: each for message_id, each in told.items() if message_id not in errors})


def _one(task: Task[Any, Any], values: list[Any], contexts: list[Context]) -> list[Any]:
    return [task.function(values[0], contexts[0]) if task.shape.wants_context else task.function(values[0])]


def _batch(
    task: Task[Any, Any], taken: list[Message], values: list[Any], contexts: list[Context], errors: dict[str, bytes]
) -> list[Any]:
    context = BatchContext(contexts, None)
    answers = task.function(values, context) if task.shape.wants_context else task.function(values)
    errors |= {taken[place].id: crossing.packed(error) for place, error in context.errors.items()}
    return [None] * len(taken) if answers is None else list(answers)


def _contexts(call: Call, taken: list[Message], write: Callable[[bytes], Any]) -> list[Context]:
    began, places = time.monotonic(), {message.id: place for place, message in enumerate(call.messages)}

    def now() -> float:
        return call.server_now + time.monotonic() - began

    def progress(message: Message, value: Any) -> None:
        if is_asked(message):
            write(crossing.frame(Progress(places[message.id], msgspec.json.encode(value))))

    return [Context(message, None, now, progress) for message in taken]


def _receive(down: BinaryIO, inbox: "SimpleQueue[bytes]") -> None:
    while len(head := down.read(HEAD.size)) == HEAD.size:
        inbox.put(down.read(HEAD.unpack(head)[0]))
    os._exit(0)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    down = os.fdopen(os.dup(0), "rb")
    up = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return down, up


if __name__ == "__main__":
    main()
