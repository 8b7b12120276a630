"""Reads a handler's signature: what it takes, one message or many, whether with a context, and what it answers."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from adjudge.streams.handlers.contexts import BatchContext, Context


class NotAHandler(TypeError):
    """The signature cannot be that of a handler."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A handler's signature."""

    takes: Any
    """The type of one message."""
    answers: Any
    """The type of the answer to one message."""
    is_batch: bool
    wants_context: bool
    is_async: bool


def shape_of(function: Callable[..., Any]) -> Shape:
    """Read it. Raises `NotAHandler`."""
    name = getattr(function, "__qualname__", repr(function))
    signature = _signature(function, name)
    parameters = [each for each in signature.parameters.values() if each.kind in _BY_POSITION]
    if not 1 <= len(parameters) <= 2 or len(parameters) < len(signature.parameters):
        raise NotAHandler(f"{name} must take a message and, if it wants one, a context")
    takes = parameters[0].annotation
    if takes is inspect.Parameter.empty:
        raise NotAHandler(f"{name} must say of which type its message is: {parameters[0].name}: ...")
    is_batch = get_origin(takes) in (list, Sequence)
    wants_context = len(parameters) == 2
    if wants_context:
        _check_context(name, parameters[1].annotation, BatchContext if is_batch else Context)
    answers = signature.return_annotation
    return Shape(
        takes=_item(takes) if is_batch else takes,
        answers=_answer(answers, is_batch=is_batch),
        is_batch=is_batch,
        wants_context=wants_context,
        is_async=inspect.iscoroutinefunction(inspect.unwrap(function)) or _is_async_callable(function),
    )


_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _signature(function: Callable[..., Any], name: str) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError as error:  # a type that is local to a function, under `from __future__ import annotations`
        raise NotAHandler(f"{name} names a type that its module does not have: {error}") from error


def _check_context(name: str, annotation: Any, expected: type) -> None:
    if annotation not in (inspect.Parameter.empty, expected):
        raise NotAHandler(f"{name} must annotate its second parameter as {expected.__name__}")


def _item(kind: Any) -> Any:
    arguments = get_args(kind)
    return arguments[0] if arguments else Any


def _answer(kind: Any, *, is_batch: bool) -> Any:
    if kind is inspect.Signature.empty:
        return Any
    return _item(kind) if is_batch and get_origin(kind) in (list, Sequence) else kind


def _is_async_callable(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004  an object with such a method
