"""The items of a set as past decisions: what each row says, checked field by field.

Nothing that a row says is passed over or mended: what does not fit refuses the set, by file and row.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, get_args
from uuid import UUID

import msgspec

from adjudge.core.money import InvalidMoney, Stake, parse_stake
from adjudge.core.outcomes import OutcomeSource
from adjudge.core.specifications import Lane
from adjudge.labelled.reading import Folder, UnreadableSet, instant, number, once
from adjudge.labelled.tables import opened
from adjudge.store.decisions import MINTING
from adjudge.store.imports import Item
from adjudge.store.labels import LATE_VOTE

SOURCES: Final[Mapping[str, OutcomeSource]] = {
    "model": "model",
    "rule": "rule",
    "reviewer": "reviewer",
    "fallback": "fallback",
}
LANES: Final[tuple[str, ...]] = get_args(Lane)
FLAGS: Final = {"": False, "false": False, "0": False, "true": True, "1": True}
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)

_candidates = msgspec.json.Decoder(tuple[str, ...]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a set may leave open."""

    type: str
    location: str = "default"
    at: datetime | None = None
    """When items were asked whose set has no times."""


def items(folder: Folder, defaults: Defaults, now: datetime) -> Iterator[Item]:
    """Yield the items of a set. Raises UnreadableSet."""
    with opened(folder.items) as table:
        item = table.place("item_id")
        seen: set[str] = set()
        for row_number, row in table.numbered:
            where = f"{table.path}:{row_number}"
            if not row[item]:
                raise UnreadableSet(f"{where}: there is no item_id")
            once(row[item], seen, where)
            yield _item(folder, dict(zip(table.columns, row, strict=True)), where, defaults, now)


def _item(folder: Folder, row: Mapping[str, str], where: str, defaults: Defaults, now: datetime) -> Item:
    asked_at = instant(row.get("asked_at", ""), where) or defaults.at
    if asked_at is None:
        raise UnreadableSet(f"{where}: item {row['item_id']!r} has no asked_at: say when with --at")
    settled_at = instant(row.get("settled_at", ""), where)
    for what, moment in (("asked", asked_at), ("settled", settled_at)):
        if moment is not None and not EARLIEST <= moment <= now:
            when = moment.isoformat()
            raise UnreadableSet(f"{where}: item {row['item_id']!r} was {what} at {when}: before 2000 or to come")
    stake = _stake(row, where)
    answer = folder.label(row["answer"], where) if row.get("answer") else None
    return Item(
        item=row["item_id"],
        id=id_of(row["item_id"], defaults.type, asked_at),
        location=row.get("location") or defaults.location,
        groups=row.get("groups", ""),
        lane=_one_of(row, "lane", LANES, where) or "standard",
        asked_at=asked_at,
        settled_at=settled_at,
        stake_minor=stake.minor if stake else None,
        stake_currency=stake.currency if stake else None,
        audit=_flag(row, "audit", where),
        audit_rate=_probability(row, "audit_rate", where) or 0.0,
        audit_role=row.get("audit_role", ""),
        truth=folder.label(row["truth"], where) if row.get("truth") else None,
        truth_source=_truth_source(row, where),
        answer=answer,
        source=SOURCES.get(_one_of(row, "source", SOURCES, where) or ""),
        confidence=_probability(row, "confidence", where),
        candidates=_own_labels(folder, row, answer, where),
    )


def id_of(item: str, question_type: str, asked_at: datetime) -> UUID:
    """Return the item's own id where it is one of a decision asked then; else one that follows from it."""
    milliseconds = int(asked_at.timestamp() * 1000)
    try:
        own = UUID(item)
    except ValueError:
        own = None
    if own is not None and own.version == 7 and abs((own.int >> 80) - milliseconds) <= MINTING.total_seconds() * 1000:
        return own
    digest = hashlib.blake2b(f"{question_type}\0{item}".encode(), digest_size=16).digest()
    chance = int.from_bytes(digest, "big") & ((1 << 80) - 1)
    high, low = chance >> 68, chance & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)


def _stake(row: Mapping[str, str], where: str) -> Stake | None:
    amount, currency = row.get("stake"), row.get("currency")
    if not amount:
        return None
    if not currency:
        raise UnreadableSet(f"{where}: a stake of {amount!r} is in no currency")
    try:
        return parse_stake(amount, currency)
    except InvalidMoney as error:
        raise UnreadableSet(f"{where}: {error}") from error


def _truth_source(row: Mapping[str, str], where: str) -> str | None:
    source = row.get("truth_source") or None
    if source == LATE_VOTE:
        raise UnreadableSet(f"{where}: what came as {source!r} is an answer, and no truth: put it among the answers")
    return source


def _flag(row: Mapping[str, str], name: str, where: str) -> bool:
    text = row.get(name, "")
    if text.lower() not in FLAGS:
        raise UnreadableSet(f"{where}: {name} {text[:80]!r} is neither true nor false")
    return FLAGS[text.lower()]


def _probability(row: Mapping[str, str], name: str, where: str) -> float | None:
    if not (text := row.get(name)):
        return None
    found = number(text, where)
    if not 0 <= found <= 1:
        raise UnreadableSet(f"{where}: {name} {text[:80]!r} is no probability")
    return found


def _one_of(row: Mapping[str, str], name: str, known: "Mapping[str, object] | tuple[str, ...]", where: str) -> str:
    text = row.get(name, "")
    if text and text not in known:
        raise UnreadableSet(f"{where}: {name} {text[:80]!r} is not one of {', '.join(known)}")
    return text


def _own_labels(folder: Folder, row: Mapping[str, str], answer: str | None, where: str) -> str | None:
    """Return the JSON list of what could be answered; None: all labels."""
    if not (text := row.get("candidates")):
        return None
    try:
        listed = _candidates(text)
    except msgspec.DecodeError:
        raise UnreadableSet(f"{where}: candidates {text[:80]!r} are no JSON list of labels") from None
    for label in listed:
        folder.label(label, where)
    if answer is not None and answer not in listed:
        raise UnreadableSet(f"{where}: the answer {answer[:80]!r} is not among its candidates")
    return text
