"""The posterior over answers: models' distributions and people's votes, each raised to its weight."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from adjudge.core import pools
from adjudge.core.beliefs import Belief, Undecided
from adjudge.core.events import Opinion
from adjudge.core.plans import Combine
from adjudge.core.pools import LEAST_PROBABILITY, Pool

_Distribution: TypeAlias = dict[str, float]


def posterior(
    opinions: Sequence[Opinion], combine: Combine, space_size: int | None, chosen: str | None = None
) -> Belief | Undecided:
    """Product of the models' distributions and the votes' one-coin likelihoods, each to its weight.

    Kerrigan, Smyth, Steyvers 2021 (combining human predictions with model probabilities), with the
    weights of a logarithmic opinion pool (Genest and Zidek 1986) because model and people err together.
    The belief is about the likeliest answer; or about one `chosen` by votes alone, which then count whole.
    """
    given = [opinion for opinion in opinions if opinion.answer is not None]
    votes = [opinion for opinion in given if opinion.source == "reviewer"]
    models = [opinion for opinion in given if opinion.source != "reviewer"]
    distributions = [_distribution(model) for model in models]
    named = sorted(set(answered(votes)).union(*distributions))
    if not named:
        return Undecided("abstained", "nobody had an answer")
    unnamed = max(0, (space_size or len(named) + 1) - len(named))
    found = (
        _scores(named, unnamed, distributions, Counter(answered(votes)), combine, whole=chosen is not None)
        if combine.pool is None or chosen is not None
        else _pooled(combine.pool, named, unnamed, models, votes)
    )
    return _belief(chosen or max(named, key=lambda key: (found[key], key)), found, unnamed, [*models, *votes])


def _pooled(
    pool: Pool, named: Sequence[str], unnamed: int, models: Sequence[Opinion], votes: Sequence[Opinion]
) -> dict[str | None, float]:
    """Return what the learnt pool says, like `_scores`."""
    said = {model.by: _distribution(model) for model in models}
    given = [(vote.by, str(vote.answer)) for vote in votes]
    return dict(zip((*named, None), pools.scores(pool, said, given, named, len(named) + unnamed), strict=True))


def _scores(
    named: Sequence[str],
    unnamed: int,
    distributions: Sequence[_Distribution],
    votes: Counter[str],
    combine: Combine,
    *,
    whole: bool,
) -> dict[str | None, float]:
    """Return the log posterior of each answer, not normalised; under None: of one that nobody named.

    `whole`: votes are not weighed down.
    """
    accuracy = min(max(combine.accuracy, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY)
    right, wrong = math.log(accuracy), math.log((1 - accuracy) / max(1, len(named) + unnamed - 1))
    total = votes.total()
    vote_weight = 1.0 if whole else combine.vote_weight

    def score(probabilities: Iterable[float], agreeing: int) -> float:
        of_votes = agreeing * right + (total - agreeing) * wrong
        return combine.model_weight * math.fsum(map(math.log, probabilities)) + vote_weight * of_votes

    scores: dict[str | None, float] = {
        key: score([known.get(key, LEAST_PROBABILITY) for known in distributions], votes[key]) for key in named
    }
    return scores | {None: score([LEAST_PROBABILITY] * len(distributions), 0)}


def _distribution(opinion: Opinion) -> _Distribution:
    given = opinion.distribution or {str(opinion.answer): opinion.confidence}
    return {key: max(probability, LEAST_PROBABILITY) for key, probability in given.items()}


def _belief(answer: str, scores: Mapping[str | None, float], unnamed: int, opinions: Sequence[Opinion]) -> Belief:
    counts = {key: 1 if key is not None else unnamed for key in scores}
    top = max(score for key, score in scores.items() if counts[key])
    weights = {key: math.exp(score - top) for key, score in scores.items() if counts[key]}
    total = math.fsum(weight * counts[key] for key, weight in weights.items())
    confidence = min(1.0, weights[answer] / total)
    others = max((weights[key] / total for key in weights if key not in (answer, None)), default=0.0)
    agreeing = sum(opinion.answer == answer for opinion in opinions)
    return Belief(answer, confidence, confidence - others, tuple(opinions), agreeing, len(opinions))


def answered(opinions: Iterable[Opinion]) -> list[str]:
    """Return the answers among them, in their order."""
    return [opinion.answer for opinion in opinions if opinion.answer is not None]
