"""What goes through a stream: entries on the way in, messages on the way out, dead letters at the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from adjudge.streams.shedding import Shedding

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Entry(msgspec.Struct, frozen=True):
    """A body to be published. Without any of the optional fields it travels alone."""

    name: str
    """The family of streams, such as `ask:vision-sku@2`; all its keys share one hash tag."""
    lane: str
    body: bytes
    max_length: int
    """The lane takes no more than this many unfinished entries; past it `publish` answers `Full`."""
    key: str = ""
    """Whom it belongs to, for the rules of the subscription (`KeyRules`); empty: nobody."""
    delay_seconds: float = 0.0
    """It enters its lane this long after it was published, to the millisecond of the server's clock."""
    expires_at: float | None = None
    """Unix seconds of the server's clock from which on it is not handled any more."""
    trace: str = ""
    """W3C `traceparent`."""
    dedup_id: str = ""
    """Whatever is published under the same name with the same id is a `Duplicate` for `dedup_seconds`."""
    dedup_seconds: float = 3600.0
    headers: Mapping[str, str] = NO_HEADERS
    shedding: Shedding | None = None
    """A bound for all lanes together, beside that of the lane."""

    @property
    def is_plain(self) -> bool:
        """Whether it has none of the fields that the server or the handler must see beside the body."""
        return not (
            self.key
            or self.delay_seconds > 0
            or self.expires_at is not None
            or self.trace
            or self.dedup_id
            or self.headers
        )


@dataclass(frozen=True, slots=True)
class Full:
    """The entry was not written, because `length` entries are unfinished already."""

    length: int
    shed: bool = False
    """They are those of all lanes together (`Entry.shedding`), not those of the lane."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The entry was not written, because one with its `dedup_id` was."""

    id: str
    """What `publish` answered for the first."""


class Failure(msgspec.Struct, frozen=True):
    """One time that a handler failed on a message."""

    at: float
    """Unix seconds, clock of the worker."""
    error: str
    """The error's class, with its module."""
    detail: str


class Trail(msgspec.Struct, frozen=True):
    """What a message carries along whose entry is younger than its publication: delayed, held back, tried again."""

    origin: str
    """`lane/id` under which it was first published, or the token that `publish` answered."""
    published_ms: int
    failures: int = 0
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
    key: str = ""
    expires_at: float | None = None
    """Unix seconds of the server's clock from which on it must not be handled."""
    trace: str = ""
    dedup_id: str = ""
    headers: Mapping[str, str] = NO_HEADERS

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
        """Of the first publication: `lane/id`, or the token that `publish` answered; the same through all retries."""
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
    key: str = ""
    trace: str = ""
    headers: Mapping[str, str] = NO_HEADERS


@dataclass(frozen=True, slots=True)
class LaneDepth:
    """How much of a lane is unfinished."""

    length: int
    """Entries that are not finished: those nobody has read and those in the hands of consumers."""
    lag: int
    """Entries that nobody has read yet, those in backlogs included."""
    pending: int
    """Entries in the hands of consumers, living or dead."""
    oldest_seconds: float | None
    """Age of the oldest unfinished entry, clock of the server; None when the lane is empty."""
    waiting: int = 0
    """Entries in the backlogs of their keys, which wait for another of the key to end."""
    added: int = 0
    """Entries that ever came in, retries included; a broker that lost its data begins again."""


@dataclass(frozen=True, slots=True)
class Depth:
    """How much is unfinished under one name."""

    lanes: Mapping[str, LaneDepth]
    delayed: int
    """Messages of all lanes that wait for their time or another try."""
    dead: int


def milliseconds(entry_id: str) -> int:
    """Time in an entry's id, which the server gave."""
    return int(entry_id.partition("-")[0])
