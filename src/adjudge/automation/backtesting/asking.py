"""Asking people one at a time, over columns: what is answered and how many votes were bought."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from adjudge.automation.backtesting.beliefs import Belief, Crowd
from adjudge.automation.backtesting.sets import Booleans, Floats, Integers
from adjudge.automation.buying import scaled, stopping
from adjudge.core.pools import Prices, Stops

SCALES: Final = (0.0, 0.05, 0.1, 0.15, 0.25, 0.35, 0.5, 0.7, 1.0)
DOUBT: Final = 0.25
"""Standard errors by which the plan must be expected to be right more often than people."""


def majority(answers: Integers, votes: int) -> Integers:
    """Return what most of the first votes say; among equals what was said first; -1 where nobody said anything."""
    first = answers[:, :votes]
    if not first.shape[1]:
        return np.full(len(answers), -1)
    support = np.stack([((first == first[:, [place]]) & (first >= 0)).sum(1) for place in range(first.shape[1])], 1)
    winner: Integers = np.take_along_axis(first, support.argmax(1)[:, None], 1)[:, 0]
    return winner


def asked_until_sure(
    beliefs: Sequence[Belief], stops: Stops, available: Integers, items: Integers
) -> tuple[Integers, Integers]:
    """Ask at least one person about each of the items, the next while `stops` say so: answers, and votes bought."""
    answer = beliefs[0].answer[items].copy()
    bought = np.zeros(len(items), int)
    is_open = available[items] > 0
    for votes in range(1, len(beliefs)):
        is_open &= available[items] >= votes
        answer[is_open] = beliefs[votes].answer[items][is_open]
        bought[is_open] = votes
        if votes < len(stops.risks):
            is_open &= beliefs[votes].risk[items] > stops.risks[votes]
    return answer, bought


def asked_until_agreed(answers: Integers, most: int) -> tuple[Integers, Integers]:
    """Ask until no later vote could overturn the majority of `most`; return answers, and votes bought."""
    answer = majority(answers, most)
    available = (answers[:, :most] >= 0).sum(1)
    bought = available.copy()
    for votes in range(most // 2 + 1, most):
        first = answers[:, :votes]
        agreeing = ((first == majority(answers, votes)[:, None]) & (first >= 0)).sum(1)
        settled = (agreeing * 2 > most) & (bought > votes)
        bought[settled] = votes
    return answer, bought


def priced(crowd: Crowd, weights: Sequence[Floats], prices: Prices) -> Stops:
    """Return the stops that follow from prices, with the crowd's accuracy and the weight of a middle vote."""
    middle = weights[min(2, len(weights) - 1)]
    return stopping(prices, accuracy=crowd.learnt.crowd_right, weight=float(middle[-1]), votes=crowd.most)


def kept_to_people(
    beliefs: Sequence[Belief],
    stops: Stops,
    available: Integers,
    automated: Booleans,
    people: Integers,
    items: Integers,
) -> tuple[Stops, bool]:
    """Return stops tightened until the plan may be expected to be right as often as the majority of people.

    Judged by the belief after all votes, on the calibrate-audits. False: not even asking always makes it so.
    """
    last = beliefs[-1]
    theirs = last.of(people[items], items)
    for scale in reversed(SCALES):
        tried = scaled(stops, scale)
        answer, _ = asked_until_sure(beliefs, tried, available, items)
        answer = np.where(automated[items], beliefs[0].answer[items], answer)
        gain = last.of(answer, items) - theirs
        if gain.mean() >= DOUBT * gain.std() / len(items) ** 0.5:
            return tried, True
    return scaled(stops, 0.0), False
