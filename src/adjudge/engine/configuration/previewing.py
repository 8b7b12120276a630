"""Previews: recorded decisions are put through another configuration, with the answers that were given then.

Nothing is invented: if the plan asks somebody who was not asked then, the end of the decision counts as unknown.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias

import msgspec

from adjudge.config import Configuration, Request
from adjudge.core.advance import Ask, Settle, Wait, advance
from adjudge.core.controls import Controls
from adjudge.core.errors import AdjudgeError
from adjudge.core.events import Asked, Deferred, Fault, HistoryEvent, Opinion, TimedOut
from adjudge.core.history import Case, History, cost_of, fold
from adjudge.core.plans import Plan
from adjudge.store.configuration.recorded import Recorded

MOST_STEPS: Final = 200

End: TypeAlias = Literal["accepted", "people", "fallback", "unknown", "no-plan"]
"""Answered by models and rules, by people, or by the fallback; unknown, as somebody else would be asked; no plan."""
_ENDS: Final[Mapping[str, End]] = {
    "model": "accepted",
    "rule": "accepted",
    "reviewer": "people",
    "fallback": "fallback",
}


@dataclass(frozen=True, slots=True)
class Relived:
    """What would have become of a decision."""

    end: End
    answer: str | None = None
    cost: dict[str, int] = field(default_factory=dict)
    who: str = ""
    """Of an unknown end: whom the plan would ask."""


@dataclass(slots=True)
class Tally:
    """How many decisions of a type would have ended how, beside how they did."""

    decisions: int = 0
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    other_answers: int = 0
    """Decisions whose end is known, and that would have had another answer."""
    unknown: Counter[str] = field(default_factory=Counter)
    """By whom the plan would ask."""
    cost_before: Counter[str] = field(default_factory=Counter)
    """Micros by currency, of the decisions whose end is known."""
    cost_after: Counter[str] = field(default_factory=Counter)


def preview(draft: Configuration, recorded: Iterable[Recorded], controls: Controls) -> dict[str, Tally]:
    """Return what the draft would have made of these decisions, by question type, under today's certificates."""
    controls = replace(controls, switched_off=frozenset())
    tallies: dict[str, Tally] = {}
    for each in recorded:
        tally = tallies.setdefault(each.case.type, Tally())
        tally.decisions += 1
        tally.before[_ENDS.get(each.source, each.source)] += 1
        relived = _relived(draft, each, controls)
        tally.after[relived.end] += 1
        if relived.end == "unknown":
            tally.unknown[relived.who] += 1
        elif relived.end != "no-plan":
            tally.other_answers += relived.answer != each.answer
            tally.cost_before.update(each.cost)
            tally.cost_after.update(relived.cost)
    return dict(sorted(tallies.items()))


def relive(plan: Plan, case: Case, path: tuple[HistoryEvent, ...], controls: Controls) -> Relived:
    """Put a decision through a plan, on what its deciders and people said. Pure, and total."""
    said = _Said(path)
    history, now = History(case), path[0].at if path else case.deadline
    for _ in range(MOST_STEPS):
        step = advance(plan, history, controls, now)
        history = history.then(*step.record)
        match step:
            case Settle(outcome):
                return Relived(_ENDS[outcome.source], outcome.answer, cost_of(history.events))
            case Ask():
                heard = said.to(step, now)
                if isinstance(heard, str):
                    return Relived("unknown", who=heard)
                history = history.then(*heard)
                now = max([now, *(event.at for event in heard)])
            case Wait(until):
                now = max(now, until)
                history = history.then(*_timed_out(history, now))
    return Relived("unknown", who="nobody: the plan does not end on what is recorded")


def _relived(draft: Configuration, each: Recorded, controls: Controls) -> Relived:
    try:
        asked_at = each.path[0].at if each.path else each.case.deadline
        request = Request(asked_at, each.case.stake, each.subject, each.case.facts)
        plan = draft.way(each.case.location, each.case.type, request).plan
        location = draft.location(each.case.location)
    except AdjudgeError:
        return Relived("no-plan")
    case = msgspec.structs.replace(
        each.case,
        attributes=dict(location.attributes),
        groups=location.groups,
        currency=location.currency_beside(each.case.stake),
    )
    return relive(plan, case, each.path, controls)


def _timed_out(history: History, now: datetime) -> Iterator[TimedOut]:
    asked = [tally.asked for tally in fold(history.events).tallies.values() if tally.asked and not tally.deferred]
    if asked and asked[-1].until <= now:
        yield TimedOut(at=now, stage=asked[-1].stage)


class _Said:
    """What each decider and each person said, as recorded."""

    def __init__(self, path: tuple[HistoryEvent, ...]) -> None:
        self._models: dict[str, Opinion | Fault] = {}
        self._votes: dict[str, list[Opinion]] = {}
        self._silent: set[str] = set()
        """Deciders and pools that were asked and did not answer in time."""
        stages: dict[int, Asked] = {}
        for event in path:
            match event:
                case Asked():
                    stages[event.stage] = event
                case Opinion(source="reviewer"):
                    self._votes.setdefault(event.pool or "", []).append(event)
                case Opinion() | Fault():
                    self._models.setdefault(event.by, event)
                case TimedOut() | Deferred(code="timeout" | "no-reviewer") if event.stage in stages:
                    self._silent.update(stages[event.stage].deciders)
                case _:
                    pass

    def to(self, step: Ask, now: datetime) -> list[HistoryEvent] | str:
        """Return what is said to a question, or who would have to say it."""
        if step.pool is not None:
            return self._people(step, step.pool, now)
        heard: list[HistoryEvent] = []
        for decider in step.deciders:
            if decider in self._models:
                heard.append(msgspec.structs.replace(self._models[decider], stage=step.stage, at=now))
            elif decider in self._silent:
                heard.append(TimedOut(at=step.until, stage=step.stage))
            else:
                return decider
        return heard

    def _people(self, step: Ask, pool: str, now: datetime) -> list[HistoryEvent] | str:
        waiting = self._votes.get(pool, [])
        votes, self._votes[pool] = waiting[: step.seats], waiting[step.seats :]
        heard: list[HistoryEvent] = [msgspec.structs.replace(vote, stage=step.stage, at=now) for vote in votes]
        if len(votes) == step.seats:
            return heard
        return [*heard, TimedOut(at=step.until, stage=step.stage)] if pool in self._silent else pool
