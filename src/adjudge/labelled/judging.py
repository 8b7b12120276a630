"""A labelled set as a backtest reads it: whole, into columns, with every fault named by file and row.

A set that could mislead is refused: nothing is left out silently, and nothing is mended.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adjudge.automation.backtesting.sets import FEWEST_ITEMS, LabelledSet
from adjudge.labelled.assembling import ANSWERS
from adjudge.labelled.reading import COUNTS, NORMALISED_WITHIN, Folder, UnreadableSet, number, read_folder
from adjudge.labelled.tables import Table, find_table, opened

MOST_ANSWERS: Final = 200
"""Of one item."""

Numbered = tuple[LabelledSet, int]


def read_set(path: Path, where: Mapping[str, str] | None = None) -> Numbered:
    """Return the set, and how many items were left out because an export does not know their truth.

    `where`: only items whose columns have these values. Raises UnreadableSet, UnreadableTable.
    """
    folder = read_folder(path)
    if len(folder.ordered) < 2:
        raise UnreadableSet(f"{path}: there is one label only: nothing can be decided")
    items, others, unknown = _items(folder, where or {})
    names, truth = list(items), np.array(list(items.values()))
    if len(names) < FEWEST_ITEMS:
        raise UnreadableSet(f"{folder.items}: {len(names)} items with a truth are too few: at least {FEWEST_ITEMS}")
    if len(set(truth.tolist())) < 2:
        raise UnreadableSet(f"{folder.items}: the truth is {folder.ordered[truth[0]]!r} everywhere: one class only")
    places = {name: place for place, name in enumerate(names)}
    scores = {name: _scores(folder, file, places, others) for name, file in folder.deciders.items()}
    answers, reviewers, people = _answers(folder, places, others)
    if not scores and not answers.shape[1]:
        raise UnreadableSet(f"{path}: neither scores nor answers: there is nobody to judge")
    data = LabelledSet(
        labels=folder.ordered,
        items=tuple(names),
        truth=truth,
        scores=scores,
        answers=answers,
        reviewers=reviewers,
        people=people,
    )
    return data, unknown


def _items(folder: Folder, where: Mapping[str, str]) -> tuple[dict[str, int], set[str], int]:
    """Return truth by item, the items that are not judged, and how many of these for want of truth."""
    labels = {label: place for place, label in enumerate(folder.ordered)}
    found: dict[str, int] = {}
    others: set[str] = set()
    unknown = 0
    with opened(folder.items) as table:
        item, truth = table.place("item_id"), table.place("truth")
        wanted = [(table.place(column), value) for column, value in where.items()]
        is_export = "truth_source" in table.columns
        for row_number, row in enumerate(table.rows, start=2):
            name, at = row[item], f"{table.path}:{row_number}"
            if not name:
                raise UnreadableSet(f"{at}: there is no item_id")
            if name in found or name in others:
                raise UnreadableSet(f"{at}: item {name!r} was there before")
            if any(row[place] != value for place, value in wanted):
                others.add(name)
            elif row[truth] in labels:
                found[name] = labels[row[truth]]
            elif row[truth]:
                raise UnreadableSet(f"{at}: the truth of {name!r}, {row[truth][:80]!r}, is no label")
            elif is_export:
                others.add(name)
                unknown += 1
            else:
                raise UnreadableSet(f"{at}: item {name!r} has no truth")
    if not found:
        asked = " and ".join(f"{column} = {value}" for column, value in where.items())
        raise UnreadableSet(
            f"{folder.items}: no item{f' with {asked}' if asked else ''} has a truth: the slice is empty"
        )
    return found, others, unknown


def _scores(folder: Folder, file: Path, places: Mapping[str, int], others: set[str]) -> NDArray[np.float32]:
    found = np.zeros((len(places), len(folder.ordered)), np.float32)
    order = {label: place for place, label in enumerate(folder.ordered)}
    seen: set[str] = set()
    with opened(file) as table:
        item = table.place("item_id")
        columns = [(at, order[folder.label(name, file)]) for at, name in enumerate(table.columns) if at != item]
        targets = [label for _, label in columns]
        for row_number, row in enumerate(table.rows, start=2):
            name, where = row[item], f"{file}:{row_number}"
            if name in seen:
                raise UnreadableSet(f"{where}: item {name!r} was there before")
            seen.add(name)
            place = places.get(name)
            if place is None:
                _known(name, others, where)
                continue
            values = [_probability(row[at], name, where) for at, _ in columns]
            if abs(sum(values) - 1) > NORMALISED_WITHIN:
                raise UnreadableSet(f"{where}: the scores of {name!r} add up to {sum(values):.6g}")
            found[place, targets] = values
    return found


def _answers(
    folder: Folder, places: Mapping[str, int], others: set[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    if path := find_table(folder.path, ANSWERS):
        with opened(path) as table:
            given, people = _given(folder, table, places, others)
    elif path := find_table(folder.path, COUNTS):
        with opened(path) as table:
            given, people = _counted(folder, table, places, others), 0
    else:
        given, people = [[] for _ in places], 0
    most = max(map(len, given))
    answers, reviewers = np.full((len(given), most), -1), np.full((len(given), most), -1)
    for place, votes in enumerate(given):
        if votes:
            answers[place, : len(votes)], reviewers[place, : len(votes)] = zip(*votes, strict=True)
    return answers, reviewers, people


def _given(
    folder: Folder, table: Table, places: Mapping[str, int], others: set[str]
) -> tuple[list[list[tuple[int, int]]], int]:
    labels = {label: place for place, label in enumerate(folder.ordered)}
    item, answer = table.place("item_id"), table.place("answer")
    reviewer = table.columns.index("reviewer") if "reviewer" in table.columns else None
    people: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    found: list[list[tuple[int, int]]] = [[] for _ in places]
    for row_number, row in enumerate(table.rows, start=2):
        name, where = row[item], f"{table.path}:{row_number}"
        who = "" if reviewer is None else row[reviewer]
        if who and (name, who) in seen:
            raise UnreadableSet(f"{where}: reviewer {who!r} answered item {name!r} twice")
        seen.add((name, who))
        if row[answer] not in labels:
            raise UnreadableSet(f"{where}: the answer to {name!r}, {row[answer][:80]!r}, is no label")
        place = places.get(name)
        if place is None:
            _known(name, others, where)
            continue
        if len(found[place]) == MOST_ANSWERS:
            raise UnreadableSet(f"{where}: item {name!r} has more than {MOST_ANSWERS} answers")
        found[place].append((labels[row[answer]], people.setdefault(who, len(people)) if who else -1))
    return found, len(people)


def _counted(folder: Folder, table: Table, places: Mapping[str, int], others: set[str]) -> list[list[tuple[int, int]]]:
    order = {label: place for place, label in enumerate(folder.ordered)}
    item = table.place("item_id")
    columns = [(at, order[folder.label(name, table.path)]) for at, name in enumerate(table.columns) if at != item]
    found: list[list[tuple[int, int]]] = [[] for _ in places]
    seen: set[str] = set()
    for row_number, row in enumerate(table.rows, start=2):
        name, where = row[item], f"{table.path}:{row_number}"
        if name in seen:
            raise UnreadableSet(f"{where}: item {name!r} was there before")
        seen.add(name)
        place = places.get(name)
        if place is None:
            _known(name, others, where)
            continue
        counts = [(_count(row[at], name, where), label) for at, label in columns]
        if sum(count for count, _ in counts) > MOST_ANSWERS:
            raise UnreadableSet(f"{where}: item {name!r} has more than {MOST_ANSWERS} answers")
        found[place] = [(label, -1) for count, label in sorted(counts, key=lambda one: one[1]) for _ in range(count)]
    return found


def _known(name: str, others: set[str], where: str) -> None:
    if name not in others:
        raise UnreadableSet(f"{where}: item {name[:80]!r} is not in items")


def _probability(text: str, name: str, where: str) -> float:
    try:
        found = float(text or "0")
    except ValueError:
        found = float("nan")
    if not 0 <= found <= 1:  # NaN too
        raise UnreadableSet(f"{where}: a score of {name!r}, {text[:80]!r}, is no probability")
    return found


def _count(text: str, name: str, where: str) -> int:
    found = number(text or "0", where)
    if found < 0 or found != int(found):
        raise UnreadableSet(f"{where}: a count of {name!r}, {text[:80]!r}, is no whole number from 0")
    return int(found)
