"""Brings past decisions in from a labelled set, with their real times: marked, and told to nobody.

Doing it twice does nothing twice. What a set does not know is not made up: a decision without evidence, plan or
revision, whose path holds what deciders and people are known to have said.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from adjudge.core.answers import Boolean, ClosedSpace, Labels
from adjudge.core.events import HistoryEvent, Opinion, Settled, write_events
from adjudge.core.history import Case
from adjudge.core.money import parse_stake
from adjudge.core.outcomes import OutcomeSource
from adjudge.labelled.reading import Folder, UnreadableSet, answered, instant, number, once, read_folder, scored
from adjudge.labelled.tables import opened
from adjudge.store import imports, partitions
from adjudge.store.connecting import Connection
from adjudge.store.decisions import FIRST, MINTING
from adjudge.store.imports import Gathered, Item, NewPast, PastTruth, PastVote

PAGE_ROWS: Final = 1_000
MOST_WEEKS: Final = 1_000
"""Each is a partition of every table."""
SOURCES: Final[tuple[OutcomeSource, ...]] = ("model", "rule", "reviewer", "fallback")
MODEL_STAGE, PEOPLE_STAGE = 0, 1

_distribution = msgspec.json.Decoder(dict[str, float]).decode
_candidates = msgspec.json.Decoder(tuple[str, ...]).decode
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What a set may leave open."""

    type: str
    location: str = "default"
    at: datetime | None = None
    """When items were asked whose set has no times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did."""

    decisions: int
    known: int
    """Were there already."""
    unanswered: int
    """Left out: nobody and nothing says what their answer was."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a past decision was answered with."""

    key: str
    source: OutcomeSource
    confidence: float | None


async def import_set(
    connection: Connection, path: Path, defaults: Defaults, *, now: datetime, by: str, report: Callable[[int], None]
) -> Imported:
    """Import a folder; `report` is told how many decisions are through. Raises UnreadableSet, UnreadableTable.

    All of it is read and checked before anything is stored.
    """
    folder = read_folder(path)
    await imports.prepare(connection)
    await imports.gather(connection, "item", items(folder, defaults, now))
    await imports.gather(connection, "score", scored(folder))
    await imports.gather(connection, "answer", answered(folder))
    weeks, strange = await imports.gathered(connection)
    if strange is not None:
        raise UnreadableSet(f"{path}: something is said of item {strange!r}, which is not among the items")
    if (other := await imports.mistyped(connection, defaults.type)) is not None:
        raise UnreadableSet(f"{path}: item {other[0]!r} is there already, as one of type {other[1]!r}")
    if len(weeks) > MOST_WEEKS:
        raise UnreadableSet(f"{path}: its items are spread over {len(weeks)} weeks, more than {MOST_WEEKS}")
    await partitions.cover(connection, weeks)
    return await _written(connection, folder, defaults.type, by, report)


async def _written(
    connection: Connection, folder: Folder, question_type: str, by: str, report: Callable[[int], None]
) -> Imported:
    run = await imports.begin(connection, folder.path.name, question_type, by)
    after, done, new, unanswered = FIRST, 0, 0, 0
    while found := await imports.page(connection, after, PAGE_ROWS):
        answers = [(each, answer) for each in found if (answer := answer_of(each)) is not None]
        past = [past_of(each, answer, question_type, folder.ordered) for each, answer in answers]
        votes = [vote for each, _ in answers for vote in votes_of(each)]
        truths = [
            PastTruth(each.item.id, each.item.truth_source or imports.IMPORTED_BY, each.item.truth)
            for each, _ in answers
            if each.item.truth
        ]
        new += await imports.write(connection, run, question_type, past, votes, truths) if past else 0
        after, done, unanswered = found[-1].item.id, done + len(found), unanswered + len(found) - len(past)
        report(done)
    await imports.finish(connection, run)
    return Imported(decisions=new, known=done - new - unanswered, unanswered=unanswered)


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
    if not datetime(2000, 1, 1, tzinfo=UTC) <= asked_at <= now:
        when = asked_at.isoformat()
        raise UnreadableSet(f"{where}: item {row['item_id']!r} was asked at {when}: before 2000 or to come")
    stake = parse_stake(row["stake"], row["currency"]) if row.get("stake") and row.get("currency") else None
    return Item(
        item=row["item_id"],
        id=id_of(row["item_id"], defaults.type, asked_at),
        location=row.get("location") or defaults.location,
        groups=row.get("groups", ""),
        lane=row.get("lane") or "standard",
        asked_at=asked_at,
        settled_at=instant(row.get("settled_at", ""), where),
        stake_minor=stake.minor if stake else None,
        stake_currency=stake.currency if stake else None,
        audit=row.get("audit", "").lower() == "true",
        audit_rate=number(row.get("audit_rate") or "0", where),
        audit_role=row.get("audit_role", ""),
        truth=folder.label(row["truth"], where) if row.get("truth") else None,
        truth_source=row.get("truth_source") or None,
        answer=folder.label(row["answer"], where) if row.get("answer") else None,
        source=row.get("source") or None,
        confidence=number(row["confidence"], where) if row.get("confidence") else None,
        candidates=row.get("candidates") or None,
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


def answer_of(found: Gathered) -> Answer | None:
    """Return what the set says it was answered with; else what most people said, the first model, or the truth."""
    item = found.item
    if item.answer:
        source = next((known for known in SOURCES if known == item.source), None)
        return Answer(item.answer, source or ("reviewer" if found.answers else "model"), item.confidence)
    if found.answers:
        said = [answer for _, answer, _, _ in found.answers]
        return Answer(max(dict.fromkeys(said), key=said.count), "reviewer", None)
    if found.scores:
        scores = _distribution(found.scores[0][1])
        best = max(scores, key=scores.__getitem__)
        return Answer(best, "model", scores[best])
    return Answer(item.truth, "reviewer", None) if item.truth else None


def past_of(found: Gathered, answer: Answer, question_type: str, labels: Sequence[str]) -> NewPast:
    """Return the rows of a decision."""
    item = found.item
    settled_at = max(item.settled_at or item.asked_at, item.asked_at)
    space = space_of(_candidates(item.candidates) if item.candidates else tuple(labels))
    case = Case(type=question_type, location=item.location, space=space, deadline=settled_at)
    return NewPast(
        id=item.id,
        location=item.location,
        groups=item.groups,
        lane=item.lane,
        subject="{}" if item.item == str(item.id) else _encode({"item": item.item}).decode(),
        stake_minor=item.stake_minor,
        stake_currency=item.stake_currency,
        facts=_encode(case).decode(),
        asked_at=item.asked_at,
        audit=item.audit,
        audit_rate=item.audit_rate,
        audit_role=item.audit_role,
        answer=answer.key,
        source=answer.source,
        confidence=answer.confidence,
        deciders=",".join(decider for decider, _ in found.scores) if answer.source == "model" else "",
        votes=len(found.answers),
        path=write_events(tuple(_events(found, answer, settled_at))),
        settled_at=settled_at,
    )


def votes_of(found: Gathered) -> Iterator[PastVote]:
    """Yield the votes of a decision; those without a time are a microsecond apart, which keeps their order."""
    for place, (reviewer, answer, seconds, at) in enumerate(found.answers):
        answered_at = at or found.item.asked_at + timedelta(microseconds=place)
        yield PastVote(found.item.id, reviewer, answer, seconds, answered_at)


def space_of(labels: tuple[str, ...]) -> ClosedSpace:
    """Return the answer space that has these labels."""
    return Boolean() if set(labels) == {"true", "false"} else Labels(labels)


def _events(found: Gathered, answer: Answer, settled_at: datetime) -> Iterator[HistoryEvent]:
    for decider, text in found.scores:
        scores = _distribution(text)
        best = max(scores, key=scores.__getitem__)
        yield Opinion(
            at=found.item.asked_at,
            stage=MODEL_STAGE,
            by=decider,
            source="model",
            answer=best,
            confidence=scores[best],
            distribution=scores,
        )
    for vote in votes_of(found):
        yield Opinion(
            at=vote.answered_at,
            stage=PEOPLE_STAGE,
            by=vote.reviewer,
            source="reviewer",
            answer=vote.answer,
            seconds=vote.seconds,
        )
    yield Settled(
        at=settled_at,
        version=1,
        outcome="final",
        answer=answer.key,
        source=answer.source,
        confidence=answer.confidence,
        reason="imported",
        code="imported",
    )
