"""A labelled set as a backtest reads it: whole, into columns, with every fault named by file and row.

A set that could mislead is refused: nothing is left out silently, and nothing is mended.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adjudge.automation.backtesting.sets import FEWEST_ITEMS, LabelledSet
from adjudge.labelled.assembling import ANSWERS
from adjudge.labelled.reading import COUNTS, Folder, UnreadableSet, answer_rows, count_rows, read_folder, score_rows
from adjudge.labelled.tables import Table, find_table, opened

Numbered = tuple[LabelledSet, int]


def read_set(path: Path, where: Mapping[str, str] | None = None) -> Numbered:
    """Return the set, and how many items were left out because an export does not know their truth.

    `where`: only items whose columns have these values. Raises UnreadableSet, UnreadableTable.
    """
    folder = read_folder(path)
    if len(folder.ordered) < 2:
        raise UnreadableSet(f"{path}: there is one label only: nothing can be decided")
    items, others, unknown = _items(folder, where or {})
    names = sorted(items, key=lambda name: (len(name), name))  # what is drawn depends on no order of rows; 9 before 10
    truth = np.array([items[name] for name in names])
    if len(names) < FEWEST_ITEMS:
        raise UnreadableSet(f"{folder.items}: {len(names)} items with a truth are too few: at least {FEWEST_ITEMS}")
    if len(set(truth.tolist())) < 2:
        raise UnreadableSet(f"{folder.items}: the truth is {folder.ordered[truth[0]]!r} everywhere: one class only")
    places = {name: place for place, name in enumerate(names)}
    scores = {name: _scores(folder, file, places, others) for name, file in folder.deciders.items()}
    answers, reviewers, rows, people = _answers(folder, places, others)
    if not scores and not answers.shape[1]:
        raise UnreadableSet(f"{path}: neither scores nor answers: there is nobody to judge")
    data = LabelledSet(
        labels=folder.ordered,
        items=tuple(names),
        truth=truth,
        scores=scores,
        answers=answers,
        reviewers=reviewers,
        rows=rows,
        people=people,
    )
    return data, unknown


def _items(folder: Folder, where: Mapping[str, str]) -> tuple[dict[str, int], set[str], int]:
    """Return truth by item, the items that are not judged, and how many of these for want of truth."""
    found: dict[str, int] = {}
    others: set[str] = set()
    unknown = 0
    with opened(folder.items) as table:
        item = table.place("item_id")
        wanted = [(table.place(column), value) for column, value in where.items()]
        truth_of = _truths(folder, table)
        for row_number, row in table.numbered:
            name, at = row[item], f"{table.path}:{row_number}"
            if not name:
                raise UnreadableSet(f"{at}: there is no item_id")
            if name in found or name in others:
                raise UnreadableSet(f"{at}: item {name!r} was there before")
            is_wanted = all(row[place] == value for place, value in wanted)
            truth = truth_of(row, at) if is_wanted else None
            if truth is None:
                others.add(name)
                unknown += is_wanted
            else:
                found[name] = truth
    if not found:
        asked = " and ".join(f"{column} = {value}" for column, value in where.items())
        raise UnreadableSet(
            f"{folder.items}: no item{f' with {asked}' if asked else ''} has a truth: the slice is empty"
        )
    return found, others, unknown


def _truths(folder: Folder, table: Table) -> Callable[[Sequence[str], str], int | None]:
    """Return what reads the truth of a row, and raises UnreadableSet for none; None: an export does not know it."""
    labels = {label: place for place, label in enumerate(folder.ordered)}
    item, truth, is_export = table.place("item_id"), table.place("truth"), "truth_source" in table.columns

    def read(row: Sequence[str], at: str) -> int | None:
        name, said = row[item], row[truth]
        if said in labels:
            return labels[said]
        if said:
            raise UnreadableSet(f"{at}: the truth of {name!r}, {said[:80]!r}, is no label {folder.choice}")
        if is_export:
            return None
        raise UnreadableSet(f"{at}: item {name!r} has no truth")

    return read


def _scores(folder: Folder, file: Path, places: Mapping[str, int], others: set[str]) -> NDArray[np.float32]:
    found = np.zeros((len(places), len(folder.ordered)), np.float32)
    order = {label: place for place, label in enumerate(folder.ordered)}
    with opened(file) as table:
        for where, name, scores in score_rows(folder, table):
            if (place := _place(name, places, others, where)) is not None:
                found[place, [order[label] for label in scores]] = list(scores.values())
    return found


def _answers(
    folder: Folder, places: Mapping[str, int], others: set[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
    """Return answers, who gave them, their numbers among those of the item in the file, and how many people there are.

    People, and the answers of an item, are in order of name: whatever the order of rows, the set is the same. Answers
    of people who are not told apart keep the order of the file: sorted by what they say, a vote that nobody bought
    would have a say in which one is bought.
    """
    if path := find_table(folder.path, ANSWERS):
        with opened(path) as table:
            given = _given(folder, table, places, others)
    elif path := find_table(folder.path, COUNTS):
        with opened(path) as table:
            given = _counted(folder, table, places, others)
    else:
        given = [[] for _ in places]
    names = sorted({vote.who for votes in given for vote in votes} - {""})
    numbers = {"": -1} | {name: number for number, name in enumerate(names)}
    answers, reviewers, rows = np.full((3, len(given), max(map(len, given))), -1)
    for place, votes in enumerate(given):
        for column, (row, vote) in enumerate(sorted(enumerate(votes), key=lambda numbered: numbered[1].who)):
            answers[place, column], reviewers[place, column], rows[place, column] = vote.label, numbers[vote.who], row
    return answers, reviewers, rows, len(names)


class _Vote(NamedTuple):
    who: str
    """Empty: unknown."""
    label: int


def _given(folder: Folder, table: Table, places: Mapping[str, int], others: set[str]) -> list[list[_Vote]]:
    labels = {label: place for place, label in enumerate(folder.ordered)}
    found: list[list[_Vote]] = [[] for _ in places]
    for where, name, who, answer, _ in answer_rows(folder, table):
        if (place := _place(name, places, others, where)) is not None:
            found[place].append(_Vote(who, labels[answer]))
    return found


def _counted(folder: Folder, table: Table, places: Mapping[str, int], others: set[str]) -> list[list[_Vote]]:
    found: list[list[_Vote]] = [[] for _ in places]
    for where, name, counts in count_rows(folder, table):
        if (place := _place(name, places, others, where)) is not None:
            in_order = enumerate(folder.ordered)
            found[place] = [_Vote("", label) for label, key in in_order for _ in range(counts.get(key, 0))]
    return found


def _place(name: str, places: Mapping[str, int], others: set[str], where: str) -> int | None:
    """Return the row of an item; None: it is not judged. Raises UnreadableSet where it is no item."""
    place = places.get(name)
    if place is None and name not in others:
        raise UnreadableSet(f"{where}: item {name[:80]!r} is not in items")
    return place
