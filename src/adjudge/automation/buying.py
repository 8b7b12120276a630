"""When another vote is worth its price: the risks at which asking stops, by backward induction.

The belief is collapsed to its two best answers, whose log-odds each vote moves by a step towards one of them (the
sequential test of Wald, with a last vote). Computed when parameters are learnt; applied as a comparison
(`core.pools.Stops`).
"""

import math
from typing import Final

import numpy as np

from adjudge.core.pools import Prices, Stops

_REACH: Final = 12.0
_GRID: Final = 961
_LEAST_STEP: Final = 0.05


def stopping(prices: Prices, *, accuracy: float, weight: float, votes: int) -> Stops:
    """Return when to stop, where at most `votes` votes may be bought of people who are right with `accuracy`.

    `weight`: of the votes in the pool. Between answers that can be confused, one vote moves the log-odds by
    weight times the logit of the accuracy.
    """
    sure = min(max(accuracy, 1e-3), 1 - 1e-3)
    step = max(weight * math.log(sure / (1 - sure)), _LEAST_STEP)
    odds = np.linspace(-_REACH, _REACH, _GRID)
    chance = 1 / (1 + np.exp(-odds))
    risk = np.minimum(chance, 1 - chance)
    agrees = 1 / (1 + math.exp(-step))
    accepted = prices.wrong * risk
    worth = np.minimum(accepted, prices.expert)
    risks: list[float] = []
    experts: list[float] = []
    for _ in range(votes):
        towards = chance * agrees + (1 - chance) * (1 - agrees)
        after = towards * np.interp(odds + step, odds, worth) + (1 - towards) * np.interp(odds - step, odds, worth)
        asked = prices.vote + prices.delay + after
        stops = (accepted <= np.minimum(asked, prices.expert)) & (odds >= 0)
        risks.append(float(risk[stops].max()) if stops.any() else 0.0)
        gives_up = (prices.expert < np.minimum(asked, accepted)) & (odds >= 0)
        experts.append(float(risk[gives_up].min()) if gives_up.any() else 1.0)
        worth = np.minimum(np.minimum(accepted, asked), prices.expert)
    expert = 1.0 if math.isinf(prices.expert) or prices.wrong == 0 else min(1.0, prices.expert / prices.wrong)
    return Stops(tuple(reversed(risks)), expert, tuple(reversed(experts)))


def scaled(stops: Stops, scale: float) -> Stops:
    """Return stops that ask more (a scale below 1) or less."""
    return Stops(tuple(min(1.0, risk * scale) for risk in stops.risks), stops.expert, stops.experts)
