"""What votes are worth, learnt for a question type: from blind votes to the snapshot that plans apply.

Reviewers by all blind votes, truths of audits clamped; weights and stops by the calibrate-audits whose truth is
known. The weights are learnt on votes of people who were learnt from other audits: a reviewer's record must not
contain the vote that is weighed. No model is a voter.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from adjudge.automation.binomial import beta_quantile
from adjudge.automation.buying import stopping
from adjudge.automation.pooling import (
    HELD,
    MODELS_PRIOR,
    VOTES_PRIOR,
    fit_weights,
    frequencies_of_others,
    log_frequencies,
    tells_more,
)
from adjudge.automation.reviewers import NOBODY, Ballots, learn
from adjudge.core.pools import LEAST_PROBABILITY, Prices, Seen, Snapshot, StageWeights, Vote, Weights
from adjudge.core.reviewers import MOST_CONFUSED, Reviewers

Floats = NDArray[np.float64]

ENOUGH_AUDITS: Final = 100
"""Calibrate-audits with a truth, votes and all opinions, before a stage departs from the votes configured."""
KEEP: Final = 0.999
"""What a vote still weighs after one more by the same person: half after 700."""
FOLDS: Final = 5
"""Parts of the audits: votes of each are weighed by what the others show of those who gave them."""
LATEST: Final = 2 * ENOUGH_AUDITS
"""Audits that must agree on the labels before it is asked how frequent these are."""
MOST_LABELS: Final = 50
"""Labels of a question that weights are learnt over; beyond, those that somebody named."""
TAIL: Final = 0.05
NEWS: Final = 0.02
"""By how much somebody's accuracy must have moved to be worth another snapshot..."""
NOTICED: Final = 0.1
"""...or a weight..."""
MORE: Final = 1.25
"""...or by which factor the votes..."""
COMMONER: Final = 0.25
"""...or how frequent a label is, as a logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voted:
    """A question that people have answered blind."""

    votes: tuple[Vote, ...]
    """In the order given."""
    labels: tuple[str, ...] = ()
    """All its answers, where they are listed."""
    truth: str | None = None
    """None: not known."""
    is_sure: bool = True
    """Whether the truth is one about those who voted, too: what most of them say is none."""
    said: Mapping[str, Mapping[str, float]] | None = None
    """Distributions of models by decider, of a calibrate-audit; None: it is none."""


_Weighed: TypeAlias = tuple[Voted, list[str], Floats]
"""An audit, its labels, and what its first votes say of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A stage of people as a plan has it."""

    deciders: tuple[str, ...]
    prices: Prices
    votes: int
    """At most."""


def learnt(items: Sequence[Voted], stages: Mapping[str, Asking]) -> Snapshot | None:
    """Return what votes are worth, by the questions in the order asked. None: too little is known of all stages."""
    audits = [item for item in items if item.said is not None and item.truth is not None and item.votes]
    if len(audits) < ENOUGH_AUDITS:
        return None
    reviewers = learn_reviewers(items)
    heard = _heard(audits)
    weighed = {name: _stage(audits, heard, asking, reviewers) for name, asking in stages.items()}
    found = {name: stage for name, stage in weighed.items() if stage is not None}
    if not found:
        return None
    counts = Counter(reviewer for item in items for reviewer, _ in item.votes)
    return Snapshot(
        reviewers=reviewers,
        people={name: _seen(reviewers, name, votes) for name, votes in sorted(counts.items())},
        stages=found,
        votes=counts.total(),
        audits=len(audits),
    )


def learn_reviewers(items: Sequence[Voted]) -> Reviewers:
    """Return the records of all who voted."""
    names = sorted({reviewer for item in items for reviewer, _ in item.votes})
    people = {name: number for number, name in enumerate(names)}
    labels = sorted({answer for item in items for answer in _named(item)})
    few = len(labels) <= MOST_CONFUSED
    most = max((len(item.votes) for item in items), default=0)
    answers, who = np.full((2, len(items), most), NOBODY)
    golden = np.full(len(items), NOBODY)
    for row, item in enumerate(items):
        # of one coin it matters who agrees, not on what: a question's own answers are numbered, and are few
        places = {answer: place for place, answer in enumerate(labels if few else _named(item))}
        for place, (reviewer, answer) in enumerate(item.votes):
            answers[row, place], who[row, place] = places[answer], people[reviewer]
        if item.truth is not None and item.is_sure:
            golden[row] = places[item.truth]
    size = len(labels) if few else max(MOST_CONFUSED + 1, int(answers.max()) + 1, int(golden.max()) + 1)
    found = learn(Ballots.of(answers, who, labels=size, people=len(names)), golden, keep=KEEP)
    return found.snapshot(labels if few else (), names)


def is_news(held: Snapshot | None, fresh: Snapshot) -> bool:
    """Return whether it is worth a snapshot: other stages or people, or figures that have moved."""
    if held is None or held.stages.keys() != fresh.stages.keys() or held.people.keys() != fresh.people.keys():
        return True
    if fresh.votes >= MORE * held.votes:
        return True
    if any(abs(held.people[name].accuracy - seen.accuracy) > NEWS for name, seen in fresh.people.items()):
        return True
    return any(_moved(held.stages[name], stage) for name, stage in fresh.stages.items())


def _moved(held: StageWeights, fresh: StageWeights) -> bool:
    if held.frequencies.keys() != fresh.frequencies.keys():
        return True
    if any(abs(held.frequencies[label] - log) > COMMONER for label, log in fresh.frequencies.items()):
        return True
    before, after = _exponents(held), _exponents(fresh)
    return len(before) != len(after) or any(
        abs(now - then) > NOTICED * max(then, 1.0) for then, now in zip(before, after, strict=True)
    )


def _exponents(stage: StageWeights) -> list[float]:
    return [weight for weights in stage.after for weight in (*weights.models, weights.votes, weights.frequency)]


def _named(item: Voted) -> list[str]:
    """Return the answers that people or the truth name, in order of name."""
    known = [] if item.truth is None else [item.truth]
    return sorted({*known, *(answer for _, answer in item.votes)})


def _heard(audits: Sequence[Voted]) -> list[tuple[list[str], Floats]]:
    """Return for each audit its labels, and what its first votes say of each: a row for each number of votes."""
    others = [
        learn_reviewers([item for place, item in enumerate(audits) if place % FOLDS != fold]) for fold in range(FOLDS)
    ]
    found = []
    for place, item in enumerate(audits):
        labels = _labels(item)
        rows = [[0.0] * len(labels)]
        for reviewer, answer in item.votes:
            said = others[place % FOLDS].log_likelihoods(reviewer, answer, labels, len(labels))
            rows.append([before + now for before, now in zip(rows[-1], said, strict=False)])  # none is unnamed
        found.append((labels, np.array(rows)))
    return found


def _labels(item: Voted) -> list[str]:
    if 0 < len(item.labels) <= MOST_LABELS:
        return list(item.labels)
    models = [answer for known in (item.said or {}).values() for answer in known]
    return sorted({*_named(item), *models})


def _stage(
    audits: Sequence[Voted], heard: Sequence[tuple[list[str], Floats]], asking: Asking, reviewers: Reviewers
) -> StageWeights | None:
    """Learn the weights of a stage for each number of votes. None: too few audits have all its models' opinions."""
    own = [
        (item, *each)
        for item, each in zip(audits, heard, strict=True)
        if set(asking.deciders) <= (item.said or {}).keys()
    ]
    if len(own) < ENOUGH_AUDITS:
        return None
    equal = MODELS_PRIOR / max(1, len(asking.deciders))
    frequencies = _frequencies(own, asking.deciders)
    after = [Weights((equal,) * len(asking.deciders), VOTES_PRIOR)]
    for votes in range(asking.votes + 1):
        rows = [one for one in own if len(one[0].votes) >= votes]
        if len(rows) < ENOUGH_AUDITS:
            break
        learnt = _weights(rows, asking.deciders, votes, after[-1], is_weighed=bool(frequencies))
        after = [*after, learnt] if votes else [learnt]
    if len(after) < 2:
        return None
    middle = after[min(2, len(after) - 1)]
    stops = stopping(asking.prices, accuracy=reviewers.crowd.right, weight=middle.votes, votes=asking.votes)
    return StageWeights(
        deciders=asking.deciders, after=tuple(after), stops=stops, audits=len(own), frequencies=frequencies
    )


def _frequencies(own: Sequence[_Weighed], deciders: Sequence[str]) -> dict[str, float]:
    """Return how frequent each label is, where that says more than the models do; else nothing.

    Asked only where the latest questions have the same few answers, of all audits that have these: candidates change
    from one to the next, and how frequent a new label is is not known before it was there to be chosen.
    """
    latest = own[-LATEST:]
    labels = latest[0][0].labels
    if not deciders or not 0 < len(labels) <= MOST_LABELS or any(item.labels != labels for item, _, _ in latest):
        return {}
    alike = [one for one in own if one[0].labels == labels]
    tables, truth = _tables(alike, deciders, 0)
    if not tells_more(list(tables[:-1]), frequencies_of_others(truth, len(labels)), truth):
        return {}
    counts = np.bincount(truth, minlength=len(labels)).astype(float)
    return dict(zip(labels, log_frequencies(counts).tolist(), strict=True))


def _told_by_others(rows: Sequence[_Weighed], truth: NDArray[np.int64], width: int) -> Floats:
    """Return for each audit how frequent its labels are among the others that had the same to choose from."""
    places: dict[tuple[str, ...], list[int]] = {}
    for place, (_, labels, _) in enumerate(rows):
        places.setdefault(tuple(labels), []).append(place)
    found = np.full((len(rows), width), np.log(LEAST_PROBABILITY))
    for chosen_from, alike in places.items():
        found[alike, : len(chosen_from)] = frequencies_of_others(truth[alike], len(chosen_from))
    return found


def _weights(
    rows: Sequence[_Weighed],
    deciders: Sequence[str],
    votes: int,
    before: Weights,
    *,
    is_weighed: bool,
) -> Weights:
    """Return the weights after so many votes, held to those `before`; of models alone where there are none yet.

    `is_weighed`: how frequent labels are has a weight too.
    """
    if not (votes or deciders):
        return before
    tables, truth = _tables(rows, deciders, votes)
    features, prior = list(tables[:-1]), list(before.models)
    if is_weighed:
        features.append(_told_by_others(rows, truth, tables.shape[2]))
        prior.append(before.frequency)
    if votes:
        found = fit_weights([*features, tables[-1]], truth, np.array([*prior, before.votes]), held=HELD).tolist()
    else:
        found = [*fit_weights(features, truth, np.array(prior)).tolist(), before.votes]
    return Weights(tuple(found[: len(deciders)]), found[-1], found[len(deciders)] if is_weighed else 0.0)


def _tables(
    rows: Sequence[_Weighed], deciders: Sequence[str], votes: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return what each decider says, and last the votes, of each audit's labels; and which is right."""
    width = max(len(labels) for _, labels, _ in rows)
    tables = np.full((len(deciders) + 1, len(rows), width), np.log(LEAST_PROBABILITY))
    truth = np.empty(len(rows), int)
    for row, (item, labels, heard) in enumerate(rows):
        truth[row] = labels.index(str(item.truth))
        for place, decider in enumerate(deciders):
            known = (item.said or {})[decider]
            shares = [max(known.get(label, 0.0), LEAST_PROBABILITY) for label in labels]
            tables[place, row, : len(labels)] = np.log(shares)
        tables[-1, row, : len(labels)] = heard[votes]
    return tables, truth


def _seen(reviewers: Reviewers, name: str, votes: int) -> Seen:
    record = reviewers.records[name]
    right = record.right + reviewers.coin_strength * reviewers.crowd.right
    wrong = record.wrong + reviewers.coin_strength * (1 - reviewers.crowd.right)
    return Seen(
        votes=votes,
        accuracy=right / (right + wrong),
        low=beta_quantile(right, wrong, TAIL),
        high=beta_quantile(right, wrong, 1 - TAIL),
    )
