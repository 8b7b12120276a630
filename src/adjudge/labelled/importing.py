"""Brings past decisions in from a labelled set, with their real times: marked, and told to nobody.

Importing a set twice changes nothing. What a set does not know is not made up: an imported decision has no evidence,
plan or revision, and its path holds only what deciders and people are known to have said.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from adjudge.core.answers import Boolean, ClosedSpace, Labels
from adjudge.core.events import HistoryEvent, Opinion, Settled, write_events
from adjudge.core.history import Case
from adjudge.core.outcomes import OutcomeSource
from adjudge.labelled.items import Defaults, items
from adjudge.labelled.reading import Folder, UnreadableSet, answered, read_folder, scored, where_said
from adjudge.store import imports, partitions
from adjudge.store.connecting import Connection
from adjudge.store.decisions import FIRST
from adjudge.store.imports import Gathered, NewPast, PastTruth, PastVote

PAGE_ROWS: Final = 1_000
MOST_WEEKS: Final = 1_000
"""Each is a partition of every table."""
MODEL_STAGE, PEOPLE_STAGE = 0, 1

_distribution = msgspec.json.Decoder(dict[str, float]).decode
_candidates = msgspec.json.Decoder(tuple[str, ...]).decode
_encode = msgspec.json.encode


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
        where = where_said(folder, strange)
        raise UnreadableSet(f"{where}: something is said of item {strange!r}, which is not among the items")
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


def answer_of(found: Gathered) -> Answer | None:
    """Return what the set says it was answered with; else what most people said, the first model, or the truth."""
    item = found.item
    if item.answer:
        return Answer(item.answer, item.source or ("reviewer" if found.answers else "model"), item.confidence)
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
            seconds=vote.seconds or 0.0,
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
