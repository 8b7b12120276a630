"""What a backtest assumes: prices, votes, which items. A YAML file; each entry may be missing."""

from pathlib import Path
from typing import Any

import msgspec
import yaml

from adjudge.automation.backtesting.policies import MOST
from adjudge.labelled.reading import UnreadableSet


class Assumed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Prices are in one currency, or, without one, in votes."""

    votes: int = MOST
    """The most people that are asked about one item."""
    currency: str = "votes"
    vote: float = 1.0
    model: float = 0.0
    """One question to a model."""
    wrong: float | None = None
    """A wrong answer. Without it: a vote over the target risk, and the plan is held to three people's accuracy."""
    delay: float = 0.0
    """Waiting for one more vote."""
    missed: float = 0.0
    """A wrong answer that lets a charge go by, on top of `wrong`."""
    missed_share: float = 0.5
    """Of the wrong answers that do so."""
    platform_per_day: float = 0.0
    set_up: float = 0.0
    """Once: what pays back."""
    items_per_day: float = 10_000
    where: dict[str, str] = {}
    """Only items whose columns have these values."""


def read_terms(path: Path | None) -> Assumed:
    """Return what is assumed. Raises UnreadableSet."""
    if path is None:
        return Assumed()
    try:
        written: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = msgspec.convert(written or {}, Assumed)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise UnreadableSet(f"{path}: {error}") from error
    priced = (
        found.vote,
        found.model,
        found.wrong or 0.0,
        found.delay,
        found.missed,
        found.platform_per_day,
        found.set_up,
    )
    if not all(0 <= price < float("inf") for price in priced):
        raise UnreadableSet(f"{path}: a price is negative or no number")
    if not (1 <= found.votes <= 20 and 0 <= found.missed_share <= 1 and 0 < found.items_per_day < float("inf")):
        raise UnreadableSet(f"{path}: votes are 1 to 20, missed_share is 0 to 1, items_per_day more than 0")
    if found.vote == 0 and found.wrong is None:
        raise UnreadableSet(f"{path}: where a vote costs nothing, say what a wrong answer costs")
    return found
