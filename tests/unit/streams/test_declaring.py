"""What the signature of a handler says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from adjudge.streams import App, BatchContext, Context, NotAHandler
from adjudge.streams.handlers.declaring import shape_of


class Mail(msgspec.Struct):
    to: str


def test_the_annotations_say_what_is_taken_and_answered():
    async def handle(message: Mail, context: Context) -> int: ...

    shape = shape_of(handle)

    assert (shape.takes, shape.answers) == (Mail, int)
    assert (shape.is_batch, shape.wants_context, shape.is_async) == (False, True, True)


@pytest.mark.parametrize("many", [list[Mail], Sequence[Mail]])
def test_a_list_of_messages_makes_a_batch_handler(many):
    def handle(messages: many) -> list[str]: ...

    shape = shape_of(handle)

    assert (shape.takes, shape.answers) == (Mail, str)
    assert (shape.is_batch, shape.wants_context, shape.is_async) == (True, False, False)


def test_an_object_that_is_called_may_be_async():
    class Handler:
        async def __call__(self, message: Mail) -> None: ...

    assert shape_of(Handler()).is_async


def without_annotation(message): ...
def with_nothing() -> None: ...
def with_too_much(message: Mail, context: Context, other: int) -> None: ...
def with_a_keyword(message: Mail, *, other: int) -> None: ...
def with_the_wrong_context(message: Mail, context: BatchContext) -> None: ...
def with_the_other_wrong_context(messages: list[Mail], context: Context) -> None: ...
def with_a_name_nobody_knows(message: "Nowhere") -> None: ...  # noqa: F821


@pytest.mark.parametrize(
    "function",
    [
        without_annotation,
        with_nothing,
        with_too_much,
        with_a_keyword,
        with_the_wrong_context,
        with_the_other_wrong_context,
        with_a_name_nobody_knows,
    ],
)
def test_what_cannot_be_a_handler_is_refused_by_name(function):
    with pytest.raises(NotAHandler, match=function.__name__):
        shape_of(function)


def an_app() -> App:
    return App("redis://nowhere.invalid")


def test_a_handler_is_named_after_its_function_and_can_be_called_like_it():
    app = an_app()

    @app.handler()
    def double(number: int) -> int:
        return 2 * number

    assert dict(app.handlers) == {"double": double}
    assert double(4) == 8


def test_two_handlers_of_one_name_are_refused():
    app = an_app()
    app.handler(name="mail")(lambda_of())

    with pytest.raises(ValueError, match="mail"):
        app.handler(name="mail")(lambda_of())


def lambda_of():
    async def handle(message: Mail) -> None: ...

    return handle


def test_a_type_that_no_codec_knows_is_refused():
    class Opaque:
        def __init__(self, thing: Any) -> None: ...

    @dataclass
    class Holder:
        inner: set[list[int]] | dict[Mail, Mail] | list[int]

    async def handle(message: Holder) -> None: ...

    with pytest.raises(TypeError, match="Holder"):
        an_app().handler()(handle)


def test_an_async_function_has_no_use_for_a_pool():
    with pytest.raises(NotAHandler, match="async"):
        an_app().handler(pool="process")(lambda_of())


@pytest.mark.parametrize("options", [{"max_length": 0}, {"max_calls": 0}, {"lanes": {"dead": 1}}])
def test_options_out_of_bounds_are_refused(options):
    with pytest.raises(ValueError, match=r"must be|cannot name"):
        an_app().handler(**options)(lambda_of())
