"""The figures of a run, from one row a decision: whoever has the rows can compute them again."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from adjudge.client import Decision
from adjudge_retail.demo.ledger import Entry, Ledger

EVERYTHING: Final = 3
"""Votes for each decision where people answer all of them: the usual majority of three."""
AUTOMATED: Final = frozenset({"model", "rule"})


@dataclass(frozen=True, slots=True)
class Row:
    """One decision, as it stands in the CSV file."""

    item: str
    decision: str
    answer: str
    """Empty, like the source, while the decision is open."""
    source: str
    votes: int
    version: int
    milliseconds: float | None
    type: str
    location: str
    group: str
    truth: str | None
    audit_votes: int = 0
    """Of the votes."""
    certificate: str | None = None
    """Under which a model answered alone."""
    mixed_up: bool = False
    """Asked after the group's edge boxes had got the bad release."""
    asked_seconds: float = 0.0
    """After the start."""
    settled_seconds: float | None = None

    @property
    def is_settled(self) -> bool:
        return bool(self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is said of a set of decisions. Shares are of those settled; None where there is no basis."""

    decisions: int
    by_source: dict[str, int]
    coverage: float | None
    """Share settled by models and rules; fallbacks are beside it, never within."""
    error_by_source: dict[str, float]
    """Share of wrong answers among those whose truth is known."""
    error: float | None
    votes_per_decision: float | None
    p50_ms: float | None
    p95_ms: float | None

    @property
    def fallback_share(self) -> float:
        settled = sum(self.by_source.values())
        return self.by_source.get("fallback", 0) / settled if settled else 0.0

    def as_json(self) -> dict[str, object]:
        """Return the figures by name, rounded to what a reader needs."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def rows(ledger: Ledger) -> list[Row]:
    """Return a row for each accepted decision, in the order asked."""
    entries = sorted(ledger.entries.items(), key=lambda entry: entry[1].case.event)
    return [row_of(decision, entry, ledger) for decision, entry in entries]


def figures(of: Sequence[Row]) -> Figures:
    """Compute the figures of some rows."""
    settled = [row for row in of if row.is_settled]
    by_source = dict(sorted(Counter(row.source for row in settled).items()))
    waits = sorted(row.milliseconds for row in settled if row.milliseconds is not None)
    errors = {source: error_of(row for row in settled if row.source == source) for source in by_source}
    return Figures(
        decisions=len(of),
        by_source=by_source,
        coverage=_share(sum(by_source.get(source, 0) for source in AUTOMATED), len(settled)),
        error_by_source={source: error for source, error in errors.items() if error is not None},
        error=error_of(settled),
        votes_per_decision=_share(sum(row.votes for row in of), len(of)),
        p50_ms=percentile(waits, 0.50),
        p95_ms=percentile(waits, 0.95),
    )


def by_group(of: Sequence[Row], groups: Sequence[str]) -> dict[str, Figures]:
    """Compute the figures of each store group."""
    return {group: figures([row for row in of if row.group == group]) for group in groups}


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the least value that at least `share` of the values do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def row_of(decision: str, entry: Entry, ledger: Ledger) -> Row:
    """Return what is known of a decision by now."""
    case, outcome = entry.case, entry.decision.outcome if entry.is_settled else None
    waited = entry.milliseconds
    return Row(
        item=case.item.id,
        decision=decision,
        answer="" if outcome is None else str(outcome.answer),
        source="" if outcome is None else outcome.source,
        votes=ledger.votes.get(case.event, 0),
        version=0 if outcome is None else outcome.version,
        milliseconds=None if waited is None else round(waited, 1),
        type=case.source.type,
        location=case.store.name,
        group=case.store.group,
        truth=case.truth,
        audit_votes=ledger.audit_votes.get(case.event, 0),
        certificate=None if outcome is None else outcome.certificate,
        mixed_up=entry.is_mixed_up,
        asked_seconds=round(entry.asked_seconds, 3),
        settled_seconds=None if outcome is None else round(entry.asked_seconds + _taken(entry.decision), 3),
    )


def _taken(decision: Decision) -> float:
    """Return the seconds from question to outcome, by the product's clock."""
    assert decision.outcome is not None
    return (decision.outcome.settled_at - decision.asked_at).total_seconds()


def error_of(of: Iterable[Row]) -> float | None:
    known = [row.answer != row.truth for row in of if row.truth is not None]
    return _share(sum(known), len(known))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _rounded(value: object) -> object:
    match value:
        case float():
            return round(value, 5)
        case dict():
            return {name: _rounded(inner) for name, inner in value.items()}
        case _:
            return value
