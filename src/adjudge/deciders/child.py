"""A model in a process of its own: loads one function and answers calls. `leash` begins and ends it."""

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import BinaryIO

from adjudge.deciders import frames
from adjudge.deciders.frames import Failure, Ready, Reply, Results, Unfit
from adjudge.deciders.functions import Function, Garbled, Raised, Unusable, load
from adjudge.deciders.leash import Inbox
from adjudge.deciders.questions import Question


def serve(inbox: Inbox, up: BinaryIO) -> None:
    """Load what the first message names, then answer each of the others; return where it is unusable."""
    orders = frames.read_orders(inbox.get())
    sys.path[:] = orders.path
    os.nice(orders.niceness)
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


def _reply(function: Function, questions: Sequence[Question], runner: asyncio.Runner) -> Reply:
    try:
        results = runner.run(function.ask_async(questions)) if function.is_async else function.ask(questions)
    except (Raised, Garbled) as error:
        return Failure(str(error), error.recorded, isinstance(error, Garbled))
    return Results([frames.portable(result) for result in results])
