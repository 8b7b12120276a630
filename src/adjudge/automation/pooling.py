"""Learning the weights of an opinion pool on calibrate-audits: conditional logit by Newton's method.

What is maximised is the likelihood of the truths under the pool's belief, concave in the weights, which are held
at or above zero and towards a prior, so that little data changes little: weakly towards an equal part for each where
nothing else is known, firmly towards the weights of one vote less where these are.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.integer]

RIDGE: Final = 1.0
HELD: Final = 30.0
"""How firmly the weights after a vote are held to those before it: they differ by some 0.2 where nothing says more.
Learnt apart from each other from a few hundred audits, they differed by luck, and so did beliefs after each vote."""
MODELS_PRIOR: Final = 0.5
"""Where the weights begin: of all models together..."""
VOTES_PRIOR: Final = 0.75
"""...and of a vote: half-way from people who err apart (1) to those whom the same questions mislead (0.5)."""
SPEAKS: Final = 2.0
"""Standard errors above zero from which a model's weight is one: below, it would be mostly noise in every belief."""
STEPS: Final = 40
ENOUGH: Final = 1e-3
"""Gain of log-likelihood below which a further step is not taken."""


def fit_weights(
    features: list[Floats], truth: Integers, prior: Floats, *, held: float = RIDGE, near: Floats | None = None
) -> Floats:
    """Return a weight for each feature: a table of log-probabilities, one row an item, one column a label.

    `held`: how firmly to the prior, as a precision. `near`: weights that were learnt on nearly the same items; then one
    step from these is enough.
    """
    tables = np.stack(features)
    at_truth = tables[:, np.arange(len(truth)), truth]
    weights = prior.astype(float) if near is None else near
    loss, belief = _loss(tables, at_truth, weights, prior, held)
    for _ in range(STEPS if near is None else 1):
        means = np.einsum("nk,dnk->dn", belief, tables)
        slope = (means - at_truth).sum(1) + held * (weights - prior)
        free = ~((weights <= 0) & (slope > 0))
        if not free.any():
            break
        curvature = _curvature(tables, belief, means) + held * np.eye(len(weights))
        step = np.zeros_like(weights)
        step[free] = -np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
        share = 1.0
        while share > 1e-4:
            tried = np.maximum(weights + share * step, 0)
            tried_loss, tried_belief = _loss(tables, at_truth, tried, prior, held)
            if tried_loss <= loss:
                break
            share /= 2
        else:
            break
        gain = loss - tried_loss
        weights, loss, belief = tried, tried_loss, tried_belief
        if gain < ENOUGH:
            break
    return weights


def worth_blending(features: list[Floats], truth: Integers) -> list[int]:
    """Return the numbers of the models that say something beyond the others: at least one.

    The one whose weight is least sure to be above zero is left out, then the next, as long as there is one that is
    not sure. Of two that say the same, one stays.
    """
    kept = list(range(len(features)))
    while len(kept) > 1:
        tables = np.stack([features[place] for place in kept])
        prior = np.full(len(kept), MODELS_PRIOR / len(kept))
        weights = fit_weights(list(tables), truth, prior)
        _, belief = _loss(tables, tables[:, np.arange(len(truth)), truth], weights, prior, RIDGE)
        curvature = _curvature(tables, belief, np.einsum("nk,dnk->dn", belief, tables)) + RIDGE * np.eye(len(kept))
        sure = weights / np.sqrt(np.diag(np.linalg.inv(curvature)))
        if sure.min() >= SPEAKS:
            break
        kept.pop(int(sure.argmin()))
    return kept


def log_frequencies(counts: Floats) -> Floats:
    """Return the logarithm of how frequent each label is, one more of each than was counted. Last axis: labels."""
    seen = counts + 1.0
    found: Floats = np.log(seen / seen.sum(-1, keepdims=True))
    return found


def frequencies_of_others(truth: Integers, labels: int) -> Floats:
    """Return for each audit how frequent each label is by all other audits: a row an audit, as a logarithm.

    With itself among them, an audit of a rare label would speak for a frequency that its label owes to it.
    """
    own = np.eye(labels)[truth]
    return log_frequencies(own.sum(0) - own)


def tells_more(features: list[Floats], further: Floats, truth: Integers) -> bool:
    """Return whether a further table, whose weight begins at 0, says more than the models do.

    That is, whether its weight is surely above zero, as of models that are blended: by the ratio of likelihoods.
    """
    prior, rows = np.full(len(features), MODELS_PRIOR / len(features)), np.arange(len(truth))
    tables = np.stack(features)
    weights = fit_weights(features, truth, prior)
    alone, belief = _loss(tables, tables[:, rows, truth], weights, prior, RIDGE)
    if further[rows, truth].sum() <= (belief * further).sum():
        return False  # its weight would stay at 0
    every, begin = np.stack([*features, further]), np.append(prior, 0.0)
    weights = fit_weights([*features, further], truth, begin, near=np.append(weights, 0.0))
    with_it, _ = _loss(every, every[:, rows, truth], weights, begin, RIDGE)
    return alone - with_it > SPEAKS**2 / 2


def _loss(tables: Floats, at_truth: Floats, weights: Floats, prior: Floats, held: float) -> tuple[float, Floats]:
    found = np.tensordot(weights, tables, 1)
    top = found.max(1, keepdims=True)
    shares = np.exp(found - top)
    sums = shares.sum(1, keepdims=True)
    missing = (np.log(sums) + top)[:, 0] - weights @ at_truth
    return float(missing.sum() + held / 2 * ((weights - prior) ** 2).sum()), shares / sums


def _curvature(tables: Floats, belief: Floats, means: Floats) -> Floats:
    size = len(tables)
    flat = tables.reshape(size, -1)
    result: Floats = (flat * belief.ravel()) @ flat.T - means @ means.T
    return result
