"""Turns a task into the handler of its subscription: decode, call, encode."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from adjudge.streams.handlers.contexts import BatchContext, Context
from adjudge.streams.handlers.escaping import as_exception
from adjudge.streams.messages import Message
from adjudge.streams.results import is_asked
from adjudge.streams.subscriptions import Handler, Said, Single
from adjudge.streams.tasks import Task


class Around(Protocol):
    """What surrounds a call."""

    @property
    def state(self) -> Any:
        """What the app's `lifespan` yielded."""

    def server_now(self) -> float:
        """Unix seconds of the server."""

    def progress(self, message: Message, value: Any) -> None:
        """Tell whoever asked."""


Function = Callable[..., Awaitable[Any]]
"""An async handler, or one that runs a sync handler elsewhere."""


def single(task: Task[Any, Any], function: Function, around: Around) -> Single:
    """The handler of single messages of a task."""
    decode, answered = task.takes.decode, _answered(task)

    async def with_context(message: Message) -> bytes | None:
        context = Context(message, around.state, around.server_now, around.progress)
        answer = await function(decode(message.body), context)
        return answered(answer) if message.headers and is_asked(message) else None

    async def alone(message: Message) -> bytes | None:
        answer = await function(decode(message.body))
        return answered(answer) if message.headers and is_asked(message) else None

    return Single(with_context if task.shape.wants_context else alone)


def batched(task: Task[Any, Any], function: Function, around: Around) -> Handler:
    """The handler of batches of a task. Bodies that do not decode fail alone, before the call."""

    async def handle(messages: Sequence[Message]) -> Said:
        taken, values, errors = _decoded(task, messages)
        if not taken:
            return Said(errors)
        contexts = [Context(message, around.state, around.server_now, around.progress) for message in taken]
        context = BatchContext(contexts, around.state)
        answer = await (function(values, context) if task.shape.wants_context else function(values))
        errors |= {taken[place].id: error for place, error in context.errors.items()}
        return Said(errors, _answers(task, taken, answer, errors))

    return handle


def _decoded(
    task: Task[Any, Any], messages: Sequence[Message]
) -> tuple[list[Message], list[Any], dict[str, Exception]]:
    taken: list[Message] = []
    values: list[Any] = []
    errors: dict[str, Exception] = {}
    for message in messages:
        try:
            values.append(task.takes.decode(message.body))
            taken.append(message)
        except BaseException as error:  # a validator of the user's may raise anything; it is this message's
            errors[message.id] = as_exception(error)
    return taken, values, errors


def _answers(task: Task[Any, Any], taken: Sequence[Message], answer: Any, errors: dict[str, Exception]) -> Any:
    asked = {place: message for place, message in enumerate(taken) if is_asked(message) and message.id not in errors}
    if not asked:
        return {}
    if answer is None:
        return {message.id: _answered(task)(None) for message in asked.values()}
    if not isinstance(answer, Sequence) or len(answer) != len(taken):
        raise TypeError(f"{task.name} must answer None, or one value for each of its {len(taken)} messages")
    return {message.id: _answered(task)(answer[place]) for place, message in asked.items()}


def _answered(task: Task[Any, Any]) -> Callable[[Any], bytes]:
    return task.answers.encode
