"""A model's score table: for each item a probability per label."""

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adjudge_retail.reading import UnreadableSet, read_table

NORMALISED_WITHIN: Final = 1e-3


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """The rows of `scores/<decider>@<version>`."""

    labels: tuple[str, ...]
    rows: Mapping[str, Sequence[float]]

    def of(self, item: str) -> dict[str, float] | None:
        """Return the scores of an item by label; None for an item that the model was never shown."""
        row = self.rows.get(item)
        return None if row is None else dict(zip(self.labels, row, strict=True))

    @property
    def malformed(self) -> list[str]:
        """The items whose scores are no distribution."""
        return [item for item, row in self.rows.items() if not is_distribution(row)]


def read_scores(path: Path) -> ScoreTable:
    """Read a score table. Raises UnreadableSet."""
    table = read_table(path)
    if table.column("item_id") != 0:
        raise UnreadableSet(f"{path}: its first column must be `item_id`")
    try:
        rows = {row[0]: array("d", map(float, row[1:])) for row in table.rows}
    except ValueError as error:
        raise UnreadableSet(f"{path}: {error}") from error
    return ScoreTable(table.columns[1:], rows)


def is_distribution(scores: Collection[float]) -> bool:
    """Return whether these are probabilities that add up to 1."""
    return all(0 <= score <= 1 for score in scores) and abs(sum(scores) - 1) <= NORMALISED_WITHIN


def restricted(scores: Mapping[str, float], candidates: Sequence[str], elsewhere: float) -> dict[str, float]:
    """Return the scores of the candidates alone, so that they sum to 1; empty where there is no basis.

    `other`, where it is a candidate and no label of the model's, gets what the model gives to products
    that do not belong on this shelf, times `elsewhere`: the odds that one of them stands there.
    """
    weights = {candidate: scores[candidate] for candidate in candidates if candidate in scores}
    if "other" in candidates and "other" not in scores:
        off_shelf = sum(score for label, score in scores.items() if label not in weights)
        weights["other"] = elsewhere * off_shelf
    total = sum(weights.values())
    return {label: weight / total for label, weight in weights.items()} if total > 0 else {}
