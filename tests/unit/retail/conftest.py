"""Labelled sets made on the spot."""

import csv
import gzip
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

MakeSet = Callable[..., Path]


def write_table(path: Path, rows: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def make_set(tmp_path: Path) -> MakeSet:
    """Builds a folder of three labels; `sure` is what each model gives the truth."""

    def make(
        *,
        items: int = 60,
        deciders: Sequence[str] = (),
        sure: float = 0.9,
        answers: int = 0,
        counts: bool = False,
        form: str = "csv.gz",
    ) -> Path:
        folder, labels = tmp_path / "set", ("a", "b", "c")
        truth = {f"i-{number}": labels[number % 3] for number in range(items)}
        write_table(folder / "labels.csv", [["label"], *([label] for label in labels)])
        write_table(folder / f"items.{form}", [["item_id", "truth"], *truth.items()])
        for decider in deciders:
            rows = [
                [item, *(sure if label == right else (1 - sure) / 2 for label in labels)]
                for item, right in truth.items()
            ]
            write_table(folder / "scores" / f"{decider}.{form}", [["item_id", *labels], *rows])
        if answers and not counts:
            given = [[item, number, labels[number % 3]] for item in truth for number in range(answers)]
            write_table(folder / f"answers.{form}", [["item_id", "reviewer", "answer"], *given])
        if counts:
            write_table(folder / f"answer_counts.{form}", [["item_id", *labels], *([item, 3, 2, 0] for item in truth)])
        return folder

    return make
