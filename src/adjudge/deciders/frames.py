"""What a worker and a model's process tell each other: frames of a length in four bytes and a message.

Orders and questions go down as JSON, whose whole numbers have no bound; results come up as
MessagePack, which keeps NaN, so that it is refused like any other.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from adjudge.deciders.explaining import explained
from adjudge.deciders.functions import Garbled, Raised
from adjudge.deciders.leash import HEAD
from adjudge.deciders.questions import Question
from adjudge.deciders.scores import Garbage, Odd, pairs

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of a message."""


class Orders(msgspec.Struct, frozen=True):
    """The first message down: what to load."""

    python: str
    settings: dict[str, Any]
    path: list[str]
    """`sys.path` of the worker."""
    niceness: int = 0
    """How far it stands back for other processes; see nice(2)."""
    largest: int = LARGEST
    """Bytes of a message up: reading it holds the worker's loop up."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The first message up: the function is loaded."""

    is_single: bool


class Unfit(msgspec.Struct, frozen=True, tag="unfit"):
    """Instead of it: the function cannot be used."""

    detail: str


class Results(msgspec.Struct, frozen=True, tag="results"):
    """For each question pairs of answer and probability, None, or text about what was neither."""

    results: list[Any]


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """The call as a whole failed."""

    detail: str
    recorded: str
    is_garbled: bool


Greeting: TypeAlias = Ready | Unfit
Reply: TypeAlias = Results | Failure

_orders = msgspec.json.Decoder(Orders)
_questions = msgspec.json.Decoder(list[Question])
_greeting = msgspec.msgpack.Decoder(Greeting)
_reply = msgspec.msgpack.Decoder(Reply)

read_orders = _orders.decode
read_questions = _questions.decode
read_greeting: Callable[[bytes], Greeting] = _greeting.decode


def framed(message: bytes, largest: int = LARGEST) -> bytes:
    """Return the message with its length before it. Raises ValueError where it is too long."""
    if len(message) > largest:
        raise ValueError(f"a message of {len(message)} bytes; at most {largest} are carried")
    return HEAD.pack(len(message)) + message


def write_down(message: Orders | Sequence[Question]) -> bytes:
    """Write a frame for the model's process. Raises Raised where a question is not JSON."""
    try:
        return framed(msgspec.json.encode(message))
    except (TypeError, ValueError, RecursionError) as error:
        told = "the questions cannot be sent to the model's process"
        raise Raised(f"{told}: {explained(error)}", recorded=told) from None


def write_up(message: Greeting | Reply, largest: int = LARGEST) -> bytes:
    """Write a frame for the worker; where it is too long, one that says so."""
    try:
        return framed(msgspec.msgpack.encode(message), largest)
    except ValueError as error:
        return framed(msgspec.msgpack.encode(Failure(str(error), "", is_garbled=True)))


def read_reply(message: bytes) -> list[Any]:
    """Return the results. Raises Raised, Garbled as the function in the other process did."""
    reply = _reply.decode(message)
    if isinstance(reply, Results):
        return [Odd(result) if isinstance(result, str) else result for result in reply.results]
    raise (Garbled if reply.is_garbled else Raised)(reply.detail, recorded=reply.recorded)


def portable(result: Any) -> Any:
    """Return the result as pairs or None; as text what cannot be written down: it is garbage anyway."""
    if result is None:
        return None
    try:
        written = pairs(result)
        msgspec.msgpack.encode(written)
    except Garbage as error:
        return str(error)
    except Exception as error:  # the result's own methods are strangers' code
        return explained(error)
    return written
