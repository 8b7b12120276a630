"""A model in a process of its own: loads one function and answers calls. `leash` begins and ends it."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from adjudge.deciders import frames
from adjudge.deciders.frames import Failure, Ready, Reply, Results, Unfit
from adjudge.deciders.functions import Function, Garbled, Raised, Unusable, load
from adjudge.deciders.leash import Inbox
from adjudge.deciders.questions import Question

AUTOGROUP: Final = Path("/proc/self/autogroup")
AUTOGROUP_TRIES: Final = 30


def serve(inbox: Inbox, up: BinaryIO) -> None:
    """Load what the first message names, then answer each of the others; return where it is unusable."""
    orders = frames.read_orders(inbox.get())
    sys.path[:] = orders.path
    if orders.niceness:
        _stand_back(orders.niceness)
    try:
        function = load(orders.python, orders.settings)
    except Unusable as error:
        up.write(frames.write_up(Unfit(str(error))))
        return
    up.write(frames.write_up(Ready(function.is_single)))
    with asyncio.Runner() as runner:
        while True:
            reply = _reply(function, frames.read_questions(inbox.get()), runner)
            up.write(frames.write_up(reply, orders.largest))


def _stand_back(niceness: int) -> None:
    """Be less urgent than other processes.

    With autogroups, Linux counts niceness only within a session, and this process leads one: the session has its own.
    """
    os.nice(niceness)
    for _ in range(AUTOGROUP_TRIES):
        try:
            AUTOGROUP.write_text(str(niceness), encoding="ascii")
        except BlockingIOError:  # whoever is not root changes ten a second, on the whole machine
            time.sleep(0.1)
        except OSError:  # no autogroups here
            return
        else:
            return


def _reply(function: Function, questions: Sequence[Question], runner: asyncio.Runner) -> Reply:
    try:
        results = runner.run(function.ask_async(questions)) if function.is_async else function.ask(questions)
    except (Raised, Garbled) as error:
        return Failure(str(error), error.recorded, isinstance(error, Garbled))
    return Results([frames.portable(result) for result in results])
