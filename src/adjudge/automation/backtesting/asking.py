"""Asking people one at a time, over columns: what is answered and how many votes were bought."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from adjudge.automation.backtesting.beliefs import Belief, Crowd, Rehearsal
from adjudge.automation.backtesting.sets import ORDERS, Booleans, Floats, Integers
from adjudge.automation.buying import scaled, stopping
from adjudge.core.audits import CALIBRATE_SHARE
from adjudge.core.pools import Prices, Stops

PEOPLE: Final = 3
"""Votes that everything is compared with."""
SCALES: Final = (8.0, 5.6, 4.0, 2.8, 2.0, 1.4, 1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1, 0.05)
"""Of the stops that prices ask for, from asking least."""
SHARE: Final = 0.6
"""Of the accuracy that asking always would gain on three people: what the stops must keep."""
UNSEEN: Final = 0.5
"""Items."""


def majority(answers: Integers, votes: int) -> Integers:
    """Return what most of the first votes say; among equals what was said first; -1 where nobody said anything."""
    first = answers[:, :votes]
    if not first.shape[1]:
        return np.full(len(answers), -1)
    columns = np.ascontiguousarray(first.T)
    winner: Integers = columns[0].copy()
    most = np.full(len(answers), -1, np.int16)
    for said in columns:
        support = ((columns == said) & (said >= 0)).sum(0, dtype=np.int16)
        is_more = support > most
        winner[is_more], most[is_more] = said[is_more], support[is_more]
    return winner


def asked_until_sure(
    beliefs: Sequence[Belief], stops: Stops, available: Integers, items: Integers
) -> tuple[Integers, Integers]:
    """Ask at least one person about each of the items, the next while `stops` say so: answers, and votes bought.

    What nobody can be asked about stays without an answer: that of the models alone is for the licensed.
    """
    is_open = available[items] > 0
    answer = np.where(is_open, beliefs[0].answer[items], -1)
    bought = np.zeros(len(items), int)
    for votes in range(1, len(beliefs)):
        is_open &= available[items] >= votes
        answer[is_open] = beliefs[votes].answer[items][is_open]
        bought[is_open] = votes
        if votes < len(stops.risks):
            is_open &= beliefs[votes].risk[items] > stops.risks[votes]
    return answer, bought


@dataclass(frozen=True, slots=True)
class Replay:
    """Some items whose truth is known, to be asked under one rule after another: what all rules read is looked up once.

    By number of votes, in the order of the items.
    """

    is_right: Sequence[Booleans]
    risks: Sequence[Floats]
    is_asked: Sequence[Booleans]
    """Whether there is such a vote."""

    @classmethod
    def of(cls, beliefs: Sequence[Belief], available: Integers, truth: Integers, items: Integers) -> "Replay":
        """Look up what beliefs say of the items; `truth` is theirs alone."""
        there = available[items]
        return cls(
            is_right=[belief.answer[items] == truth for belief in beliefs],
            risks=[belief.risk[items] for belief in beliefs],
            is_asked=[there >= max(votes, 1) for votes in range(len(beliefs))],
        )

    def right(self, stops: Stops) -> Booleans:
        """Return which items are answered rightly, as `asked_until_sure` answers them."""
        is_open = self.is_asked[0].copy()
        found = self.is_right[0] & is_open
        for votes in range(1, len(self.is_right)):
            is_open &= self.is_asked[votes]
            np.copyto(found, self.is_right[votes], where=is_open)
            if votes < len(stops.risks):
                is_open &= self.risks[votes] > stops.risks[votes]
        return found


def votes_each(answers: Integers) -> float:
    """Return how many people, up to PEOPLE, answer an item that anybody answers."""
    given = (answers[:, :PEOPLE] >= 0).sum(1)
    return float(given[given > 0].mean()) if given.any() else 0.0


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


def kept_to_people(stops: Stops, rehearsal: Rehearsal, automated: Booleans, delta: float) -> tuple[Stops, bool]:
    """Return the loosest stops under which the plan is expected to be right at least as often as three people.

    Judged on the calibrate-audits. What it is righter by must outweigh, with confidence 1 - delta / 2, the noise of
    their number and that of as many other items as are audited (half of delta, because stops look better on those
    that they were learnt from); but never more is asked than SHARE of what asking always would gain. An item on which
    only people are right is counted in, by UNSEEN: few audits that show no difference are no sign that there is none.
    Items that nobody answered compare nothing. False: not even asking always gains anything, or nobody answered any.
    """
    items, beliefs = np.arange(len(rehearsal.items)), rehearsal.beliefs
    alone, is_compared = automated[rehearsal.items], rehearsal.available > 0
    theirs = (majority(rehearsal.answers, PEOPLE) == rehearsal.truth).astype(float)
    replay = Replay.of(beliefs, rehearsal.available, rehearsal.truth, items)

    def gains(tried: Stops) -> Floats:
        found: Floats = np.where(alone, replay.is_right[0], replay.right(tried)) - theirs
        return np.where(is_compared, found, 0.0)

    always = scaled(stops, 0.0)
    unseen = UNSEEN * ORDERS / len(items)
    most = float(gains(always).mean()) - unseen
    if most < 0 or not is_compared.any():
        return always, False
    sure = NormalDist().inv_cdf(1 - delta / 2)
    for scale in SCALES:
        tried = scaled(stops, scale)
        found = gains(tried)
        learnt = float(found.reshape(ORDERS, -1).mean(0).var()) * ORDERS / len(items)
        noise = (learnt + float(found.var()) * CALIBRATE_SHARE * ORDERS / len(items)) ** 0.5
        if found.mean() - unseen >= min(sure * noise, SHARE * most):
            return tried, True
    return always, True


def pays(stops: Stops, rehearsal: Rehearsal, automated: Booleans, prices: Prices, most: int = PEOPLE) -> bool:
    """Return whether a plan is worth what it asks more than a last person where the first of `most` differ.

    That rule is as right as all of them and needs no evidence. Judged on the calibrate-audits; a plan that asks no
    more is always worth it.
    """
    items, alone = np.arange(len(rehearsal.items)), automated[rehearsal.items]
    answer, bought = asked_until_sure(rehearsal.beliefs, stops, rehearsal.available, items)
    theirs, asked = asked_until_agreed(rehearsal.answers, most)
    is_right = np.where(alone, rehearsal.beliefs[0].answer, answer) == rehearsal.truth
    is_compared = rehearsal.available > 0
    more = (np.where(alone, 0, bought) - asked)[is_compared].sum() * (prices.vote + prices.delay)
    gained = (is_right.astype(int) - (theirs == rehearsal.truth))[is_compared].sum() * prices.wrong
    return bool(more <= max(gained, 0.0))
