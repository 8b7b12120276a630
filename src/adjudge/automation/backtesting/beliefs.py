"""Beliefs about all items by number of votes: `core.pools` over columns, learnt on the calibrate-audits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adjudge.automation.backtesting.sets import ORDERS, Booleans, Draw, Floats, Integers, LabelledSet
from adjudge.automation.pooling import (
    HELD,
    MODELS_PRIOR,
    VOTES_PRIOR,
    fit_weights,
    frequencies_of_others,
    log_frequencies,
    tells_more,
    worth_blending,
)
from adjudge.automation.reviewers import LEAST, Ballots, Learnt, learn
from adjudge.core.pools import LEAST_PROBABILITY

Single = NDArray[np.float32]


PARTS: Final = 5
"""Of the calibrate-audits: what is expected of each part is expected by what the others teach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """The likeliest answer of each item and the risk that it is wrong."""

    answer: Integers
    """-1: of this item nothing was said, by a model or by people."""
    risk: Floats
    odds: Single
    """Of each label against the likeliest."""

    @property
    def confidence(self) -> Floats:
        return 1 - self.risk

    def of(self, answers: Integers, items: Integers) -> Floats:
        """Return the probability of other answers to some items; of none: 0."""
        found: Floats = np.where(answers >= 0, self.odds[items, answers] * (1 - self.risk[items]), 0.0)
        return found


@dataclass(frozen=True, slots=True)
class Models:
    """What is known of items before people are asked, as tables with a row an item and a column a label."""

    tables: Sequence[Single]
    """Of each model what it says, as a logarithm; last how frequent labels are, where audits show that this says more.
    Of items of which no model said anything: nothing."""
    audited: Sequence[Single]
    """The same of the calibrate-audits, each as the others tell it."""
    prior: Floats
    """Where the weights begin."""
    are_frequencies_told: bool = False

    @classmethod
    def of(cls, tables: Sequence[Single], draw: Draw) -> "Models":
        """Take models as they are."""
        prior = np.full(len(tables), MODELS_PRIOR / len(tables))
        return cls(tables, [table[draw.calibrate] for table in tables], prior)

    def with_frequencies(self, data: LabelledSet, draw: Draw) -> "Models":
        """Add how frequent labels are, where that says more than the models do.

        A model that was trained where labels come in other shares takes rare ones for likelier than they are.
        """
        truth, labels = data.truth[draw.calibrate], len(data.labels)
        said = np.any([table.any(1) for table in self.tables], axis=0)
        own = np.where(said[draw.calibrate, None], frequencies_of_others(truth, labels), 0.0)
        if not tells_more([table.astype(float) for table in self.audited], own, truth):
            return self
        frequent = log_frequencies(np.bincount(truth, minlength=labels).astype(float))
        every = np.where(said[:, None], frequent, 0.0).astype(np.float32)
        audited = [*self.audited, own.astype(np.float32)]
        return Models([*self.tables, every], audited, np.append(self.prior, 0.0), are_frequencies_told=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What was learnt of people, and what their votes say: one table for each number of votes."""

    learnt: Learnt
    sums: tuple[Single, ...]
    """After so many votes, the sum of their log-likelihoods: a row an item, a column a label."""
    available: Integers
    """How many votes each item has, up to the most that are bought."""

    @property
    def most(self) -> int:
        return len(self.sums) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """The calibrate-audits, each asked ORDERS times: first all of them in one order, then all in the next.

    What a plan would come to on audits that it has not learnt from: by it the tests' sequences are begun.
    """

    items: Integers
    truth: Integers
    answers: Integers
    """In the order asked."""
    available: Integers
    beliefs: Sequence[Belief]
    """By number of votes; a row an asking."""


def log_scores(data: LabelledSet) -> dict[str, Single]:
    """Return the logarithm of what each decider said; of items that it did not score, nothing."""
    found = {}
    for decider, scores in data.scores.items():
        table = np.log(np.maximum(scores, np.float32(LEAST_PROBABILITY)))
        table[scores.sum(1) == 0] = 0.0
        found[decider] = table
    return found


def blended(logs: Mapping[str, Single], data: LabelledSet, draw: Draw) -> list[str]:
    """Return the deciders that the calibrate-audits show to say something beyond the others."""
    names, audits = list(logs), draw.calibrate
    said = [logs[name][audits].astype(float) for name in names]
    return [names[place] for place in worth_blending(said, data.truth[audits])]


def crowd_of(data: LabelledSet, draw: Draw, learnt_from: Integers, votes: int) -> Crowd:
    """Learn of people from all answers to audited items, whose truth is known; read the first votes of each item."""
    ballots = Ballots.of(
        draw.answers[learnt_from], draw.reviewers[learnt_from], labels=len(data.labels), people=data.people
    )
    return _heard(learn(ballots, data.truth[learnt_from]), draw.answers, draw.reviewers, votes)


def pooled(data: LabelledSet, models: Models, crowd: Crowd | None, draw: Draw) -> tuple[list[Belief], list[Floats]]:
    """Return beliefs by number of votes, weights learnt for each on the calibrate-audits; and the weights."""
    heard = _first_votes(data, crowd, draw) if crowd else []
    every = np.ones(len(draw.calibrate), bool)
    weights = _learnt(models, heard, data.truth[draw.calibrate], every)
    return believed(models, crowd, weights), weights


def believed(models: Models, crowd: Crowd | None, weights: Sequence[Floats]) -> list[Belief]:
    """Return beliefs by number of votes, as far as there are weights."""
    tables = models.tables
    beliefs = [_where_heard(_believed(tables, weights[0]), tables)]
    if crowd:
        beliefs += [_believed([*tables, crowd.sums[votes]], found) for votes, found in enumerate(weights) if votes]
    return beliefs


def towards_multiplied(weights: Sequence[Floats], part: float) -> list[Floats]:
    """Return weights moved by a part of the way to those of likelihoods that are multiplied.

    As if models and people were independent: after votes the models' are as before the first, and each vote's is 1.
    """
    alone = weights[0]
    return [alone, *((1 - part) * found + part * np.array([*alone, 1.0]) for found in weights[1:])]


def _first_votes(data: LabelledSet, crowd: Crowd, draw: Draw) -> list[Floats]:
    """Return what the first votes on the calibrate-audits say, by what others show of those who gave them."""
    items = draw.calibrate
    without = _left_out(crowd, draw.answers[items], draw.reviewers[items], data.truth[items])
    return [heard[items] + less for heard, less in zip(crowd.sums, without, strict=True)]


def _learnt(
    models: Models,
    heard: Sequence[Floats],
    truth: Integers,
    audits: Booleans,
    near: Sequence[Floats] | None = None,
) -> list[Floats]:
    """Return the weights for each number of votes, learnt on some of the calibrate-audits.

    Before the first vote how frequent labels are weighs nothing in the end: in service a model that answers alone is
    believed as it speaks. `heard`: empty where nobody answers. `near`: the weights learnt on nearly the same audits.
    """
    tables, truth = [table[audits].astype(float) for table in models.audited], truth[audits]
    begin: Sequence[Floats | None] = near if near is not None else [None] * max(1, len(heard))
    weights = [fit_weights(tables, truth, models.prior, near=begin[0])]
    for votes in range(1, len(heard)):
        before = weights[-1] if votes > 1 else np.array([*weights[0], VOTES_PRIOR])
        weights.append(fit_weights([*tables, heard[votes][audits]], truth, before, held=HELD, near=begin[votes]))
    if models.are_frequencies_told:
        alone = fit_weights(tables[:-1], truth, models.prior[:-1], near=None if begin[0] is None else begin[0][:-1])
        weights[0] = np.append(alone, 0.0)
    return weights


def learnt_apart(
    data: LabelledSet, models: Models, crowd: Crowd, near: Sequence[Floats], draw: Draw
) -> list[list[Floats]]:
    """Return weights by number of votes for each part of the calibrate-audits, learnt on the others.

    What has been learnt on an audit expects too much of it. `near`: the weights that were learnt on all.
    """
    parts = np.arange(len(draw.calibrate)) % PARTS
    first, truth = _first_votes(data, crowd, draw), data.truth[draw.calibrate]
    return [_learnt(models, first, truth, parts != part, near) for part in range(PARTS)]


def rehearsed(data: LabelledSet, models: Models, crowd: Crowd, near: Sequence[Floats], draw: Draw) -> Rehearsal:
    """Ask the calibrate-audits again, in further orders, each with weights that were learnt on others of them."""
    return AskedAgain.of(data, models, crowd, draw).rehearsal(learnt_apart(data, models, crowd, near, draw))


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAgain:
    """What is heard when the calibrate-audits are asked ORDERS times, whatever it weighs."""

    items: Integers
    truth: Integers
    answers: Integers
    available: Integers
    said: Sequence[Single]
    """By the models."""
    sums: Sequence[Single]
    """By people; of a Crowd, and without what was learnt of each vote itself."""

    @classmethod
    def of(cls, data: LabelledSet, models: Models, crowd: Crowd, draw: Draw) -> "AskedAgain":
        """Ask them in the orders drawn."""
        items = np.tile(draw.calibrate, ORDERS)
        answers = np.take_along_axis(data.answers[items], draw.again, 1)
        reviewers = np.take_along_axis(data.reviewers[items], draw.again, 1)
        again, truth = _heard(crowd.learnt, answers, reviewers, crowd.most), data.truth[items]
        without = _left_out(crowd, answers, reviewers, truth)
        return cls(
            items=items,
            truth=truth,
            answers=answers,
            available=again.available,
            said=[np.tile(table, (ORDERS, 1)) for table in models.audited],
            sums=[(heard + less).astype(np.float32) for heard, less in zip(again.sums, without, strict=True)],
        )

    def rehearsal(self, weights: Sequence[Sequence[Floats]]) -> Rehearsal:
        """Return what comes of it. `weights`: by number of votes, for each part of the audits in turn."""
        each = np.tile(np.arange(len(self.items) // ORDERS) % len(weights), ORDERS)
        beliefs = [
            _believed([*self.said, self.sums[votes]][: len(learnt)], np.stack([part[votes] for part in weights])[each])
            for votes, learnt in enumerate(weights[0])
        ]
        beliefs[0] = _where_heard(beliefs[0], self.said)
        return Rehearsal(
            items=self.items, truth=self.truth, answers=self.answers, available=self.available, beliefs=beliefs
        )


def people_alone(crowd: Crowd, votes: int) -> Integers:
    """Return what the first votes say, weighed by what is learnt of those who gave them."""
    votes = min(votes, crowd.most)
    answer: Integers = (crowd.sums[votes] + np.log(crowd.learnt.prior)).argmax(1)
    return np.where(crowd.available > 0, answer, -1)


def raw(scores: Single) -> Belief:
    """Return what a decider said as it stands; where it said nothing, no answer and all risk."""
    silent = scores.sum(1) == 0
    surest = scores.max(1)
    answer = np.where(silent, -1, scores.argmax(1))
    risk = np.where(silent, 1.0, 1 - surest.astype(float))
    return Belief(answer=answer, risk=risk, odds=(scores / np.where(silent, 1.0, surest)[:, None]).astype(np.float32))


def _where_heard(belief: Belief, tables: Sequence[Single]) -> Belief:
    """Return the belief of models alone, with no answer and all risk where none of them said anything."""
    silent = ~np.any([table.any(1) for table in tables], axis=0)
    return replace(belief, answer=np.where(silent, -1, belief.answer), risk=np.where(silent, 1.0, belief.risk))


def _believed(tables: Sequence[Single], weights: Floats) -> Belief:
    """Return the pool's belief. `weights`: one for each table, or a row of them for each item."""
    columns = weights.astype(np.float32).T.reshape(len(tables), -1, 1)
    found = columns[0] * tables[0]
    for table, weight in zip(tables[1:], columns[1:], strict=True):
        if weight.any():
            found += weight * table
    answer = found.argmax(1)
    rows = np.arange(len(found))
    found -= found[rows, answer][:, None]
    others = np.exp(found, out=found)
    others[rows, answer] = 0.0  # so that a small risk keeps its digits
    odds = others.sum(1).astype(float)
    others[rows, answer] = 1.0
    return Belief(answer=answer, risk=odds / (1 + odds), odds=others)


def _heard(learnt: Learnt, answers: Integers, reviewers: Integers, votes: int) -> Crowd:
    """Return what the first votes say, by what was learnt of those who gave them."""
    rates = np.log(np.maximum(learnt.rates(), LEAST))
    by_answer = np.ascontiguousarray(rates.transpose(0, 2, 1), np.float32)
    most = min(votes, answers.shape[1])
    sums = [np.zeros((len(answers), len(learnt.prior)), np.float32)]
    for place in range(most):
        sums.append(sums[-1] + _said(by_answer, answers[:, place], reviewers[:, place]))
    return Crowd(learnt=learnt, sums=tuple(sums), available=(answers[:, :most] >= 0).sum(1))


def _said(by_answer: Single, answers: Integers, reviewers: Integers) -> Single:
    """Return the log-likelihoods of one vote for each item; of none, nothing. The last row: whoever is not known."""
    found: Single = by_answer[np.where(reviewers >= 0, reviewers, len(by_answer) - 1), np.maximum(answers, 0)]
    found[answers < 0] = 0.0
    return found


def _left_out(crowd: Crowd, answers: Integers, reviewers: Integers, truth: Integers) -> list[Floats]:
    """Return what to add to the sums of first votes that were learnt from, to judge each as if it had not been.

    A table for each number of votes, like the sums.
    """
    learnt = crowd.learnt
    found = [np.zeros((len(answers), len(learnt.prior)))]
    drawn_to = learnt.drawn_to() if learnt.rows is not None else np.empty(0)
    rows = np.arange(len(answers))
    for place in range(crowd.most):
        found.append(found[-1].copy())
        given, people = answers[:, place], reviewers[:, place]
        known = (given >= 0) & (people >= 0)
        if not known.any():
            continue
        at, person, answer, true = rows[known], people[known], given[known], truth[known]
        hit = answer == true
        if learnt.rows is not None:
            mine, all_mine = learnt.rows[person, true, answer], learnt.rows[person, true].sum(1)
            others = learnt.strength * drawn_to[person, true, answer]
        else:
            mine = np.where(hit, learnt.right[person], learnt.wrong[person])
            all_mine = (learnt.right + learnt.wrong)[person]
            others = learnt.strength * np.where(hit, learnt.crowd_right, 1 - learnt.crowd_right)
        with_it = (mine + others) / (all_mine + learnt.strength)
        without = (np.maximum(mine - 1, 0) + others) / (np.maximum(all_mine - 1, 0) + learnt.strength)
        found[-1][at, true] += np.log(np.maximum(without, LEAST) / np.maximum(with_it, LEAST))
    return found
