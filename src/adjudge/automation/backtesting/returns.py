"""What automation is worth a day: the cost of people, models and mistakes, by the share answered without people."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adjudge.automation.backtesting.asking import PEOPLE, majority, votes_each
from adjudge.automation.backtesting.curves import MOST_HALVES, Curve
from adjudge.automation.backtesting.running import Request
from adjudge.automation.backtesting.sets import LabelledSet, halves

POINT: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPrices:
    """All in one currency."""

    items_per_day: float
    vote: float
    model: float
    wrong: float
    missed: float
    """On top of `wrong`, for a wrong answer that lets a charge go by."""
    missed_share: float
    """Of the wrong answers that do."""
    platform_per_day: float
    set_up: float

    @property
    def mistake(self) -> float:
        return self.wrong + self.missed_share * self.missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What is done now: the baseline."""

    votes_per_item: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """The curve and what is read off it."""

    decider: str
    coverage: list[float]
    cost_per_day: list[float]
    best_coverage: float
    best_cost: float
    today: float
    saved_per_day: float
    pay_back_day: float | None
    """None: never."""
    point_of_risk: float
    """What a day costs more under the target than under one a point looser; negative where it costs less."""


def today_of(data: LabelledSet, request: Request) -> Today:
    """Return what three people an item come to, over the divisions of the curves; without people: three, right."""
    if not data.has_people:
        return Today(votes_per_item=PEOPLE, accuracy=1.0)
    right = answered = 0
    for repeat in range(min(request.repeats, MOST_HALVES)):
        draw = halves(data, repeat, request.seed)
        said = majority(draw.answers, PEOPLE)[draw.judged]
        right += int((said == data.truth[draw.judged]).sum())
        answered += int((said >= 0).sum())
    return Today(votes_per_item=votes_each(data.answers), accuracy=right / answered if answered else 1.0)


def returns(curve: Curve, prices: DayPrices, today: Today, target: float) -> Returns:
    """Return what each coverage costs a day, the least of it, and what that saves."""
    costs = [_cost(votes, wrong, prices) for votes, wrong in _asked(curve, today)]
    best = min(range(len(costs)), key=costs.__getitem__)
    now = prices.items_per_day * (today.votes_per_item * prices.vote + (1 - today.accuracy) * prices.mistake)
    saved = now - costs[best]
    return Returns(
        decider=curve.name,
        coverage=curve.coverage,
        cost_per_day=costs,
        best_coverage=curve.coverage[best],
        best_cost=costs[best],
        today=now,
        saved_per_day=saved,
        pay_back_day=prices.set_up / saved if saved > 0 else None,
        point_of_risk=costs[_within(curve, target)] - costs[_within(curve, target + POINT)],
    )


def _asked(curve: Curve, today: Today) -> Iterator[tuple[float, float]]:
    """Yield votes and wrong answers per item by coverage. Where the set has no people, the rest is done as today."""
    if curve.has_people:
        yield from zip(curve.votes, curve.wrong, strict=True)
        return
    for alone, risk in zip(curve.coverage, curve.risk, strict=True):
        yield (1 - alone) * today.votes_per_item, alone * risk + (1 - alone) * (1 - today.accuracy)


def _cost(votes: float, wrong: float, prices: DayPrices) -> float:
    asked = votes * prices.vote + prices.model
    return prices.platform_per_day + prices.items_per_day * (asked + wrong * prices.mistake)


def _within(curve: Curve, target: float) -> int:
    """Return the place of the largest coverage whose risk is within a target."""
    return max(place for place, risk in enumerate(curve.risk) if risk <= target)
