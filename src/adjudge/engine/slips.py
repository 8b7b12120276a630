"""Slips: messages that carry everything needed to ask a decider, so that a worker reads nothing before it asks.

While a release is rolled out, the old and the new one read each other's slips. So fields are only added at the end,
with a default, and an older worker ignores those that it does not know. Where it must not ignore one, VERSION is
raised, and an older worker leaves such a slip to the others.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from adjudge.core.events import HistoryEvent
from adjudge.core.history import Case
from adjudge.core.specifications import DeciderSpec
from adjudge.store.measuring import LANES
from adjudge.streams import Entry

STREAM_PREFIX = "ask:"
LARGEST_STREAM = 200_000
"""Entries of one decider and lane; past it rows stay due and are sent later."""

SHADOW_LANE: Final = "shadow"
LARGEST_SHADOW: Final = 10_000
"""Entries of one decider in shadow; past it questions are dropped."""
SHADOW_PATIENCE: Final = timedelta(seconds=60)
"""How long a question on the side is worth an answer; later it is dropped."""
NO_STAGE: Final = -1
"""The stage of a question on the side."""

VERSION: Final = 1
"""Of what a slip means, not of its fields."""


class NewerSlip(msgspec.ValidationError):
    """A slip of a release that this one must not guess at."""


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
    v: int = VERSION
    plan: str = ""
    """Hash of the plan; empty, of an older release: the only one that there was. A worker of that release cannot
    read a configuration that has several, and so takes no other by mistake."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Slip)


def entry(slip: Slip, lane: str) -> Entry:
    """Return the slip as an entry of its decider's stream."""
    return Entry(
        name=f"{STREAM_PREFIX}{slip.decider}", lane=lane, body=_encoder.encode(slip), max_length=LARGEST_STREAM
    )


def aside(slip: Slip) -> Entry:
    """Return a question on the side as an entry of its decider's stream."""
    name = f"{STREAM_PREFIX}{slip.decider}"
    return Entry(name=name, lane=SHADOW_LANE, body=_encoder.encode(slip), max_length=LARGEST_SHADOW)


def lanes_of(spec: DeciderSpec) -> Sequence[str]:
    """Return the lanes in which a decider is asked."""
    return (SHADOW_LANE,) if spec.is_shadow else LANES


def read(body: bytes) -> Slip:
    """Read a slip. Raises msgspec.DecodeError, NewerSlip."""
    slip = _decoder.decode(body)
    if slip.v > VERSION:
        raise NewerSlip(f"the slip is of version {slip.v}, this release reads up to {VERSION}")
    return slip
