"""A decision in words: one line of it, or its whole path with times and costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_never

from adjudge.cli.output import decimal, legible, plain, precise, rough, shown
from adjudge.client import Decision, Path, UnknownEvent, WaitingFor
from adjudge.core.events import (
    Asked,
    Declined,
    Deferred,
    Fault,
    FellBack,
    HistoryEvent,
    Opinion,
    Settled,
    TimedOut,
)
from adjudge.core.money import MICROS

_BY: Mapping[str, str] = {
    "reviewer": "by reviewers",
    "model": "by a model",
    "rule": "by a rule",
    "fallback": "by the fallback",
    "cancel": "by cancelling",
}
_WIDTH_OF_WHAT = 45
_LIKELIEST = 3


@dataclass(frozen=True, slots=True)
class Line:
    """Something that happened, and what it took."""

    at: datetime
    who: str
    what: str
    seconds: float | None = None
    cost: str = ""


def summary(decision: Decision) -> str:
    """Return the decision in one line."""
    if decision.outcome is None:
        return f"{decision.id}  {decision.status}  {_waits(decision.waiting_for)}"
    outcome = decision.outcome
    said = _said(outcome.source, outcome.reason)
    return plain(f"{decision.id}  {decision.status}  {shown(outcome.answer)}, {said}")


def path_lines(path: Path) -> list[str]:
    """Return one line for each thing that happened: time (UTC), who, what, duration, cost."""
    lines = list(_lines(path))
    who = max(len(line.who) for line in lines) + 2
    what = max(_WIDTH_OF_WHAT, *(len(line.what) for line in lines if line.seconds is not None), 0) + 2
    took = max((len(_duration(line)) for line in lines), default=0) + 2
    return [_written(line, who, what, took) for line in lines]


def _lines(path: Path) -> Iterator[Line]:
    yield Line(path.decision.asked_at, "asked", _question(path))
    costs = _Costs()
    last = max((index for index, event in enumerate(path.events) if isinstance(event, Settled)), default=-1)
    for index, event in enumerate(path.events):
        if isinstance(event, Settled):
            seconds = (event.at - path.decision.asked_at).total_seconds()
            yield Line(event.at, "settled", _settled(event), seconds, costs.total() if index == last else "")
        elif (line := _line(event, costs)) is not None:
            yield line
    if path.decision.outcome is None:
        waits = _waits(path.decision.waiting_for)
        yield Line(path.events[-1].at if path.events else path.decision.asked_at, path.decision.status, waits)


def _line(event: HistoryEvent | UnknownEvent, costs: "_Costs") -> Line | None:
    match event:
        case Opinion():
            return Line(event.at, event.by, _opinion(event), event.seconds, costs.of(event))
        case Fault():
            what = f"{event.fault}: {event.detail}" if event.detail else event.fault
            return Line(event.at, event.by, what, event.seconds, costs.of(event))
        case Declined():
            return Line(event.at, event.by, f"declined: {event.reason}")
        case TimedOut():
            return Line(event.at, "timed out", f"stage {event.stage + 1}")
        case Deferred():
            return Line(event.at, "deferred", event.reason)
        case FellBack():
            return Line(event.at, "fallback", f"{event.fallback} until {_clock(event.until)}: {event.reason}")
        case UnknownEvent():
            return Line(event.at, event.kind, "(newer than this command)")
        case Asked() | Settled():
            return None
        case _:
            assert_never(event)


class _Costs:
    """What was spent, as shown: the total is the sum of the lines, never over currencies."""

    def __init__(self) -> None:
        self._spent: dict[str, Decimal] = {}

    def of(self, event: Opinion | Fault) -> str:
        if event.currency is None:
            return ""
        amount = legible(Decimal(event.cost_micros) / MICROS)
        self._spent[event.currency] = self._spent.get(event.currency, Decimal(0)) + amount
        return f"{decimal(amount)} {event.currency}"

    def total(self) -> str:
        spent = " + ".join(f"{decimal(amount)} {currency}" for currency, amount in sorted(self._spent.items()))
        return f"{spent} in all" if spent else ""


def _question(path: Path) -> str:
    decision = path.decision
    said = f"{decision.type} at {decision.location}"
    if path.stake is not None:
        said += f", stake {path.stake.amount} {path.stake.currency}"
    if decision.deadline is not None:
        said += f", due in {rough((decision.deadline - decision.asked_at).total_seconds())}"
    return f"{said}; revision {decision.revision}" + (f", plan {path.plan}" if path.plan else "")


def _opinion(opinion: Opinion) -> str:
    if opinion.answer is None:
        return "abstains"
    if opinion.distribution:
        likeliest = sorted(opinion.distribution.items(), key=lambda each: (-each[1], each[0]))[:_LIKELIEST]
        return ", ".join(f"{answer} {probability:.2f}" for answer, probability in likeliest if probability > 0)
    return opinion.answer if opinion.source == "reviewer" else f"{opinion.answer} {opinion.confidence:.2f}"


def _settled(event: Settled) -> str:
    answer = "cancelled" if event.source == "cancel" else f"{event.answer}, {event.outcome}"
    return f"{answer}, {_said(event.source, event.reason)}"


def _said(source: str, reason: str) -> str:
    by = _BY.get(source, source)
    reason = reason.removeprefix("fallback: ")
    return f"{by}: {reason}" if reason else by


def _waits(waiting: WaitingFor | None) -> str:
    if waiting is None:
        return "waits"
    until = f" until {_clock(waiting.until)}" if waiting.until else ""
    if waiting.held:
        return f"held{until}"
    if waiting.pool:
        return f"waits for {waiting.pool}{until}, {waiting.votes or 0} answered so far"
    return f"waits for {waiting.decider or ', '.join(waiting.deciders) or 'nobody'}{until}"


def _written(line: Line, who: int, what: int, took: int) -> str:
    written = f"{_clock(line.at, 'milliseconds')}  {plain(line.who):<{who}}{plain(line.what)}"
    if line.seconds is None:
        return written
    return f"{written:<{14 + who + what}}{_duration(line):<{took}}{line.cost}".rstrip()


def _duration(line: Line) -> str:
    return "" if line.seconds is None else precise(line.seconds)


def _clock(at: datetime, digits: str = "seconds") -> str:
    return at.astimezone(UTC).time().isoformat(digits)
