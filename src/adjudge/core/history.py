"""A decision as `advance` sees it: what was asked (the case) and what happened since."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from adjudge.core.answers import ClosedSpace
from adjudge.core.events import Asked, Deferred, Fault, FellBack, HistoryEvent, Opinion, Settled, TimedOut
from adjudge.core.money import Stake


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the question from intake on and may decide anything. Stored with the decision."""

    type: str
    location: str
    space: ClosedSpace
    deadline: datetime
    stake: Stake | None = None
    attributes: dict[str, Any] = {}
    """The location's attributes as of intake."""
    safe_side: str | None = None
    """Key of the harmless answer, computed from the evidence at intake."""
    late: bool = False
    """The deadline had passed on arrival."""


@dataclass(frozen=True, slots=True)
class History:
    """All that happened, in the order recorded."""

    case: Case
    events: tuple[HistoryEvent, ...] = ()

    def then(self, *events: HistoryEvent) -> "History":
        return replace(self, events=self.events + events)


@dataclass(slots=True)
class Tally:
    """What happened in one stage."""

    asked: Asked | None = None
    opinions: dict[str, Opinion] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    timed_out: bool = False
    deferred: Deferred | None = None

    @property
    def votes(self) -> list[Opinion]:
        """People's opinions, in the order recorded."""
        return [opinion for opinion in self.opinions.values() if opinion.source == "reviewer"]

    def silent(self) -> tuple[str, ...]:
        """Return the deciders that were asked and have neither answered nor failed."""
        asked = self.asked.deciders if self.asked else ()
        return tuple(name for name in asked if name not in self.opinions and name not in self.faults)


@dataclass(slots=True)
class Progress:
    """A history, folded: the first opinion of (stage, by) counts, repeated ones change nothing."""

    tallies: dict[int, Tally] = field(default_factory=dict)
    fell_back: FellBack | None = None
    last_deferred: Deferred | None = None
    version: int = 0
    """Version of the latest outcome; 0: none."""
    final: bool = False

    def tally(self, stage: int) -> Tally:
        return self.tallies.setdefault(stage, Tally())


def fold(events: tuple[HistoryEvent, ...]) -> Progress:
    """Return where a decision stands."""
    progress = Progress()
    for event in events:
        match event:
            case Asked():
                progress.tally(event.stage).asked = event
            case Opinion():
                tally = progress.tally(event.stage)
                if event.by not in tally.faults:
                    tally.opinions.setdefault(event.by, event)
            case Fault():
                tally = progress.tally(event.stage)
                if event.by not in tally.opinions:
                    tally.faults.setdefault(event.by, event)
            case TimedOut():
                progress.tally(event.stage).timed_out = True
            case Deferred():
                progress.tally(event.stage).deferred = progress.last_deferred = event
            case FellBack():
                progress.fell_back = event
            case Settled():
                progress.version = event.version
                progress.final = event.outcome != "provisional"
            case _:
                pass
    return progress
