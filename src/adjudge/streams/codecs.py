"""Between typed messages and bodies: msgspec for what it knows, pydantic for its models, bytes as they are.

Pydantic is recognised by its methods and never imported here; see the ADR for the measured cost of both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import msgspec

from adjudge.streams.signals import Reject

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


class Undecodable(Reject):
    """The body is not what its handler takes. No retry can help."""


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """How values of one type travel."""

    type: Any
    encode: Callable[[T], bytes]
    """Raises TypeError for what cannot be encoded."""
    read: Callable[[bytes], T]

    def decode(self, body: bytes) -> T:
        """The value of a body. Raises `Undecodable`."""
        try:
            return self.read(body)
        except (msgspec.DecodeError, ValueError) as error:  # ValueError: pydantic's, and invalid UTF-8
            raise Undecodable(f"not a {_name(self.type)}: {error}") from error


def codec_for(kind: Any) -> Codec[Any]:
    """The codec of a type. Raises TypeError when there is none for it."""
    if kind is bytes:
        return Codec(kind, bytes, bytes)
    if hasattr(kind, "model_validate_json"):
        return Codec(kind, _encode_model, kind.model_validate_json)
    return Codec(kind, _encode, _decoder(kind))


def _decoder(kind: Any) -> Callable[[bytes], Any]:
    try:
        return cast("Callable[[bytes], Any]", msgspec.json.Decoder(kind).decode)
    except TypeError as error:
        raise TypeError(f"{_name(kind)} cannot be the type of a message: {error}") from error


def _encode_model(model: Any) -> bytes:
    return cast("bytes", model.model_dump_json().encode())


def _name(kind: Any) -> str:
    return getattr(kind, "__qualname__", None) or repr(kind)
