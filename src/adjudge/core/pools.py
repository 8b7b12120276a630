"""Models and people as one belief: a logarithmic opinion pool with learnt weights, as a value.

The log posterior of an answer is the weighted sum of the logarithms of what each model and each vote says of it
(Kerrigan, Smyth, Steyvers 2021; the pool: Genest and Zidek 1986). The weights are learnt for each number of votes,
because models and people err together: multiplied as if they did not, they are over-confident. A model's
temperature is in its weight.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from adjudge.core.reviewers import Reviewers

LEAST_PROBABILITY: Final = 1e-6
"""What an answer gets that a model gave no probability: never 0, which no vote could mend."""

NextStep: TypeAlias = Literal["accept", "ask", "expert"]
Vote: TypeAlias = tuple[str, str]
"""Reviewer, answer."""


class Weights(msgspec.Struct, frozen=True):
    """Exponents: of each model in the order of the pool's deciders, and of the votes."""

    models: tuple[float, ...]
    votes: float


class Stops(msgspec.Struct, frozen=True):
    """When asking people ends: where the risk left is not worth the next vote."""

    risks: tuple[float, ...]
    """After so many votes, the highest risk at which the belief is acted on; as many as votes may be bought."""
    expert: float = 1.0
    """Where no further vote may be bought: the risk above which an expert is dearer than no longer."""

    def step(self, votes: int, risk: float) -> NextStep:
        """Return what follows `votes` votes that leave this risk (one less the confidence)."""
        if votes < len(self.risks):
            return "accept" if risk <= self.risks[votes] else "ask"
        return "accept" if risk <= self.expert else "expert"


class Pool(msgspec.Struct, frozen=True):
    """What was learnt of models and people together: a numbered snapshot of parameters."""

    deciders: tuple[str, ...]
    after: tuple[Weights, ...]
    """By number of votes; the last one for all that are more."""
    reviewers: Reviewers
    stops: Stops


def scores(
    pool: Pool,
    distributions: Mapping[str, Mapping[str, float]],
    votes: Sequence[Vote],
    named: Sequence[str],
    size: int,
) -> list[float]:
    """Return the log posterior, not normalised, of each answer named and last of one that nobody named.

    A decider that is missing says nothing; one that the pool does not know is not heard.
    """
    weights = pool.after[min(len(votes), len(pool.after) - 1)]
    found = [0.0] * (len(named) + 1)
    for decider, weight in zip(pool.deciders, weights.models, strict=True):
        if (known := distributions.get(decider)) is not None:
            for place, label in enumerate(named):
                found[place] += weight * math.log(max(known.get(label, 0.0), LEAST_PROBABILITY))
            found[-1] += weight * math.log(LEAST_PROBABILITY)
    for reviewer, answer in votes:
        for place, value in enumerate(pool.reviewers.log_likelihoods(reviewer, answer, named, size)):
            found[place] += weights.votes * value
    return found
