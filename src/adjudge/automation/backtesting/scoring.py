"""From what policies did to figures: every one of them can be computed again from the trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from adjudge.automation.backtesting.asking import PEOPLE
from adjudge.automation.backtesting.policies import Answered
from adjudge.automation.backtesting.sets import Floats, Integers, LabelledSet

AUDIT_SHARES: Final = (0.02, 0.05, 0.1)
BASELINE: Final = f"people only, {PEOPLE} votes"


@dataclass(frozen=True, slots=True)
class Counted:
    """One policy under one division."""

    items: int
    answered: int
    right: int
    automated: int
    automated_wrong: int
    votes: int


def counted(answered: Answered, truth: Integers, items: Integers) -> Counted:
    """Count what a policy did with some items."""
    answer = answered.answer[items]
    right = answer == truth[items]
    automated = answered.automated[items]
    return Counted(
        items=len(items),
        answered=int((answer >= 0).sum()),
        right=int(right.sum()),
        automated=int(automated.sum()),
        automated_wrong=int((automated & ~right).sum()),
        votes=int(answered.bought[items].sum()),
    )


@dataclass(slots=True)
class Ledger:
    """All divisions of one policy, in order."""

    guarantee: str | None
    uses_model: bool
    halves: list[Counted] = field(default_factory=list)
    promises: list[bool] = field(default_factory=list)
    """Whether the promise was kept, by drawing of audits from the whole set."""
    certified: int = 0
    deciders: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A policy's row: the keys of the JSON, in their order. None: there is nothing to measure."""

    name: str
    accuracy: float | None
    error_automated: float | None
    error_automated_interval: tuple[float, float] | None
    coverage: float
    votes_per_item: float
    votes_per_item_with_audits: Mapping[str, float] | None
    votes_saved: float | None
    guarantee_kept: float | None
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPrices:
    """What an item costs, in one unit: the question to a model, each vote, a wrong answer."""

    model: float
    vote: float
    wrong: float


def figures(ledgers: Mapping[str, Ledger], prices: ItemPrices, confidence: float) -> list[Figures]:
    """Return a row for each policy, in the order in which they were first met.

    In a set with people an item that nobody answers costs what a wrong answer does: else it paid to answer nothing.
    """
    baseline = ledgers.get(BASELINE)
    base = _mean([one.votes / one.items for one in baseline.halves]) if baseline else None
    return [_figures(name, ledger, base, prices, confidence) for name, ledger in ledgers.items()]


def as_accurate(ledger: Ledger, baseline: Ledger) -> float:
    """Return the share of divisions in which a policy was right at least as often as three people's majority."""
    pairs = zip(ledger.halves, baseline.halves, strict=True)
    return _mean([float(_accuracy(one) >= _accuracy(theirs)) for one, theirs in pairs])


def kept(
    answered: Answered, baseline: Answered | None, data: LabelledSet, target: float, items: Integers
) -> bool | None:
    """Return whether the promise of a policy holds on the items that its audits were drawn from.

    A promise about people is one about the items that they answered; one about risk about all that its licence covers.
    """
    match answered.guarantee:
        case None:
            return None
        case "people" if baseline is not None:
            compared = items[baseline.answer[items] >= 0]
            return counted(answered, data.truth, compared).right >= counted(baseline, data.truth, compared).right
        case _:
            covered = answered.covered[items]
            wrong = covered & (answered.answer[items] != data.truth[items])
            return bool(wrong.sum() <= target * covered.sum())


def _figures(name: str, ledger: Ledger, base: float | None, prices: ItemPrices, confidence: float) -> Figures:
    halves = ledger.halves
    votes = _mean([one.votes / one.items for one in halves])
    errors = [one.automated_wrong / one.automated for one in halves if one.automated]
    automated = sum(one.automated for one in halves)
    wrong = _mean([((one.answered if base is None else one.items) - one.right) / one.items for one in halves])
    has_answers = any(one.answered for one in halves)
    return Figures(
        name=name,
        accuracy=_mean([_accuracy(one) for one in halves if one.answered]) if has_answers else None,
        error_automated=sum(one.automated_wrong for one in halves) / automated if automated else None,
        error_automated_interval=_interval(errors, confidence) if errors else None,
        coverage=_mean([one.automated / one.items for one in halves]),
        votes_per_item=votes,
        votes_per_item_with_audits=_with_audits(votes) if base is not None else None,
        votes_saved=1 - votes / base if base else None,
        guarantee_kept=_mean([float(one) for one in ledger.promises]) if ledger.promises else None,
        cost=prices.model * ledger.uses_model + prices.vote * votes + prices.wrong * wrong,
    )


def _with_audits(votes: float) -> dict[str, float]:
    """Return votes per item where that share is answered by three people blind to everything (or by all it asks)."""
    return {f"{share:g}": (1 - share) * votes + share * max(PEOPLE, votes) for share in AUDIT_SHARES}


def _interval(errors: Sequence[float], confidence: float) -> tuple[float, float]:
    low, high = np.quantile(errors, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _accuracy(count: Counted) -> float:
    return count.right / count.answered if count.answered else 0.0


def _mean(values: Sequence[float] | Floats) -> float:
    return float(np.mean(values))
