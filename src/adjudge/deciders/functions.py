"""A user's function: how it is found, and how it is called.

`def f(questions)` is given all questions of a call and returns a result for each, in order.
`def f(question)`, by the name of its first parameter, is given one and returns one result.
Either may be `async def`. Further parameters are the decider's `settings`, by keyword.
A result is a mapping from answer to probability, pairs of the two, or None: it abstains.
"""

import asyncio
import functools
import importlib
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from types import ModuleType
from typing import Any, Final

from adjudge.core.counting import counted
from adjudge.deciders.explaining import explained, named, shown
from adjudge.deciders.questions import Question

LOADING_SECONDS: Final = 120.0
"""A large model's libraries and weights take tens of seconds."""
ONE_QUESTION: Final = "question"
"""A first parameter of this name takes one question at a time."""


class Unusable(Exception):
    """The function cannot be called at all; says which and why."""


class Unanswered(Exception):
    """There is no answer; says why, in words that may be the stranger's and so may quote any question of the call."""

    def __init__(self, detail: str, *, recorded: str = "") -> None:
        """`recorded` is what every decision of the call may keep of it: words that quote nobody."""
        super().__init__(detail)
        self.recorded = recorded


class Raised(Unanswered):
    """The function raised, or its process died. Nothing of the original is kept."""


class Garbled(Unanswered):
    """What the function returned is not one result for each question."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that can be called, with its settings."""

    call: Callable[..., Any]
    settings: Mapping[str, Any]
    is_single: bool
    """It takes one question at a time: a call has one."""
    is_async: bool

    def ask(self, questions: Sequence[Question]) -> list[Any]:
        """Call a plain function. Raises Raised, Garbled, and nothing else: `sys.exit()` is caught."""
        try:
            with _forks_end_here():
                return self._results(self.call(self._asked(questions), **self.settings), len(questions))
        except Garbled:
            raise
        except BaseException as error:
            raise Raised(explained(error), recorded=named(error)) from None

    async def ask_async(self, questions: Sequence[Question]) -> list[Any]:
        """Call an async function. Raises Raised, Garbled, and CancelledError if we were cancelled."""
        try:
            with _forks_end_here():
                return self._results(await self.call(self._asked(questions), **self.settings), len(questions))
        except Garbled:
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise Raised("CancelledError", recorded="CancelledError") from None
        except (Exception, SystemExit) as error:
            raise Raised(explained(error), recorded=named(error)) from None

    def _asked(self, questions: Sequence[Question]) -> Question | Sequence[Question]:
        return questions[0] if self.is_single else questions

    def _results(self, returned: Any, count: int) -> list[Any]:
        return [returned] if self.is_single else _in_order(returned, count)


def load(python: str, settings: Mapping[str, Any]) -> Function:
    """Import `module:function`. Blocks as long as the import does. Raises Unusable."""
    module, _, path = python.partition(":")
    try:
        with _forks_end_here():
            found = functools.reduce(getattr, path.split("."), importlib.import_module(module))
    except (Exception, SystemExit) as error:
        raise Unusable(f"{python}: {explained(error)}{_meant(error)}") from error
    if not callable(found):
        raise Unusable(f"{python}: it is {shown(found)}, which cannot be called")
    is_async = inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(type(found).__call__)
    return Function(found, settings, _is_single(python, found, settings), is_async)


def _meant(error: BaseException) -> str:
    """Return what was probably meant of a module that has nothing of this name to call."""
    if not isinstance(error, AttributeError) or not isinstance(error.obj, ModuleType):
        return ""
    callables = [name for name, each in vars(error.obj).items() if callable(each)]
    close = get_close_matches(str(error.name), callables, n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


@contextmanager
def _forks_end_here() -> Iterator[None]:
    """End what the function forks, where that comes back: after `sys.exit()`, say, which is no end where it is caught.

    It would go on as a second worker, on our connections, and answer for us.
    """
    us, status = os.getpid(), 0
    try:
        yield
    except SystemExit as asked:
        status = asked.code if isinstance(asked.code, int) else int(asked.code is not None)
        raise
    except BaseException:
        status = 1
        raise
    finally:
        if os.getpid() != us:
            os._exit(status)


def _is_single(python: str, found: Callable[..., Any], settings: Mapping[str, Any]) -> bool:
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):  # compiled, and says nothing of its parameters
        return False
    try:
        signature.bind(None, **settings)
    except TypeError as error:
        given = f" and the settings {', '.join(settings)}" if settings else ""
        raise Unusable(f"{python}: cannot be called with questions{given}: {error}") from None
    return next(iter(signature.parameters)) == ONE_QUESTION


def _in_order(returned: Any, count: int) -> list[Any]:
    """Return one result a question; a generator is run here, where its errors are the function's."""
    if isinstance(returned, str | bytes | Mapping) or not isinstance(returned, Iterable):
        raise Garbled(f"it returned {shown(returned)}, not a result for each question")
    results = list(islice(returned, count + 1))
    if len(results) != count:
        many = "more" if len(results) > count else str(len(results))
        told = f"it returned {many} result{'s' * (many != '1')} for {counted(count, 'question')}"
        raise Garbled(told, recorded=told)
    return results
