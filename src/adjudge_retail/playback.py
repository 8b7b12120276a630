"""The model decider of the demo: it plays back recorded scores by item.

A plain function, as any model's would be; it imports nothing of adjudge. In configuration:

    vision-sku@2:
      python: "adjudge_retail.playback:score"
      settings: {tables: {product.identify: "grocery/scores/vision-sku@2.csv.gz"}, elsewhere: 0.02}
"""

import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from adjudge_retail.scores import ScoreTable, is_distribution, read_scores, restricted

SHIPPED: Final = Path(__file__).with_name("tables")


class Question(Protocol):
    """What is read of a question."""

    @property
    def type(self) -> str: ...
    @property
    def evidence(self) -> Mapping[str, Any]: ...
    @property
    def candidates(self) -> Sequence[str]:
        """All answers that may be given, `other` included."""
        ...


def score(
    questions: Sequence[Question],
    *,
    tables: Mapping[str, str],
    elsewhere: float = 0.0,
    mixed_up: str = "",
    claims: str = "",
) -> list[dict[str, float] | None]:
    """Return the recorded scores of each question's item; None (abstain) where there are none.

    `tables`: a score table per question type, relative to the shipped tables or absolute. `elsewhere`:
    the odds that a product stands where it does not belong, which makes the answer `other`. `mixed_up`: a
    release of the stores' edge boxes (`event.edge`) that hands the model the picture of another item.
    `claims`: the question type whose table says what a picture shows, where a claim about another is made.
    """
    return [_score(question, tables, elsewhere, mixed_up, claims) for question in questions]


def _score(
    question: Question, tables: Mapping[str, str], elsewhere: float, mixed_up: str, claims: str
) -> dict[str, float] | None:
    path = tables.get(question.type)
    if path is None:
        return None
    table, item, claimed = _table(SHIPPED / path), str(question.evidence.get("item")), question.evidence.get("claimed")
    if mixed_up and question.evidence.get("event", {}).get("edge") == mixed_up:
        item = another(item, table)
        if claimed and claims in tables:
            return _of_claim(str(claimed), _table(SHIPPED / tables[claims]).of(item))
    scores = table.of(item)
    if scores is None:
        return None
    if not is_distribution(scores.values()):
        return scores  # as it stands: what a model says wrongly is refused where it is received, never repaired
    return restricted(scores, list(question.candidates) or list(scores), elsewhere) or None


def _of_claim(claimed: str, shown: Mapping[str, float] | None) -> dict[str, float] | None:
    """Return how likely a picture shows the claimed product."""
    if shown is None:
        return None
    yes = min(1.0, shown.get(claimed, 0.0))
    return {"yes": yes, "no": 1.0 - yes}


def another(item: str, table: ScoreTable) -> str:
    """Return an item of the table that has nothing to do with this one, always the same."""
    names = list(table.rows)
    return names[zlib.crc32(item.encode()) % len(names)] if names else item


@cache
def _table(path: Path) -> ScoreTable:
    """Read once per process."""
    return read_scores(path)
