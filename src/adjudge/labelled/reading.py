"""A labelled set as an import reads it: every file once, from front to end, its rows in any order."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from adjudge.core.errors import AdjudgeError
from adjudge.labelled.assembling import ANSWERS, ITEMS, SCORES, score_table
from adjudge.labelled.progress import FILE as EXPORT
from adjudge.labelled.rows import UNKNOWN_REVIEWER
from adjudge.labelled.tables import SUFFIXES, Table, find_table, opened, stem_of

COUNTS: Final = "answer_counts"
LABELS: Final = "labels"
NORMALISED_WITHIN: Final = 1e-3
MOST_ANSWERS: Final = 200
"""Of one item."""
LISTED: Final = 4
"""Labels that a message names."""
LONGEST_SECONDS: Final = 1e9


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
    seconds: float | None
    """None: unknown, as `at` may be."""
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Folder:
    """A labelled set; its labels are known."""

    path: Path
    labels: frozenset[str]
    ordered: tuple[str, ...]

    def label(self, text: str, where: Path | str) -> str:
        """Return the text. Raises UnreadableSet where it is no label."""
        if text not in self.labels:
            raise UnreadableSet(f"{where}: {text[:80]!r} is no label {self.choice}")
        return text

    @property
    def choice(self) -> str:
        """The first labels as they were read, for a message: Parquet's `True` and `1.0` are `true` and `1`."""
        more = ", …" if len(self.ordered) > LISTED else ""
        return f"(labels are {', '.join(map(repr, self.ordered[:LISTED]))}{more})"

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
    labels: dict[str, None] = {}
    with opened(_needed(path, LABELS)) as table:
        place = table.place("label")
        for row_number, row in table.numbered:
            if not row[place]:
                raise UnreadableSet(f"{table.path}:{row_number}: there is no label")
            if row[place] in labels:
                raise UnreadableSet(f"{table.path}:{row_number}: label {row[place][:80]!r} was there before")
            labels[row[place]] = None
    if not labels:
        raise UnreadableSet(f"{table.path}: there are no labels")
    return Folder(path, frozenset(labels), tuple(labels))


def scored(folder: Folder) -> Iterator[Scored]:
    """Yield what all deciders said. Raises UnreadableSet."""
    for decider, path in folder.deciders.items():
        try:
            score_table(decider)
        except ValueError as error:  # no export could write it again
            raise UnreadableSet(f"{path}: {error}, such as vision@1") from error
        with opened(path) as table:
            for _, item, scores in score_rows(folder, table):
                yield Scored(item, decider, _encode({label: score for label, score in scores.items() if score}))


def where_said(folder: Folder, item: str) -> str:
    """Return the first file and row that say something of an item."""
    others = (find_table(folder.path, name) for name in (ANSWERS, COUNTS))
    for path in (*folder.deciders.values(), *(path for path in others if path is not None)):
        with opened(path) as table:
            place = table.place("item_id")
            for row_number, row in table.numbered:
                if row[place] == item:
                    return f"{path}:{row_number}"
    return str(folder.path)


def score_rows(folder: Folder, table: Table) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Yield where a row of scores stands, its item, and the scores by label. Raises UnreadableSet."""
    columns = _label_columns(folder, table)
    for where, name, row in _item_rows(table):
        scores = {label: _probability(row[at], name, where) for at, label in columns}
        if abs(sum(scores.values()) - 1) > NORMALISED_WITHIN:
            raise UnreadableSet(f"{where}: the scores of {name!r} add up to {sum(scores.values()):.6g}")
        yield where, name, scores


def answer_rows(folder: Folder, table: Table) -> Iterator[tuple[str, str, str, str, Sequence[str]]]:
    """Yield where an answer stands, its item, who gave it (empty: unknown), what it is, and its row.

    Raises UnreadableSet.
    """
    item, answer, reviewer = table.place("item_id"), table.place("answer"), _optional(table, "reviewer")
    seen: set[tuple[str, str]] = set()
    given: Counter[str] = Counter()
    for row_number, row in table.numbered:
        name, who, where = row[item], _field(row, reviewer), f"{table.path}:{row_number}"
        if who:
            if (name, who) in seen:
                raise UnreadableSet(f"{where}: reviewer {who!r} answered item {name!r} twice")
            seen.add((name, who))
        if row[answer] not in folder.labels:
            raise UnreadableSet(f"{where}: the answer to {name!r}, {row[answer][:80]!r}, is no label {folder.choice}")
        given[name] += 1
        _few(given[name], name, where)
        yield where, name, who, row[answer], row


def count_rows(folder: Folder, table: Table) -> Iterator[tuple[str, str, dict[str, int]]]:
    """Yield where a row of counts stands, its item, and how many gave each answer. Raises UnreadableSet."""
    columns = _label_columns(folder, table)
    for where, name, row in _item_rows(table):
        counts = {label: _count(row[at], name, where) for at, label in columns}
        _few(sum(counts.values()), name, where)
        yield where, name, counts


def _item_rows(table: Table) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield where each row stands, its item, of which there is no other row, and the row. Raises UnreadableSet."""
    item, seen = table.place("item_id"), set[str]()
    for row_number, row in table.numbered:
        where = f"{table.path}:{row_number}"
        once(row[item], seen, where)
        yield where, row[item], row


def once(name: str, seen: set[str], where: str) -> None:
    """Note an item. Raises UnreadableSet where it was there before."""
    if name in seen:
        raise UnreadableSet(f"{where}: item {name[:80]!r} was there before")
    seen.add(name)


def answered(folder: Folder) -> Iterator[Answered]:
    """Yield what people said; where only counts are known, in the order of the labels, by nobody in particular."""
    if path := find_table(folder.path, ANSWERS):
        with opened(path) as table:
            yield from _given(folder, table)
    elif path := find_table(folder.path, COUNTS):
        with opened(path) as table:
            yield from _counted(folder, table)


def instant(text: str, where: Path | str) -> datetime | None:
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
    seconds, at = _optional(table, "seconds"), _optional(table, "answered_at")
    for place, (where, item, who, answer, row) in enumerate(answer_rows(folder, table)):
        yield Answered(
            item,
            place,
            who or f"{UNKNOWN_REVIEWER}{place}",
            answer,
            _seconds(_field(row, seconds), where),
            instant(_field(row, at), where),
        )


def _counted(folder: Folder, table: Table) -> Iterator[Answered]:
    place = 0
    for _, item, counts in count_rows(folder, table):
        for label in folder.ordered:
            for _ in range(counts.get(label, 0)):
                yield Answered(item, place, f"{UNKNOWN_REVIEWER}{place}", label, None, None)
                place += 1


def _seconds(text: str, where: str) -> float | None:
    """Read for how long somebody was at work; None where it is not said. Raises UnreadableSet."""
    if not text:
        return None
    found = number(text, where)
    if not 0 <= found <= LONGEST_SECONDS:
        raise UnreadableSet(f"{where}: {text[:80]!r} seconds are no time that somebody was at work")
    return found


def _label_columns(folder: Folder, table: Table) -> list[tuple[int, str]]:
    """Return the columns of labels. One of each, but in an export: labels came up after some tables were written."""
    item = table.place("item_id")
    found = [(at, folder.label(name, table.path)) for at, name in enumerate(table.columns) if at != item]
    if len(found) < len(folder.ordered) and not (folder.path / EXPORT).is_file():
        missing = next(label for label in folder.ordered if label not in table.columns)
        raise UnreadableSet(f"{table.path}: there is no column {missing[:80]!r}, which is a label")
    return found


def _optional(table: Table, name: str) -> int | None:
    return table.columns.index(name) if name in table.columns else None


def _field(row: Sequence[str], place: int | None) -> str:
    return "" if place is None else row[place]


def _probability(text: str, name: str, where: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found <= 1:  # NaN too
        raise UnreadableSet(f"{where}: a score of {name!r}, {text[:80]!r}, is no probability")
    return found


def _count(text: str, name: str, where: str) -> int:
    found = number(text or "0", where)
    if found < 0 or found != int(found):
        raise UnreadableSet(f"{where}: a count of {name!r}, {text[:80]!r}, is no whole number from 0")
    return int(found)


def _few(answers: int, name: str, where: str) -> None:
    if answers > MOST_ANSWERS:
        raise UnreadableSet(f"{where}: item {name!r} has more than {MOST_ANSWERS} answers")


def _needed(folder: Path, name: str) -> Path:
    file = find_table(folder, name)
    if file is None:
        raise UnreadableSet(f"{folder}: there is no {name}.csv, {name}.csv.gz or {name}.parquet")
    return file


def _encode(scores: dict[str, float]) -> str:
    return msgspec.json.encode(scores).decode()
