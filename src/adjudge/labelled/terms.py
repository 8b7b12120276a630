"""What a backtest assumes: prices, votes, which items. A YAML file; any entry may be left out."""

import re
from pathlib import Path
from typing import Final

import msgspec

from adjudge.automation.backtesting.policies import MOST, Terms
from adjudge.config.documents.faults import Faults, InvalidConfiguration
from adjudge.config.documents.nodes import Node, parse
from adjudge.core.pools import Prices
from adjudge.labelled.reading import UnreadableSet

_CURRENCY: Final = re.compile(r"votes|[A-Z]{3}")
_NAMED: Final = re.compile(r"(?:`\$\.|unknown field `)(\w+)")
"""An entry in a message of msgspec's."""


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

    def terms(self, target: float, delta: float) -> Terms:
        """Return what is asked of every policy."""
        wrong = self.vote / target if self.wrong is None else self.wrong
        prices = Prices(wrong=wrong, vote=self.vote, delay=self.delay)
        return Terms(target=target, delta=delta, prices=prices, is_priced=self.wrong is not None, votes=self.votes)


def read_terms(path: Path | None) -> Assumed:
    """Return what is assumed. Raises UnreadableSet."""
    if path is None:
        return Assumed()
    written = _document(path)
    try:
        found = msgspec.convert({} if written is None else written.plain(), Assumed)
    except msgspec.ValidationError as error:
        raise UnreadableSet(f"{_place(path, written, str(error))}: {error}") from error
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
        raise UnreadableSet(f"{path}: a price is negative or not a number")
    if not (1 <= found.votes <= 20 and 0 <= found.missed_share <= 1 and 0 < found.items_per_day < float("inf")):
        raise UnreadableSet(f"{path}: votes are 1 to 20, missed_share is 0 to 1, items_per_day more than 0")
    if not _CURRENCY.fullmatch(found.currency):
        raise UnreadableSet(f"{_place(path, written, '`$.currency')}: {found.currency!r} is not an ISO 4217 code")
    if found.vote == 0 and found.wrong is None:
        raise UnreadableSet(f"{path}: where a vote costs nothing, say what a wrong answer costs")
    return found


def _document(path: Path) -> Node | None:
    """Read as documents of configuration are: nothing written twice, no aliases, no `1:30` that is ninety."""
    faults = Faults()
    try:
        written = parse(str(path), path.read_text(encoding="utf-8-sig"), "", faults)
        faults.raise_any()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableSet(f"{path}: {error}") from error
    except InvalidConfiguration as error:
        raise UnreadableSet(str(error)) from error
    return written


def _place(path: Path, written: Node | None, message: str) -> str:
    """Return the file, with the line of the entry that a message names."""
    named = _NAMED.search(message)
    entry = written.entries.get(named[1]) if written is not None and named else None
    return f"{path}:{entry.origin.line}" if entry else str(path)
