"""The message is a routing slip: no read is needed to ask."""

from datetime import datetime
from uuid import UUID

import msgspec

from adjudge.core.events import HistoryEvent
from adjudge.core.history import Case
from adjudge.streams import Entry

STREAM_PREFIX = "ask:"
LARGEST_STREAM = 200_000
"""Entries of one decider and lane; past it rows stay due and are sent later."""


class Slip(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One question to one decider, with all that it takes to ask and to go on."""

    decision: UUID
    revision: int
    type: str
    location: str
    stage: int
    decider: str
    version: int
    """The outcome version that a settlement would be written on top of."""
    case: Case
    events: tuple[HistoryEvent, ...]
    """History so far, ending with the asking."""
    evidence: bytes
    """JSON object."""
    subject: bytes
    """JSON object."""
    trace: str | None
    until: datetime
    reply: str | None
    """The API replica in which a caller waits."""
    resent: bool = False


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Slip)


def entry(slip: Slip, lane: str) -> Entry:
    """Return the slip as an entry of its decider's stream."""
    return Entry(
        name=f"{STREAM_PREFIX}{slip.decider}", lane=lane, body=_encoder.encode(slip), max_length=LARGEST_STREAM
    )


def read(body: bytes) -> Slip:
    """Read a slip. Raises msgspec.DecodeError."""
    return _decoder.decode(body)
