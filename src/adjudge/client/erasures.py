"""The calls about erasures."""

from collections.abc import Generator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from adjudge.client.calls import Call, Pause, known, path, reader

PAUSE_SECONDS = 1.0


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure, and how far it has come. Whose it was is not kept."""

    id: str
    decision: str | None
    fields: tuple[str, ...]
    """Names of the subject's fields that were given."""
    reason: str
    requested_by: str
    requested_at: datetime
    erased: int
    """Decisions that lost something by it, so far."""
    done_at: datetime | None


class _Erasures(msgspec.Struct, frozen=True):
    erasures: tuple[Erasure, ...]


_erasure = reader(Erasure)


def erase(*, reason: str, subject: Mapping[str, str] | None = None, decision: str | None = None) -> Call[Erasure]:
    """Erase evidence and subject of all decisions whose subject has these fields, or of one decision.

    One decision is done at once; a subject is written down and worked off by a keeper.
    """
    body = known(reason=reason, subject=subject, decision=decision)
    return Call(method="POST", path=path("erasures"), read=_erasure, body=body)


def get(id: str) -> Call[Erasure]:
    """Return how far an erasure has come."""
    return Call(method="GET", path=path("erasures", id), read=_erasure)


def listed() -> Call[tuple[Erasure, ...]]:
    """Return the newest erasures."""
    return Call(method="GET", path=path("erasures"), read=_read)


def until_done(id: str, timeout: float, now: Any) -> Generator[Call[Erasure] | Pause, Any, Erasure]:
    """Read an erasure until it is done or `timeout` seconds have passed."""
    deadline = now() + timeout
    while True:
        found: Erasure = yield get(id)
        if found.done_at is not None or now() >= deadline:
            return found
        yield Pause(PAUSE_SECONDS)


def _read(content: bytes) -> tuple[Erasure, ...]:
    return msgspec.json.decode(content, type=_Erasures).erasures
