"""What handlers raise, as something that can be said about a message."""

import asyncio

from adjudge.streams.signals import Escaped


def as_exception(error: BaseException) -> Exception:
    """The error as a message's failure; an order to end the task is passed on instead.

    SystemExit and its like would take down a worker that has done nothing wrong. A cancellation counts as the
    handler's own when nobody asked this task to end.
    """
    if isinstance(error, Exception):
        return error
    if isinstance(error, GeneratorExit) or (isinstance(error, asyncio.CancelledError) and _is_to_end()):
        raise error
    return Escaped(error)


def _is_to_end() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
