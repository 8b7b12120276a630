"""What a settled decision is in a labelled set: an item, a row of scores for each decider, people's answers."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
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


class _Opinion(msgspec.Struct, gc=False):
    """As much of an opinion as scores are made of: read in a third of the time of all of it."""

    by: str = ""
    answer: str | None = None
    confidence: float = 0.0
    distribution: dict[str, float] | None = None


_scored = msgspec.json.Decoder(list[_Opinion]).decode


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
    return (
        found.id,
        found.truth,
        found.truth_source,
        found.location,
        found.groups,
        _instant(found.asked_at),
        _instant(found.settled_at),
        found.answer,
        found.source,
        _number(found.confidence),
        found.version,
        _amount(found.stake_minor, found.stake_currency),
        found.stake_currency,
        found.lane,
        found.revision,
        found.audit,
        _number(found.audit_rate),
        found.audit_role,
        _candidates(found.space, len(labels)),
        found.imported,
    )


def score_rows(found: Recorded, labels: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """Yield (decider, row of its `scores`) for each that was asked and answered: its first opinion."""
    seen: set[str] = set()
    for opinions in found.opinions:
        for event in _scored(opinions):
            if event.answer and event.by not in seen:
                seen.add(event.by)
                scores = event.distribution or _spread(event.answer, event.confidence, labels_of(found.space) or labels)
                of = scores.get
                yield event.by, (found.id, *[f"{p:.6g}" if (p := of(label)) else "0" for label in labels])


def answer_row(said: Said) -> Row:
    """Return a row of `answers`."""
    return (
        said.decision_id,
        "" if said.reviewer.startswith(UNKNOWN_REVIEWER) else said.reviewer,
        said.answer,
        _number(said.seconds),
        _instant(said.at),
    )


def _spread(answer: str, confidence: float, labels: Sequence[str]) -> Mapping[str, float]:
    """Return scores for a decider that says only how sure it is: what is left falls evenly on the others."""
    rest = (1 - confidence) / (len(labels) - 1) if len(labels) > 1 else 0.0
    return {**dict.fromkeys(labels, rest), answer: confidence}


@lru_cache(maxsize=4_096)
def _number(text: str) -> str:
    return f"{float(text):.6g}" if text else ""


@lru_cache(maxsize=4_096)
def _amount(minor: str, currency: str) -> str:
    return Stake(int(minor), currency).decimal() if minor else ""


@lru_cache(maxsize=4_096)
def _candidates(space: str, labels: int) -> str:
    """Return the labels of a question that had fewer than the whole set."""
    own = labels_of(space)
    return json.dumps(own, ensure_ascii=False) if own is not None and len(own) < labels else ""


def _instant(text: str) -> str:
    """Write a moment in UTC as ISO 8601 has it: PostgreSQL leaves out zeros at the end, and the quotes are JSON's."""
    seconds, _, fraction = text[1:-1].partition(".")
    return f"{seconds}.{fraction:0<6}Z" if fraction else f"{seconds}Z"
