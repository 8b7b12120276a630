"""A labelled set as an import reads it: every file once, from front to end, its rows in any order."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from adjudge.core.errors import AdjudgeError
from adjudge.labelled.assembling import ANSWERS, ITEMS, SCORES
from adjudge.labelled.rows import UNKNOWN_REVIEWER
from adjudge.labelled.tables import SUFFIXES, Table, find_table, opened, stem_of

COUNTS: Final = "answer_counts"
LABELS: Final = "labels"
NORMALISED_WITHIN: Final = 1e-3


class UnreadableSet(AdjudgeError):
    """The folder is not a labelled set, or a value does not fit. The message names the file."""

    kind = "unreadable-set"


class Scored(NamedTuple):
    """What a decider said of an item."""

    item: str
    decider: str
    distribution: str
    """JSON object of the labels that have a probability."""


class Answered(NamedTuple):
    """What a person said of an item."""

    item: str
    place: int
    """In the order in which they were given."""
    reviewer: str
    answer: str
    seconds: float
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Folder:
    """A labelled set; its labels are known."""

    path: Path
    labels: frozenset[str]
    ordered: tuple[str, ...]

    def label(self, text: str, where: Path) -> str:
        """Return the text. Raises UnreadableSet where it is no label."""
        if text not in self.labels:
            raise UnreadableSet(f"{where}: {text[:80]!r} is no label")
        return text

    @property
    def deciders(self) -> dict[str, Path]:
        """The files of scores, by decider."""
        folder = self.path / SCORES
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        return {stem_of(file): file for file in found if file.name.endswith(SUFFIXES) and file.name[0] != "."}

    @property
    def items(self) -> Path:
        return _needed(self.path, ITEMS)


def read_folder(path: Path) -> Folder:
    """Return the set of a folder. Raises UnreadableSet, UnreadableTable."""
    with opened(_needed(path, LABELS)) as table:
        place = table.place("label")
        labels = tuple(row[place] for row in table.rows)
    if not labels or len(set(labels)) < len(labels):
        raise UnreadableSet(f"{path}: labels must be there, each once")
    return Folder(path, frozenset(labels), labels)


def scored(folder: Folder) -> Iterator[Scored]:
    """Yield what all deciders said."""
    for decider, path in folder.deciders.items():
        with opened(path) as table:
            place = table.place("item_id")
            columns = [
                (number, folder.label(name, path)) for number, name in enumerate(table.columns) if number != place
            ]
            for row in table.rows:
                scores = {label: _probability(row[number], path) for number, label in columns}
                if abs(sum(scores.values()) - 1) > NORMALISED_WITHIN:
                    raise UnreadableSet(f"{path}: the scores of {row[place]} add up to {sum(scores.values()):.6g}")
                yield Scored(row[place], decider, _encode({label: score for label, score in scores.items() if score}))


def answered(folder: Folder) -> Iterator[Answered]:
    """Yield what people said; where only counts are known, in the order of the labels, by nobody in particular."""
    if path := find_table(folder.path, ANSWERS):
        with opened(path) as table:
            yield from _given(folder, table)
    elif path := find_table(folder.path, COUNTS):
        with opened(path) as table:
            yield from _counted(folder, table)


def instant(text: str, where: Path) -> datetime | None:
    """Read an instant; None where there is none. Raises UnreadableSet."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnreadableSet(f"{where}: {error}") from error
    if found.tzinfo is None:
        raise UnreadableSet(f"{where}: {text} has no offset")
    return found


def number(text: str, where: Path | str) -> float:
    """Read a number. Raises UnreadableSet."""
    try:
        found = float(text)
    except ValueError:
        raise UnreadableSet(f"{where}: {text[:80]!r} is no number") from None
    if not math.isfinite(found):
        raise UnreadableSet(f"{where}: {text[:80]!r} is no number")
    return found


def _given(folder: Folder, table: Table) -> Iterator[Answered]:
    item, answer = table.place("item_id"), table.place("answer")
    reviewer, seconds, at = (_optional(table, name) for name in ("reviewer", "seconds", "answered_at"))
    for place, row in enumerate(table.rows):
        yield Answered(
            row[item],
            place,
            _field(row, reviewer) or f"{UNKNOWN_REVIEWER}{place}",
            folder.label(row[answer], table.path),
            number(_field(row, seconds) or "0", table.path),
            instant(_field(row, at), table.path),
        )


def _counted(folder: Folder, table: Table) -> Iterator[Answered]:
    item = table.place("item_id")
    columns = [(at, folder.label(name, table.path)) for at, name in enumerate(table.columns) if at != item]
    place = 0
    for row in table.rows:
        for at, label in columns:
            for _ in range(int(number(row[at] or "0", table.path))):
                yield Answered(row[item], place, f"{UNKNOWN_REVIEWER}{place}", label, 0.0, None)
                place += 1


def _optional(table: Table, name: str) -> int | None:
    return table.columns.index(name) if name in table.columns else None


def _field(row: Sequence[str], place: int | None) -> str:
    return "" if place is None else row[place]


def _probability(text: str, where: Path) -> float:
    found = number(text or "0", where)
    if not 0 <= found <= 1:
        raise UnreadableSet(f"{where}: {text[:80]!r} is no probability")
    return found


def _needed(folder: Path, name: str) -> Path:
    file = find_table(folder, name)
    if file is None:
        raise UnreadableSet(f"{folder}: there is no {name}.csv, {name}.csv.gz or {name}.parquet")
    return file


def _encode(scores: dict[str, float]) -> str:
    return msgspec.json.encode(scores).decode()
