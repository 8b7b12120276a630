"""Learning what reviewers confuse from blind votes: Dawid and Skene 1979 by expectation and maximisation, with priors.

A vote weighs less the more votes its giver has given since. What is known for sure (golden answers, the truth of
audits) stays what it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adjudge.core.reviewers import LEAST_MISS, LEAST_SHARE, MOST_CONFUSED, Reviewers, TrackRecord

Floats = NDArray[np.float64]
Integers = NDArray[np.integer]

NOBODY: Final = -1
"""No answer; a reviewer who is not known; a truth that is not known."""
STRENGTHS: Final = (2.0, 6.0, 20.0, 60.0, 200.0, 600.0)
"""Votes for each true answer for which the crowd may count in one person's rates."""
CROWD_STRENGTHS: Final = (4.0, 12.0, 40.0, 120.0, 400.0, 1200.0, 4000.0)
"""Votes for each true answer for which a coin may count in the crowd's rates."""
ROUNDS: Final = 60
SETTLED: Final = 1e-4
LEAST: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballots:
    """Blind votes in the order given, one a row."""

    items: Integers
    reviewers: Integers
    """Number of the person; NOBODY for those who are not told apart."""
    answers: Integers
    size: int
    """How many items there are."""
    labels: int
    people: int

    @classmethod
    def of(cls, answers: Integers, reviewers: Integers, labels: int, people: int) -> "Ballots":
        """Build from two tables with one row an item; NOBODY among the answers stands for none."""
        items, places = np.nonzero(answers >= 0)
        return cls(
            items=items,
            reviewers=reviewers[items, places],
            answers=answers[items, places],
            size=len(answers),
            labels=labels,
            people=people,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """Counts of votes, and rates of the crowd. Last row of counts: those who are not told apart."""

    right: Floats
    wrong: Floats
    rows: Floats | None
    """Person, true answer, answer given; None: one coin."""
    crowd_right: float
    crowd_rows: Floats | None
    prior: Floats
    """Share of each label among the truths."""
    strength: float
    keep: float
    coin: float | None
    """How many votes the crowd's accuracy counts for in a person's own, to which the crowd's rates are moved. None:
    they are not."""

    def rates(self) -> Floats:
        """Return the mean of the posterior of each person's rates: person, true answer, answer given."""
        labels = len(self.prior)
        if self.rows is not None:
            total = self.rows.sum(2, keepdims=True) + self.strength
            rates: Floats = (self.rows + self.strength * self.drawn_to()) / total
        else:
            accuracy = (self.right + self.strength * self.crowd_right) / (self.right + self.wrong + self.strength)
            rates = np.repeat(((1 - accuracy) / max(1, labels - 1))[:, None], labels * labels, 1)
            rates = rates.reshape(-1, labels, labels)
            rates[:, np.arange(labels), np.arange(labels)] = accuracy[:, None]
        rates[-1] = self.crowd()
        return rates

    def drawn_to(self) -> Floats:
        """Return what each person's rates are drawn to: person, true answer, answer given.

        The crowd's rates, moved to what a person's votes on other true answers show: their odds of being right over
        the crowd's move the right answer, wrong ones share the rest as the crowd's do.
        """
        assert self.rows is not None
        assert self.crowd_rows is not None
        if self.coin is None:
            return np.broadcast_to(self.crowd_rows, self.rows.shape)
        labels = np.arange(len(self.prior))
        mine = self.rows[:, labels, labels]
        right = np.maximum(self.right[:, None] - mine, 0)
        wrong = np.maximum(self.wrong[:, None] - self.rows.sum(2) + mine, 0)
        accuracy = (right + self.coin * self.crowd_right) / (right + wrong + self.coin)
        hits = _open(self.crowd_rows[labels, labels])
        times = _odds(accuracy) / _odds(np.array(self.crowd_right))
        moved = hits * times / (hits * times + 1 - hits)
        missed = np.maximum(1 - self.crowd_rows[labels, labels], LEAST_SHARE)
        found: Floats = self.crowd_rows * ((1 - moved) / missed)[:, :, None]
        found[:, labels, labels] = moved
        return found

    def crowd(self) -> Floats:
        """Return the rates of those who are not told apart."""
        return _coin(self.crowd_right, len(self.prior)) if self.crowd_rows is None else self.crowd_rows

    def snapshot(self, labels: Sequence[str], names: Sequence[str]) -> Reviewers:
        """Return what the servers apply."""

        def rows_of(table: Floats | None) -> tuple[tuple[float, ...], ...]:
            return () if table is None else tuple(tuple(map(float, row)) for row in table)

        records = {
            name: TrackRecord(
                float(self.right[person]),
                float(self.wrong[person]),
                rows_of(None if self.rows is None else self.rows[person]),
            )
            for person, name in enumerate(names)
            if self.right[person] + self.wrong[person] > 0
        }
        crowd = TrackRecord(self.crowd_right, 1 - self.crowd_right, rows_of(self.crowd_rows))
        return Reviewers(tuple(labels), crowd, records, self.strength, self.keep, self.coin)


def learn(ballots: Ballots, golden: Integers | None = None, *, keep: float = 1.0) -> Learnt:
    """Learn from votes. `golden`: the truth of each item, NOBODY where it is not known."""
    return _fit(ballots, golden, keep)[0]


def consensus(ballots: Ballots) -> Floats:
    """Return, for each item, the distribution over labels that all votes together show: nothing else is known."""
    return _fit(ballots, None, 1.0)[1]


def _fit(ballots: Ballots, golden: Integers | None, keep: float) -> tuple[Learnt, Floats]:
    weights = _ages(ballots, keep)
    known = np.zeros(ballots.size, bool) if golden is None else golden >= 0
    sure = np.zeros((ballots.size, ballots.labels))
    if golden is not None:
        sure[known, golden[known]] = 1.0
    belief = _clamped(_shares(ballots), known, sure)
    for _ in range(ROUNDS):
        learnt = _counted(ballots, belief, weights, keep)
        if known.all():
            break
        fresh = _clamped(_posterior(ballots, learnt), known, sure)
        moved = float(np.abs(fresh - belief).max(initial=0.0))
        belief = fresh
        if moved < SETTLED:
            break
    return learnt, belief


def _counted(ballots: Ballots, belief: Floats, weights: Floats, keep: float) -> Learnt:
    labels, people = ballots.labels, ballots.people
    who = np.where(ballots.reviewers >= 0, ballots.reviewers, people)
    of_vote = belief[ballots.items]
    hits = of_vote[np.arange(len(who)), ballots.answers] * weights
    right: Floats = np.bincount(who, hits, people + 1).astype(float)
    wrong: Floats = np.bincount(who, weights, people + 1) - right
    prior = (belief.sum(0) + 1) / (len(belief) + labels)
    accuracy = float((right.sum() + 2) / (right.sum() + wrong.sum() + 3))
    coins = np.stack([right, wrong], 1)[:-1, None]
    coin = _strength(coins, np.array([[accuracy, 1 - accuracy]]), STRENGTHS)
    learnt = Learnt(
        right=right,
        wrong=wrong,
        rows=None,
        crowd_right=accuracy,
        crowd_rows=None,
        prior=prior,
        strength=coin,
        keep=keep,
        coin=None,
    )
    if labels > MOST_CONFUSED:
        return learnt
    flat = (who[:, None] * labels + np.arange(labels)) * labels + ballots.answers[:, None]
    counts = np.bincount(flat.ravel(), (of_vote * weights[:, None]).ravel(), (people + 1) * labels * labels)
    rows = counts.reshape(people + 1, labels, labels).astype(float)
    total: Floats = rows.sum(0)
    alike = _coin(accuracy, labels)
    held = _strength(total[None], alike, CROWD_STRENGTHS)
    crowd = (total + held * alike) / (total.sum(1, keepdims=True) + held)
    learnt = replace(learnt, rows=rows, crowd_rows=crowd)
    moved = replace(learnt, coin=coin)
    alike_best, own_best = (_foretold(rows[:-1], each.drawn_to()[:-1], STRENGTHS) for each in (learnt, moved))
    chosen, (_, strength) = (moved, own_best) if own_best > alike_best else (learnt, alike_best)
    return replace(chosen, strength=strength)


def _strength(counts: Floats, base: Floats, strengths: Sequence[float]) -> float:
    """Return for how many votes the base counts best."""
    return _foretold(counts, base, strengths)[1]


def _foretold(counts: Floats, base: Floats, strengths: Sequence[float]) -> tuple[float, float]:
    """Return how likely each vote is by all others and the base, as a logarithm, at the best strength; and that one.

    So what is confused shows where votes show it, and a confusion that never came up is not taken for impossible
    where few could have shown it. `counts`: tables of a row each true answer; `base`: the rates they are drawn to.
    """
    others, all_others = np.maximum(counts - 1, 0), np.maximum(counts.sum(2, keepdims=True) - 1, 0)

    def likelihood(strength: float) -> float:
        rates = (others + strength * base) / (all_others + strength)
        return float((counts * np.log(np.maximum(rates, LEAST))).sum())

    return max(((likelihood(strength), strength) for strength in strengths), key=lambda found: found[0])


def _posterior(ballots: Ballots, learnt: Learnt) -> Floats:
    who = np.where(ballots.reviewers >= 0, ballots.reviewers, ballots.people)
    rates = np.log(np.maximum(learnt.rates(), LEAST))
    found = np.tile(np.log(learnt.prior), (ballots.size, 1))
    said = rates[who, :, ballots.answers]
    for label in range(ballots.labels):
        found[:, label] += np.bincount(ballots.items, said[:, label], ballots.size)
    found -= found.max(1, keepdims=True)
    shares = np.exp(found)
    result: Floats = shares / shares.sum(1, keepdims=True)
    return result


def _shares(ballots: Ballots) -> Floats:
    counts = np.bincount(ballots.items * ballots.labels + ballots.answers, minlength=ballots.size * ballots.labels)
    table = counts.reshape(ballots.size, ballots.labels) + 1e-3
    result: Floats = table / table.sum(1, keepdims=True)
    return result


def _ages(ballots: Ballots, keep: float) -> Floats:
    """Return what each vote weighs: `keep` to the number of votes that its giver has given since."""
    if keep == 1.0:
        return np.ones(len(ballots.items))
    order = np.argsort(ballots.reviewers, kind="stable")
    people, counts = np.unique(ballots.reviewers, return_counts=True)
    since = np.concatenate([np.arange(count - 1, -1, -1) for count in counts]) if len(people) else np.empty(0)
    ages = np.empty(len(order))
    ages[order] = since
    ages[ballots.reviewers < 0] = 0
    result: Floats = keep**ages
    return result


def _clamped(belief: Floats, known: NDArray[np.bool_], sure: Floats) -> Floats:
    return np.where(known[:, None], sure, belief)


def _open(rates: Floats) -> Floats:
    found: Floats = np.clip(rates, LEAST_MISS, 1 - LEAST_MISS)
    return found


def _odds(rates: Floats) -> Floats:
    found: Floats = _open(rates) / (1 - _open(rates))
    return found


def _coin(accuracy: float, labels: int) -> Floats:
    table = np.full((labels, labels), (1 - accuracy) / max(1, labels - 1))
    np.fill_diagonal(table, accuracy)
    return table
