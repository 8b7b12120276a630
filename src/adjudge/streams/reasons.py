"""Why a message was given up: what its dead letter says."""

import traceback

import msgspec

from adjudge.streams.messages import Failure, Message
from adjudge.streams.retrying import DETAIL_LIMIT, name_of, trail_after

TRACEBACK_LIMIT = 8_000


class Reasons(msgspec.Struct, frozen=True):
    """The part of a dead letter that is not the original."""

    origin: str
    published_ms: int
    died_at: float
    error: str
    detail: str
    traceback: str
    crashes: int
    history: tuple[Failure, ...]


def reasons_of(message: Message, error: Exception, at: float) -> Reasons:
    """Describe the error that was one too many, at Unix seconds `at`."""
    return Reasons(
        origin=message.origin,
        published_ms=message.published_ms,
        died_at=at,
        error=name_of(error),
        detail=str(error)[:DETAIL_LIMIT],
        traceback="".join(traceback.format_exception(error))[-TRACEBACK_LIMIT:],
        crashes=message.crashes,
        history=trail_after(message, error, at).history,
    )
