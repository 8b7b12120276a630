"""What a settled decision is in a labelled set: an item, a row of scores for each decider, people's answers."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Final

import msgspec

from adjudge.core.answers import Boolean, ClosedSpace, Integer, Labels, Structured
from adjudge.core.money import Stake
from adjudge.labelled.tables import Column, Row
from adjudge.store.extracting import Recorded, Said

ITEM_COLUMNS: Final = (
    Column("item_id"),
    Column("truth"),
    Column("truth_source"),
    Column("location"),
    Column("groups"),
    Column("asked_at", "instant"),
    Column("settled_at", "instant"),
    Column("answer"),
    Column("source"),
    Column("confidence", "number"),
    Column("version", "count"),
    Column("stake"),
    Column("currency"),
    Column("lane"),
    Column("revision", "count"),
    Column("audit", "flag"),
    Column("audit_rate", "number"),
    Column("audit_role"),
    Column("candidates"),
    Column("imported", "flag"),
)
ANSWER_COLUMNS: Final = (
    Column("item_id"),
    Column("reviewer"),
    Column("answer"),
    Column("seconds", "number"),
    Column("answered_at", "instant"),
)
UNKNOWN_REVIEWER: Final = "?"
"""Begins the names under which answers of nobody in particular are stored: no person can be called so."""

_space = msgspec.json.Decoder(ClosedSpace)


class _Event(msgspec.Struct, gc=False):
    """As much of a path's event as scores are made of: read in a third of the time of all of it."""

    kind: str
    by: str = ""
    source: str = ""
    answer: str | None = None
    confidence: float = 0.0
    distribution: dict[str, float] | None = None


_scored = msgspec.json.Decoder(list[_Event]).decode


def score_columns(labels: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of a score table."""
    return (Column("item_id"), *(Column(label, "number") for label in labels))


@lru_cache(maxsize=4_096)
def labels_of(space: str) -> tuple[str, ...] | None:
    """Return the answers of a space, in order; None where they cannot be listed."""
    found: ClosedSpace = _space.decode(space)
    match found:
        case Labels(labels):
            return labels
        case Boolean():
            return ("true", "false")
        case Integer(minimum, maximum):
            return tuple(str(number) for number in range(minimum, maximum + 1))
        case Structured():
            return None


def union(labels: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    """Return the labels with those that were not among them yet, in order."""
    return tuple(dict.fromkeys(chain(labels, more)))


def item_row(found: Recorded, labels: Sequence[str]) -> Row:
    """Return the row of `items`; `labels` are those of the whole set."""
    currency = found.stake_currency or ""
    own = labels_of(found.space)
    return (
        str(found.id),
        found.truth or "",
        found.truth_source or "",
        found.location,
        ";".join(found.groups),
        _instant(found.asked_at),
        _instant(found.settled_at),
        found.answer or "",
        found.source,
        "" if found.confidence is None else f"{found.confidence:.6g}",
        str(found.version),
        "" if found.stake_minor is None else _amount(found.stake_minor, currency),
        currency,
        found.lane,
        str(found.revision),
        _flag(found.audit),
        f"{found.audit_rate:.6g}",
        found.audit_role,
        json.dumps(own, ensure_ascii=False) if own is not None and len(own) < len(labels) else "",
        _flag(found.imported),
    )


def score_rows(found: Recorded, labels: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """Yield (decider, row of its `scores`) for each that was asked and answered: its first opinion."""
    seen: set[str] = set()
    for path in found.paths:
        for event in _scored(path):
            if event.kind == "opinion" and event.source != "reviewer" and event.answer and event.by not in seen:
                seen.add(event.by)
                scores = event.distribution or _spread(event.answer, event.confidence, labels_of(found.space) or labels)
                yield event.by, (str(found.id), *(_score(scores.get(label)) for label in labels))


def answer_row(said: Said) -> Row:
    """Return a row of `answers`."""
    return (
        str(said.decision_id),
        "" if said.reviewer.startswith(UNKNOWN_REVIEWER) else said.reviewer,
        said.answer,
        "" if said.seconds is None else f"{said.seconds:.6g}",
        _instant(said.at),
    )


def _spread(answer: str, confidence: float, labels: Sequence[str]) -> Mapping[str, float]:
    """Return scores for a decider that says only how sure it is: what is left falls evenly on the others."""
    rest = (1 - confidence) / (len(labels) - 1) if len(labels) > 1 else 0.0
    return {**dict.fromkeys(labels, rest), answer: confidence}


def _score(probability: float | None) -> str:
    return f"{probability:.6g}" if probability else "0"


@lru_cache(maxsize=4_096)
def _amount(minor: int, currency: str) -> str:
    return Stake(minor, currency).decimal()


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _instant(moment: datetime) -> str:
    """Write a moment of the database, which is asked for UTC."""
    text = moment.isoformat()
    assert text.endswith("+00:00")
    return f"{text[:-6]}Z"
