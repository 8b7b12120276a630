"""A decision in words: one line of it, or its whole path with times and costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from adjudge.cli.cells import filled, room
from adjudge.cli.output import decimal, legible, plain, precise, rough, shown
from adjudge.client import Decision, Event, Label, Path, WaitingFor

MICROS = 1_000_000
_BY: Mapping[str, str] = {
    "reviewer": "by reviewers",
    "model": "by a model",
    "rule": "by a rule",
    "fallback": "by the fallback",
    "cancel": "by cancelling",
}
_LATE = ("late-vote", "late-audit-vote")
"""Sources of labels that are votes, of whom `ref` says; callers name theirs as they like, `late-delivery` too."""
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
        return f"{decision.id}  {decision.status}  {_waits(decision.waiting_for, decision.asked_at)}"
    outcome = decision.outcome
    said = _said(outcome.source, outcome.reason)
    return plain(f"{decision.id}  {decision.status}  {shown(outcome.answer)}, {said}")


def path_lines(path: Path) -> list[str]:
    """Return one line for each thing that happened: time (UTC), who, what, duration, cost."""
    lines = list(_lines(path))
    who = max(room(plain(line.who)) for line in lines) + 2
    what = max(_WIDTH_OF_WHAT, *(room(plain(line.what)) for line in lines if line.seconds is not None), 0) + 2
    took = max((len(_duration(line)) for line in lines), default=0) + 2
    return [_written(line, who, what, took) for line in lines]


def _lines(path: Path) -> Iterator[Line]:
    yield Line(path.decision.asked_at, "asked", _question(path))
    costs = _Costs()
    last = max((index for index, event in enumerate(path.events) if event.kind == "settled"), default=-1)
    for index, event in enumerate(path.events):
        if event.kind == "settled":
            seconds = (event.at - path.decision.asked_at).total_seconds()
            yield Line(event.at, "settled", _settled(event), seconds, costs.total() if index == last else "")
        elif (line := _line(event, costs)) is not None:
            is_imported = path.plan is None
            yield replace(line, seconds=line.seconds or None) if is_imported else line  # there 0 is not known
    if path.decision.outcome is None:
        at = path.events[-1].at if path.events else path.decision.asked_at
        yield Line(at, path.decision.status, _waits(path.decision.waiting_for, at))
    for label in path.labels:
        yield Line(label.at, *_known(label))


def _known(label: Label) -> tuple[str, str]:
    """Return who says what is true, or came too late."""
    if label.source in _LATE:
        return label.ref, f"{shown(label.answer)}, too late: kept as a label"
    where = f" ({label.ref})" if label.ref else ""
    return label.source, f"{shown(label.answer)} was right{where}"


def _line(event: Event, costs: "_Costs") -> Line | None:
    match event.kind:
        case "asked":
            return None  # who was asked is seen by who answered
        case "opinion":
            return Line(event.at, _whose(event), _opinion(event), event.seconds or 0.0, costs.of(event))
        case "fault":
            what = f"{event.fault}: {event.detail}" if event.detail else str(event.fault)
            return Line(event.at, event.by or "", what, event.seconds or 0.0, costs.of(event))
        case "declined":
            return Line(event.at, event.by or "", f"declined: {event.reason}")
        case "timed_out":
            return Line(
                event.at, "nobody left" if event.nobody_left else "timed out", f"stage {(event.stage or 0) + 1}"
            )
        case "deferred":
            return Line(event.at, "deferred", event.reason)
        case "fell_back":
            until = _until(event.until, event.at)
            return Line(event.at, "fallback", f"{event.fallback}{until}: {event.reason}")
        case other:
            return Line(event.at, other.replace("_", " "), event.reason or event.detail)


class _Costs:
    """What was spent, as shown: the total is the sum of the lines, never over currencies."""

    def __init__(self) -> None:
        self._spent: dict[str, Decimal] = {}

    def of(self, event: Event) -> str:
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
    return f"{said}; revision {decision.revision}" + (
        f", plan {path.plan.name}" if path.plan and path.plan.name else ""
    )


def _opinion(opinion: Event) -> str:
    if opinion.answer is None:
        return "abstains"
    if opinion.distribution:
        likeliest = sorted(opinion.distribution.items(), key=lambda each: (-each[1], each[0]))[:_LIKELIEST]
        return ", ".join(f"{answer} {probability:.2f}" for answer, probability in likeliest if probability > 0)
    answer = shown(opinion.answer)
    return answer if opinion.source == "reviewer" else f"{answer} {opinion.confidence or 0:.2f}"


def _whose(opinion: Event) -> str:
    """Return who said it; nobody is called `?1`, as answers are stored that were imported without a person."""
    name = opinion.by or ""
    return "somebody" if name.startswith("?") else name


def _settled(event: Event) -> str:
    answer = "cancelled" if event.source == "cancel" else f"{shown(event.answer)}, {event.outcome}"
    return f"{answer}, {_said(event.source or '', event.reason)}"


def _said(source: str, reason: str) -> str:
    by = _BY.get(source, source)
    reason = reason.removeprefix("fallback: ")
    return f"{by}: {reason}" if reason else by


def _waits(waiting: WaitingFor | None, at: datetime) -> str:
    if waiting is None:
        return "waits"
    until = _until(waiting.until, at)
    if waiting.held:
        return f"held{until}"
    if waiting.pool:
        return f"waits for {waiting.pool}{until}, {waiting.votes or 0} answered so far"
    return f"waits for {waiting.decider or ', '.join(waiting.deciders) or 'nobody'}{until}"


def _written(line: Line, who: int, what: int, took: int) -> str:
    written = f"{_clock(line.at, 'milliseconds')}  {filled(plain(line.who), who)}{plain(line.what)}"
    if line.seconds is None:
        return written
    return f"{filled(written, 14 + who + what)}{_duration(line):<{took}}{line.cost}".rstrip()


def _duration(line: Line) -> str:
    return "" if line.seconds is None else precise(line.seconds)


def _until(until: datetime | None, at: datetime) -> str:
    """Write the time; the day too, where it is another one."""
    if until is None:
        return ""
    day = until.astimezone(UTC).date()
    return f" until {f'{day} ' if day != at.astimezone(UTC).date() else ''}{_clock(until)}"


def _clock(at: datetime, digits: str = "seconds") -> str:
    return at.astimezone(UTC).time().isoformat(digits)
