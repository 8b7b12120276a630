"""Turns whatever a handler raises into a message's failure."""

import asyncio

from adjudge.streams.signals import Escaped


def as_exception(error: BaseException) -> Exception:
    """The error as a message's failure; an order to end the task is passed on instead.

    SystemExit and its like would take down a worker that has done nothing wrong. A cancellation counts as the
    handler's own when nobody asked this task to end, GeneratorExit when a task runs at all: else a coroutine that
    never came to its end is thrown away.
    """
    if isinstance(error, Exception):
        return error
    if isinstance(error, asyncio.CancelledError | GeneratorExit) and _is_to_end(error):
        raise error
    return Escaped(error)


def _is_to_end(error: BaseException) -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs any more
        return True
    return task is None or (isinstance(error, asyncio.CancelledError) and task.cancelling() > 0)
