"""A decision as `advance` sees it: what was asked (the case), and what has happened since."""

import math
from datetime import datetime
from typing import Any, Final

import msgspec

from adjudge.core.answers import ClosedSpace
from adjudge.core.events import Asked, Declined, Deferred, Fault, FellBack, HistoryEvent, Opinion, Settled, TimedOut
from adjudge.core.facts import FactValue
from adjudge.core.money import Stake

NORMALISED_WITHIN: Final = 1e-3
"""How far the sum of a distribution may be from 1."""


# Defaults are not written: a quarter of it, for most questions.
class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about the question that may influence its decision, as of intake. Stored with the decision."""

    type: str
    location: str
    space: ClosedSpace
    deadline: datetime
    stake: Stake | None = None
    currency: str | None = None
    """The location's, in which expressions read `stake`; None: that is the stake's own."""
    attributes: dict[str, Any] = {}
    """The location's attributes as of intake."""
    safe_side: str | None = None
    """Key of the harmless answer, computed from the evidence at intake."""
    late: bool = False
    """The deadline had passed on arrival."""
    slice: str = ""
    """The slice that the decision belongs to, as of intake; empty where nothing is audited."""
    groups: tuple[str, ...] = ()
    """The location's groups as of intake."""
    shed: bool = False
    """There was no room for it on arrival, so its fallback answers."""
    facts: dict[str, FactValue] = {}
    """The fields of the evidence that its type declares for routing."""


class History(msgspec.Struct, frozen=True):
    """All that happened, in the order recorded."""

    case: Case
    events: tuple[HistoryEvent, ...] = ()

    def then(self, *events: HistoryEvent) -> "History":
        return History(self.case, self.events + events)

    def has_declines(self, stage: int) -> bool:
        return any(isinstance(event, Declined) and event.stage == stage for event in self.events)


class Tally(msgspec.Struct):
    """What happened in one stage."""

    asked: Asked | None = None
    opinions: dict[str, Opinion] = {}
    faults: dict[str, Fault] = {}
    timed_out: TimedOut | None = None
    deferred: Deferred | None = None

    @property
    def votes(self) -> list[Opinion]:
        """People's opinions, in the order recorded."""
        return [opinion for opinion in self.opinions.values() if opinion.source == "reviewer"]

    def silent(self) -> tuple[str, ...]:
        """Return the deciders that were asked and have neither answered nor failed."""
        asked = self.asked.deciders if self.asked else ()
        return tuple(name for name in asked if name not in self.opinions and name not in self.faults)


class Progress(msgspec.Struct):
    """A history, folded. The first opinion of each (stage, by) counts; repeated ones change nothing."""

    tallies: dict[int, Tally] = {}
    fell_back: FellBack | None = None
    last_deferred: Deferred | None = None
    version: int = 0
    """Version of the latest outcome; 0: none."""
    final: bool = False

    def tally(self, stage: int) -> Tally:
        found = self.tallies.get(stage)
        if found is None:
            found = self.tallies[stage] = Tally()
        return found


def fold(events: tuple[HistoryEvent, ...], space: ClosedSpace | None = None) -> Progress:
    """Return where a decision stands. If its answer space is given, malformed opinions count as faults."""
    progress = Progress()
    for event in events:
        match event:
            case Asked():
                progress.tally(event.stage).asked = event
            case Opinion():
                tally = progress.tally(event.stage)
                if event.by in tally.faults or event.by in tally.opinions:
                    continue
                detail = malformed(event, space) if space is not None else None
                if detail is None:
                    tally.opinions[event.by] = event
                else:
                    tally.faults[event.by] = _garbage(event, detail)
            case Fault():
                tally = progress.tally(event.stage)
                if event.by not in tally.opinions:
                    tally.faults.setdefault(event.by, event)
            case TimedOut():
                progress.tally(event.stage).timed_out = event
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


def cost_of(events: tuple[HistoryEvent, ...]) -> dict[str, int]:
    """Return what it all cost in micros, by currency: never summed over currencies."""
    costs: dict[str, int] = {}
    for event in events:
        if (type(event) is Opinion or type(event) is Fault) and event.cost_micros and event.currency:
            costs[event.currency] = costs.get(event.currency, 0) + event.cost_micros
    return costs


def malformed(opinion: Opinion, space: ClosedSpace) -> str | None:
    """Return what is wrong with an opinion that the edge should not have let in."""
    if opinion.answer is None:
        return None
    if not space.holds(opinion.answer):
        return f"{opinion.answer!r:.80} is not among the answers"
    if opinion.distribution is None:
        return None
    total = math.fsum(opinion.distribution.values())
    if abs(total - 1) > NORMALISED_WITHIN:
        return f"its probabilities add up to {total:.6g}"
    return None if opinion.answer in opinion.distribution else f"{opinion.answer!r:.80} has no probability"


def _garbage(opinion: Opinion, detail: str) -> Fault:
    return Fault(
        at=opinion.at,
        stage=opinion.stage,
        by=opinion.by,
        fault="garbage",
        detail=detail,
        seconds=opinion.seconds,
        cost_micros=opinion.cost_micros,
        currency=opinion.currency,
    )
