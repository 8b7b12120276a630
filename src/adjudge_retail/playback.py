"""The model decider of the demo: it plays back recorded scores by item.

A plain function, as any model's would be; it imports nothing of adjudge. In configuration:

    vision-sku@2:
      python: "adjudge_retail.playback:score"
      settings: {tables: {product.identify: "grocery/scores/vision-sku@2.csv.gz"}, elsewhere: 0.02}
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from adjudge_retail.scores import ScoreTable, read_scores, restricted

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
    questions: Sequence[Question], *, tables: Mapping[str, str], elsewhere: float = 0.0
) -> list[dict[str, float] | None]:
    """Return the recorded scores of each question's item; None (abstain) where there are none.

    `tables`: a score table per question type, relative to the shipped tables or absolute. `elsewhere`:
    the odds that a product stands where it does not belong, which makes the answer `other`.
    """
    return [_score(question, tables, elsewhere) for question in questions]


def _score(question: Question, tables: Mapping[str, str], elsewhere: float) -> dict[str, float] | None:
    path = tables.get(question.type)
    scores = None if path is None else _table(SHIPPED / path).of(str(question.evidence.get("item")))
    if scores is None:
        return None
    return restricted(scores, list(question.candidates) or list(scores), elsewhere) or None


@cache
def _table(path: Path) -> ScoreTable:
    """Read once per process."""
    return read_scores(path)
