"""The newest part of the feed, which a process keeps in memory for all readers that follow it there."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec

from adjudge.core.cloud_events import outcome_event
from adjudge.core.views import DecisionView, OutcomeView, answer_value, encode
from adjudge.engine.feed.cursors import Cursors
from adjudge.store.feed import Mark, Position, Row, Wanted
from adjudge.store.scope import Scope

MOST_BYTES: Final = 8 * 1024 * 1024
_ENTRY_BYTES: Final = 1_000
"""What an entry takes beside its text, roughly."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One outcome, ready to be sent."""

    mark: Mark
    type: str
    location: str
    cursor: str
    event: bytes
    """A CloudEvent in one line of JSON."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a reader gets next, and from where it goes on."""

    entries: list[Entry]
    mark: Mark
    at_end: bool


def entry_of(row: Row, generation: str, cursors: Cursors) -> Entry:
    """Return an outcome as it is sent."""
    mark = Mark(row.position, row.settled_at, generation)
    cursor = cursors.seal(mark)
    event = outcome_event(decision_of(row), trace=row.trace, cursor=cursor)
    return Entry(mark, row.type, row.location, cursor, encode(event))


def decision_of(row: Row) -> DecisionView:
    """Return the decision as it stood with this version; what it has waited for since is not told."""
    return DecisionView(
        id=row.decision_id,
        type=row.type,
        location=row.location,
        subject=msgspec.Raw(row.subject.encode()),
        status="cancelled" if row.source == "cancel" else row.kind,
        revision=row.revision,
        asked_at=row.asked_at,
        deadline=row.deadline if row.deadline_shown else None,
        waiting_for=None,
        outcome=OutcomeView(
            version=row.version,
            answer=answer_value(row.facts, row.answer),
            confidence=None if row.confidence is None else round(row.confidence, 6),
            source=row.source,
            deciders=row.deciders,
            reason=row.reason,
            certificate=row.certificate,
            settled_at=row.settled_at,
        ),
    )


class Tail:
    """A stretch of the feed without a gap; its oldest entries go when it grows too large."""

    def __init__(self, start: Mark, *, most_bytes: int = MOST_BYTES) -> None:
        self.head = start
        self._start = start.position
        self._most_bytes = most_bytes
        self._bytes = 0
        self._entries: list[Entry] = []
        self._positions: list[Position] = []

    def extend(self, entries: list[Entry], head: Mark) -> None:
        """Add what came between the head and the new one."""
        self._entries += entries
        self._positions += [entry.mark.position for entry in entries]
        self._bytes += sum(map(_size, entries))
        self.head = head
        if self._bytes > self._most_bytes:
            self._shorten()

    def after(self, scope: Scope, wanted: Wanted, mark: Mark, limit: int) -> Found | None:
        """Return what comes after the mark for this reader; None: that begins before the tail does."""
        if mark.generation != self.head.generation or mark.position < self._start:
            return None
        first = bisect_right(self._positions, mark.position)
        seen = (e for e in islice(self._entries, first, None) if wanted.shows(scope, e.type, e.location))
        entries = list(islice(seen, limit))
        if len(entries) == limit:
            return Found(entries, entries[-1].mark, at_end=False)
        ahead = mark.position > self.head.position
        return Found(entries, mark if ahead else self.head, at_end=True)

    def _shorten(self) -> None:
        """Drop the oldest half at once, so that the rest is seldom moved."""
        dropped = 0
        while self._bytes > self._most_bytes // 2:
            self._bytes -= _size(self._entries[dropped])
            dropped += 1
        self._start = self._positions[dropped - 1]
        del self._entries[:dropped], self._positions[:dropped]


def _size(entry: Entry) -> int:
    return len(entry.event) + _ENTRY_BYTES
