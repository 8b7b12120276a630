"""Models and people as one belief: a logarithmic opinion pool with learnt weights, as a value.

The log posterior of an answer is the weighted sum of the logarithms of what each model and each vote says of it
(Kerrigan, Smyth, Steyvers 2021; the pool: Genest and Zidek 1986). The weights are learnt for each number of votes,
because models and people err together: multiplied as if they did not, they are over-confident. A model's
temperature is in its weight.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from adjudge.core.reviewers import Reviewers

LEAST_PROBABILITY: Final = 1e-6
"""Probability of an answer to which a model gave none. Not 0, because no vote could ever outweigh that."""

NextStep: TypeAlias = Literal["accept", "ask", "expert"]
Vote: TypeAlias = tuple[str, str]
"""Reviewer, answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The prices of a wrong answer, of one vote, of waiting for it, and of an expert's answer, all in one unit."""

    wrong: float
    vote: float = 1.0
    delay: float = 0.0
    expert: float = math.inf

    def __post_init__(self) -> None:
        if not (self.wrong >= 0 and self.vote >= 0 and self.delay >= 0 and self.expert >= 0):
            raise ValueError("a price is negative or not a number")


class Weights(msgspec.Struct, frozen=True):
    """Exponents: one for each model, in the order of the pool's deciders, and one for the votes."""

    models: tuple[float, ...]
    votes: float
    frequency: float = 0.0
    """Of how frequent each label is."""


class Stops(msgspec.Struct, frozen=True):
    """When asking people ends: as soon as the remaining risk is not worth another vote."""

    risks: tuple[float, ...]
    """For each number of votes, the highest risk at which the belief is acted on. As many as votes may be bought."""
    expert: float = 1.0
    """Where no further vote may be bought: the risk above which asking an expert pays."""
    experts: tuple[float, ...] = ()
    """For each number of votes, the risk from which an expert is cheaper than more votes. Empty: only at the end."""

    def step(self, votes: int, risk: float) -> NextStep:
        """Return what follows `votes` votes that leave this risk (one less the confidence)."""
        if votes < len(self.risks):
            if risk <= self.risks[votes]:
                return "accept"
            return "expert" if votes < len(self.experts) and risk >= self.experts[votes] else "ask"
        return "accept" if risk <= self.expert else "expert"


class Pool(msgspec.Struct, frozen=True):
    """What was learnt of models and people together."""

    deciders: tuple[str, ...]
    after: tuple[Weights, ...]
    """By number of votes; the last one for all that are more."""
    reviewers: Reviewers
    stops: Stops
    snapshot: int = 0
    """Number of the snapshot of parameters that it is from."""
    frequencies: dict[str, float] = {}
    """How frequent each label is, as a logarithm; empty: that is not asked."""


class StageWeights(msgspec.Struct, frozen=True, kw_only=True):
    """What was learnt for a stage of people: how its models and its votes are weighed, and when asking ends."""

    deciders: tuple[str, ...]
    after: tuple[Weights, ...]
    stops: Stops
    audits: int
    """Calibrate-audits that it was learnt from."""
    frequencies: dict[str, float] = {}
    """How frequent each label is among them, as a logarithm, where that says more than the models do."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a reviewer, in figures for people to read."""

    votes: int
    """Blind votes that it was learnt from."""
    accuracy: float
    """Share of them that is right: the mean of its posterior."""
    low: float
    high: float
    """With 90% probability the accuracy lies between `low` and `high`."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What was learnt for a question type: numbered, and never changed."""

    number: int = 0
    """0: not published yet."""
    reviewers: Reviewers
    people: dict[str, Seen]
    stages: dict[str, StageWeights]
    """By `Plan.learnt_as` of a stage."""
    votes: int
    audits: int
    """Those among them whose truth is known."""

    def pool(self, stage: str) -> Pool | None:
        """Return what a stage weighs by; None where nothing was learnt for it."""
        found = self.stages.get(stage)
        if found is None:
            return None
        return Pool(found.deciders, found.after, self.reviewers, found.stops, self.number, found.frequencies)


def scores(
    pool: Pool,
    distributions: Mapping[str, Mapping[str, float]],
    votes: Sequence[Vote],
    named: Sequence[str],
    size: int,
) -> list[float]:
    """Return the log posterior, not normalised, of each answer named and last of one that nobody named.

    A decider that is missing says nothing; one that the pool does not know is not heard. How frequent a label is
    corrects what models say, so it counts only where one of them said something.
    """
    weights = pool.after[min(len(votes), len(pool.after) - 1)]
    found = [0.0] * (len(named) + 1)
    for decider, weight in zip(pool.deciders, weights.models, strict=True):
        if (known := distributions.get(decider)) is not None:
            for place, label in enumerate(named):
                found[place] += weight * math.log(max(known.get(label, 0.0), LEAST_PROBABILITY))
            found[-1] += weight * math.log(LEAST_PROBABILITY)
    if pool.frequencies and not distributions.keys().isdisjoint(pool.deciders):
        rarest = min(pool.frequencies.values())
        for place, label in enumerate(named):
            found[place] += weights.frequency * pool.frequencies.get(label, rarest)
        unnamed = (frequency for label, frequency in pool.frequencies.items() if label not in named)
        found[-1] += weights.frequency * max(unnamed, default=rarest)
    for reviewer, answer in votes:
        for place, value in enumerate(pool.reviewers.log_likelihoods(reviewer, answer, named, size)):
            found[place] += weights.votes * value
    return found
