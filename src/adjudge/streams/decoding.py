"""Turns the server's answers into messages."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from adjudge.streams import marks
from adjudge.streams.messages import Message, Trail

_T = TypeVar("_T")

_trail = msgspec.json.Decoder(Trail)


@dataclass(frozen=True, slots=True)
class Page:
    """Pending messages that came back, and how to ask for more."""

    messages: Sequence[Message]
    deleted: int
    """Pending ids whose entries are no longer in the stream."""
    following: str
    """Where the next page begins; empty: this was the last."""


def fresh(name: str, lane: str, entries: Iterable[Any]) -> list[Message]:
    """Messages of an XREADGROUP answer, delivered for the first time."""
    return [
        Message(entry_id.decode(), name, lane, fields[1])
        if len(fields) == 2
        else _message(name, lane, entry_id, fields, crashes=0)
        for entry_id, fields in entries
    ]


def pending(name: str, lane: str, found: Iterable[Any], *, started: bool) -> list[Message]:
    """Messages of a script's answer with delivery counts: how often each was started, or only read once."""
    return [
        _message(name, lane, entry_id, fields, crashes=int(count) if started else max(0, int(count) - 1))
        for entry_id, count, fields in found
    ]


def _message(name: str, lane: str, entry_id: bytes, fields: Sequence[bytes], *, crashes: int) -> Message:
    named = dict(zip(fields[::2], fields[1::2], strict=False))
    mark = _read(marks.decoded, named.get(b"m", b""), marks.NO_MARK)
    return Message(
        id=entry_id.decode(),
        name=name,
        lane=lane,
        body=named.get(b"b", b""),
        crashes=crashes,
        trail=_read(_trail.decode, named[b"h"], None) if b"h" in named else None,
        key=mark.key,
        expires_at=mark.expires_at,
        trace=mark.trace,
        dedup_id=mark.dedup_id,
        headers=marks.headers_of(mark),
    )


def _read(decode: Callable[[bytes], _T], field: bytes, otherwise: _T) -> _T:
    """What an entry says beside its body. If that cannot be read the body still can, and no entry ends its reader."""
    try:
        return decode(field)
    except msgspec.DecodeError:
        return otherwise
