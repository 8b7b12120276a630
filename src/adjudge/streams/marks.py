"""The optional properties of an entry, in one small field beside its body. Scripts on the server read it too."""

from collections.abc import Mapping

import msgspec

from adjudge.streams.messages import NO_HEADERS, Entry, Message


class Mark(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The optional part of a message, under short names."""

    key: str = msgspec.field(name="k", default="")
    expires_at: float | None = msgspec.field(name="e", default=None)
    trace: str = msgspec.field(name="t", default="")
    dedup_id: str = msgspec.field(name="d", default="")
    headers: Mapping[str, str] | None = msgspec.field(name="h", default=None)


NO_MARK = Mark()

_encoder = msgspec.json.Encoder()
_decode = msgspec.json.Decoder(Mark).decode


def encoded(item: Entry | Message) -> bytes:
    """The field; empty when there is nothing to say."""
    mark = Mark(item.key, item.expires_at, item.trace, item.dedup_id, item.headers or None)
    return b"" if mark == NO_MARK else _encoder.encode(mark)


def decoded(field: bytes) -> Mark:
    """Back from the field."""
    return _decode(field) if field else NO_MARK


def headers_of(mark: Mark) -> Mapping[str, str]:
    """Its headers, none being the usual case."""
    return mark.headers or NO_HEADERS
