"""A labelled set: items with their truth, models' scores on them, and what people answered.

The layout is described in `tables/README.md` and the product's documentation: `labels`, `items`,
`scores/<decider>@<version>`, `answers` and `answer_counts`, each as CSV (plain or gzip) or Parquet,
and `images/`. Only `labels` and `items` must be there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from adjudge_retail.chance import seeded
from adjudge_retail.reading import Table, UnreadableSet, find_table, find_tables, read_table
from adjudge_retail.scores import ScoreTable, read_scores

KNOWN: Final = ("item_id", "truth", "image")


@dataclass(frozen=True, slots=True)
class Item:
    """Something that was shown to models or people."""

    id: str
    truth: str | None
    """None where nobody knows."""
    image: Path | None = None
    """A picture that exists."""
    more: Mapping[str, str] = field(default_factory=dict)
    """Further columns."""


@dataclass(frozen=True, slots=True)
class RealAnswer:
    """What a person once answered."""

    answer: str
    seconds: float | None = None
    reviewer: str = ""
    """Empty where unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSet:
    """A whole folder. `answers` are in the order in which they were given."""

    folder: Path
    labels: tuple[str, ...]
    kinds: Mapping[str, tuple[str, str]] = field(repr=False)
    """Department and group of each label, empty where the set names none."""
    items: tuple[Item, ...] = field(repr=False)
    score_files: Mapping[str, Path]
    """By decider, `vision-sku@2`."""
    scores: Mapping[str, ScoreTable] = field(repr=False)
    answers: Mapping[str, tuple[RealAnswer, ...]] = field(repr=False)
    counted: bool
    """Only the counts of the answers were known: their order is drawn."""

    @property
    def name(self) -> str:
        return self.folder.name


def read_set(folder: Path) -> LabelledSet:
    """Read a folder. Raises UnreadableSet with the file and what is wrong with it."""
    folder = folder.resolve()
    labels = _needed(folder, "labels")
    names = tuple(row[labels.column("label")] for row in labels.rows)
    if not names or len(set(names)) < len(names):
        raise UnreadableSet(f"{labels.path}: labels must be there, each once")
    files = find_tables(folder / "scores")
    answers, counted = _answers(folder, names)
    return LabelledSet(
        folder=folder,
        labels=names,
        kinds={row["label"]: (row.get("department", ""), row.get("group", "")) for row in labels.dicts()},
        items=_items(folder, names),
        score_files=files,
        scores={decider: _scores(path, names) for decider, path in files.items()},
        answers=answers,
        counted=counted,
    )


def _needed(folder: Path, name: str) -> Table:
    path = find_table(folder, name)
    if path is None:
        raise UnreadableSet(f"{folder}: there is no {name}.csv, {name}.csv.gz or {name}.parquet")
    return read_table(path)


def _items(folder: Path, labels: tuple[str, ...]) -> tuple[Item, ...]:
    table = _needed(folder, "items")
    table.column("item_id")
    items = tuple(_item(folder, row) for row in table.dicts())
    if len({item.id for item in items}) < len(items):
        raise UnreadableSet(f"{table.path}: an item stands there twice")
    strange = next((item for item in items if item.truth is not None and item.truth not in labels), None)
    if strange is not None:
        raise UnreadableSet(f"{table.path}: the truth of {strange.id}, `{strange.truth}`, is no label")
    return items


def _item(folder: Path, row: Mapping[str, str]) -> Item:
    image = folder / row["image"] if row.get("image") else None
    if image is not None and not (image.is_file() and image.resolve().is_relative_to(folder)):
        image = None
    more = {name: value for name, value in row.items() if name not in KNOWN and value}
    return Item(row["item_id"], row.get("truth") or None, image, more)


def _scores(path: Path, labels: tuple[str, ...]) -> ScoreTable:
    scores = read_scores(path)
    strange = next((label for label in scores.labels if label not in labels), None)
    if strange is not None:
        raise UnreadableSet(f"{path}: column `{strange}` is no label")
    return scores


def _answers(folder: Path, labels: tuple[str, ...]) -> tuple[dict[str, tuple[RealAnswer, ...]], bool]:
    given, counts = find_table(folder, "answers"), find_table(folder, "answer_counts")
    path = given or counts
    if path is None:
        return {}, False
    try:
        return (_given if given else _drawn)(read_table(path), labels), given is None
    except ValueError as error:
        raise UnreadableSet(f"{path}: {error}") from error


def _given(table: Table, labels: tuple[str, ...]) -> dict[str, tuple[RealAnswer, ...]]:
    table.column("item_id"), table.column("answer")
    answers: dict[str, list[RealAnswer]] = {}
    for row in table.dicts():
        if row["answer"] not in labels:
            raise UnreadableSet(f"{table.path}: the answer `{row['answer']}` to {row['item_id']} is no label")
        seconds = float(row["seconds"]) if row.get("seconds") else None
        answers.setdefault(row["item_id"], []).append(RealAnswer(row["answer"], seconds, row.get("reviewer", "")))
    return {item: tuple(given) for item, given in answers.items()}


def _drawn(table: Table, labels: tuple[str, ...]) -> dict[str, tuple[RealAnswer, ...]]:
    """Put counted answers in an order that is the same in every run."""
    table.column("item_id")
    answers = {}
    for row in table.dicts():
        given = [label for label in labels for _ in range(int(row.get(label) or 0))]
        seeded(row["item_id"]).shuffle(given)
        answers[row["item_id"]] = tuple(map(RealAnswer, given))
    return answers
