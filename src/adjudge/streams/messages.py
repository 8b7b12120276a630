"""What goes through a stream: entries on the way in, messages on the way out, dead letters at the end."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Entry:
    """A body to be published."""

    name: str
    """The family of streams, such as `ask:vision-sku@2`; all its keys share one hash tag."""
    lane: str
    body: bytes
    max_length: int
    """The lane takes no more than this many unfinished entries; past it `publish` answers `Full`."""


@dataclass(frozen=True, slots=True)
class Full:
    """The entry was not written, because its lane holds `length` unfinished entries already."""

    length: int


class Failure(msgspec.Struct, frozen=True):
    """One time that a handler failed on a message."""

    at: float
    """Unix seconds, clock of the worker."""
    error: str
    """The error's class, with its module."""
    detail: str


class Trail(msgspec.Struct, frozen=True):
    """What a message that is tried again carries along."""

    origin: str
    """`lane/id` under which it was first published."""
    published_ms: int
    failures: int
    """All failures, also those that `history` no longer holds."""
    history: tuple[Failure, ...] = ()
    """The latest failures, oldest first."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One delivery of an entry. `id` is unique within its name and lane."""

    id: str
    name: str
    lane: str
    body: bytes
    crashes: int = 0
    """Earlier deliveries that ended with the death of their consumer."""
    trail: Trail | None = None

    @property
    def failures(self) -> int:
        """How often a handler has failed on it."""
        return self.trail.failures if self.trail else 0

    @property
    def deliveries(self) -> int:
        """How often it was handed to a handler, this time included."""
        return self.failures + self.crashes + 1

    @property
    def redelivered(self) -> bool:
        """Whether a handler may have seen it before."""
        return self.deliveries > 1

    @property
    def published_ms(self) -> int:
        """Unix milliseconds of the first publication, clock of the server."""
        return self.trail.published_ms if self.trail else milliseconds(self.id)

    @property
    def published_at(self) -> float:
        """Unix seconds of the first publication, clock of the server."""
        return self.published_ms / 1000

    @property
    def origin(self) -> str:
        """`lane/id` of the first publication; the same through all retries."""
        return self.trail.origin if self.trail else f"{self.lane}/{self.id}"


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that was given up, with its reasons. `id` is that of the dead letter."""

    id: str
    name: str
    lane: str
    body: bytes
    origin: str
    published_at: float
    died_at: float
    error: str
    detail: str
    traceback: str
    crashes: int
    history: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class LaneDepth:
    """How much of a lane is unfinished."""

    length: int
    """Entries that are not finished: those nobody has read and those in the hands of consumers."""
    lag: int
    """Entries that nobody has read yet."""
    pending: int
    """Entries in the hands of consumers, living or dead."""
    oldest_seconds: float | None
    """Age of the oldest unfinished entry, clock of the server; None when the lane is empty."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is unfinished under one name."""

    lanes: Mapping[str, LaneDepth]
    delayed: int
    """Messages that wait for another try."""
    dead: int


def milliseconds(entry_id: str) -> int:
    """Time in an entry's id, which the server gave."""
    return int(entry_id.partition("-")[0])
