"""Makes methods of described calls: the same description serves the sync and the async client.

`create = sync(decisions.create)` has the parameters of `decisions.create` and returns what its
`Call` reads; type checkers see both.
"""

import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from adjudge.client.calls import Call, Steps

P = ParamSpec("P")
T = TypeVar("T")


class Executor(Protocol):
    """Carries out calls."""

    now: Callable[[], float]
    """Monotonic seconds."""
    new_key: Callable[[], str]

    def run(self, call: Call[T], /) -> T: ...
    def follow(self, steps: Steps[T], /) -> T: ...


class AsyncExecutor(Protocol):
    """Carries out calls, awaited."""

    now: Callable[[], float]
    new_key: Callable[[], str]

    async def run(self, call: Call[T], /) -> T: ...
    async def follow(self, steps: Steps[T], /) -> T: ...


class Resource:
    """Calls about one kind of thing."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor


class AsyncResource:
    """Calls about one kind of thing, awaited."""

    def __init__(self, executor: AsyncExecutor) -> None:
        self._executor = executor


def sync(describe: Callable[P, Call[T]]) -> Callable[Concatenate[Resource, P], T]:
    """Make a method that carries out the call and returns its answer."""

    @wraps(describe)
    def method(self: Resource, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._executor.run(describe(*args, **kwargs))

    return _with_self(method, describe)


def awaited(describe: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncResource, P], Coroutine[Any, Any, T]]:
    """Make a method that carries out the call when awaited."""

    @wraps(describe)
    async def method(self: AsyncResource, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._executor.run(describe(*args, **kwargs))

    return _with_self(method, describe)


F = TypeVar("F", bound=Callable[..., Any])


def _with_self(method: F, describe: Callable[..., Any]) -> F:
    """Let `help()` show the parameters of the description."""
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    described = inspect.signature(describe)
    method.__signature__ = described.replace(parameters=[own, *described.parameters.values()])  # type: ignore[attr-defined]
    return method
