"""What a worker and the processes that run its sync handlers send each other: a length, then MessagePack."""

import pickle
import struct
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from adjudge.streams.messages import Message
from adjudge.streams.retrying import name_of
from adjudge.streams.signals import Escaped

HEAD = struct.Struct(">I")


class Orders(msgspec.Struct, frozen=True):
    """What a child is for."""

    path: list[str]
    module: str
    name: str


class Call(msgspec.Struct, frozen=True):
    """Messages for one call of the handler."""

    messages: list[Message]
    server_now: float


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The child has loaded its handler; or not, and why."""

    trouble: str = ""


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """What the handler says while it runs, about the message at a place; JSON."""

    place: int
    value: bytes


class Spoken(msgspec.Struct, frozen=True, tag="spoken"):
    """The end of a call: pickled errors and encoded answers, by message id."""

    errors: dict[str, bytes]
    answers: dict[str, bytes]


Up = Ready | Progress | Spoken

_encode = msgspec.msgpack.Encoder().encode
read_orders = msgspec.msgpack.Decoder(Orders).decode
read_call = msgspec.msgpack.Decoder(Call).decode
read_up: Callable[[bytes], Up] = msgspec.msgpack.Decoder(Up).decode


def frame(value: Orders | Call | Up) -> bytes:
    """With its length in front."""
    body = _encode(value)
    return HEAD.pack(len(body)) + body


def portable(message: Message) -> Message:
    """The message in a form that can be encoded."""
    return msgspec.structs.replace(message, headers=dict(message.headers))


class Remote(Exception):
    """An error of another process that cannot travel: its name and text."""


class Traceback(Exception):
    """Where an error was raised, in the process where it was."""


def packed(error: BaseException) -> bytes:
    """An error as it travels, with its traceback; by name and text if it must."""
    told = error if isinstance(error, Exception) else Escaped(error)
    where = "".join(traceback.format_exception(error))
    try:
        body = pickle.dumps((told, where))
        pickle.loads(body)  # noqa: S301  our own, just written: many an error can be pickled and not read
    except Exception:  # whatever the error's class makes of being pickled
        return pickle.dumps((Remote(f"{name_of(told)}: {told}"), where))
    return body


def unpacked(errors: Mapping[str, bytes]) -> dict[str, Exception]:
    """The errors a child of ours has sent."""
    return {message_id: _unpacked(body) for message_id, body in errors.items()}


def _unpacked(body: bytes) -> Exception:
    found: Any = pickle.loads(body)  # noqa: S301  from our own child, over a pipe that nobody else has
    error, where = found
    assert isinstance(error, Exception)
    error.__cause__ = Traceback(where)
    return error
