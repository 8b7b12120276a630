"""What the page draws: risk against coverage, reliability, and what coverage does to votes and errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from adjudge.automation.backtesting.asking import PEOPLE, asked_until_agreed, asked_until_sure, kept_to_people, priced
from adjudge.automation.backtesting.beliefs import (
    Belief,
    Crowd,
    Models,
    blended,
    crowd_of,
    log_scores,
    pooled,
    raw,
    rehearsed,
)
from adjudge.automation.backtesting.policies import Terms
from adjudge.automation.backtesting.running import Request
from adjudge.automation.backtesting.sets import Booleans, Draw, Floats, Integers, LabelledSet, halves

MOST_HALVES: Final = 20
"""Curves are means over so many halves: smooth enough to read."""
STEPS: Final = 50
BINS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Beliefs of similar confidence: how sure they were, and how often right."""

    confidence: float
    accuracy: float
    items: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One decider, or all blended, by coverage from 0 to 1; means over halves.

    Where there are people, of the items that any of them answered: of others nobody knows what asking would cost.
    """

    name: str
    coverage: list[float]
    risk: list[float]
    """Share of wrong answers among those given without people."""
    wrong: list[float]
    """Share of wrong answers among all, people answering the rest; where there are none, among those given."""
    votes: list[float]
    has_people: bool = True
    """False: what is not answered alone is not answered in this set; what it costs, only today's prices know."""
    reliability: list[Bin]
    reliability_raw: list[Bin]
    """Of the scores as they came; empty for a blend."""


def curves(data: LabelledSet, request: Request) -> list[Curve]:
    """Return a curve for each decider asked for, and one for the blend of several."""
    names = [request.decider] if request.decider else list(data.scores)
    blends = [
        *((name, [name]) for name in names),
        *([("all blended", list(data.scores))] if len(data.scores) > 1 else []),
    ]
    return [_curve(data, request, name, members) for name, members in blends]


def _curve(data: LabelledSet, request: Request, name: str, members: list[str]) -> Curve:
    logs = log_scores(data)
    said = raw(data.scores[name]) if len(members) == 1 else None
    rows, ours, theirs = [], [], []
    for repeat in range(min(request.repeats, MOST_HALVES)):
        draw = halves(data, repeat, request.seed)
        crowd = crowd_of(data, draw, draw.calibrate, request.terms.votes) if data.has_people else None
        told = members if len(members) == 1 else blended(logs, data, draw)
        models = Models.of([logs[member] for member in told], draw).with_frequencies(data, draw)
        beliefs, weights = pooled(data, models, crowd, draw)
        items, first = draw.judged, beliefs[0]
        right_alone = first.answer[items] == data.truth[items]
        if crowd is None:
            rows.append(_swept(first.risk[items], right_alone, right_alone, np.zeros(len(items))))
        else:
            rows.append(_with_people(data, request.terms, models, draw, crowd, beliefs, weights))
        ours.append(_binned(first, right_alone, items))
        if said is not None:
            theirs.append(_binned(said, said.answer[items] == data.truth[items], items))
    risk, wrong, votes = np.mean(rows, 0)
    if not data.has_people:
        wrong = risk
    return Curve(
        name=name,
        coverage=[step / STEPS for step in range(STEPS + 1)],
        risk=risk.tolist(),
        wrong=wrong.tolist(),
        votes=votes.tolist(),
        has_people=data.has_people,
        reliability=_bins(ours),
        reliability_raw=_bins(theirs),
    )


def _with_people(
    data: LabelledSet,
    terms: Terms,
    models: Models,
    draw: Draw,
    crowd: Crowd,
    beliefs: Sequence[Belief],
    weights: Sequence[Floats],
) -> Floats:
    """Sweep one half where people answer what models do not: as long as asking pays, else until they agree."""
    stops, is_expected = priced(crowd, weights, terms.prices), True
    if not terms.is_priced:
        rehearsal = rehearsed(data, models, crowd, weights, draw)
        stops, is_expected = kept_to_people(stops, rehearsal, np.zeros(len(data), bool), terms.delta)
    heard = crowd.available[draw.judged] > 0
    items = draw.judged[heard] if heard.any() else draw.judged
    answer, bought = (
        asked_until_sure(beliefs, stops, crowd.available, items)
        if is_expected
        else asked_until_agreed(draw.answers[items], min(PEOPLE, crowd.most))
    )
    first, truth = beliefs[0], data.truth[items]
    return _swept(first.risk[items], first.answer[items] == truth, answer == truth, bought)


def _swept(risk: Floats, alone: Booleans, asked: Booleans, bought: Integers | Floats) -> Floats:
    """Return risk, share wrong of all and votes per item, where the surest are answered alone: by coverage."""
    order = np.argsort(risk, kind="stable")
    cuts = np.round(np.linspace(0, len(order), STEPS + 1)).astype(int)
    wrong_alone = np.append(0, np.cumsum(~alone[order]))[cuts]
    rest_wrong = (~asked).sum() - np.append(0, np.cumsum(~asked[order]))[cuts]
    rest_votes = bought.sum() - np.append(0, np.cumsum(bought[order]))[cuts]
    size = len(order)
    return np.array([wrong_alone / np.maximum(cuts, 1), (wrong_alone + rest_wrong) / size, rest_votes / size])


def _binned(belief: Belief, right: Booleans, items: Integers) -> Floats:
    """Count by confidence what was answered: of the others nothing was believed."""
    answered = belief.answer[items] >= 0
    confidence = belief.confidence[items]
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return np.array([np.bincount(place, weights, BINS) for weights in (answered, confidence * answered, right)])


def _bins(counted: list[Floats]) -> list[Bin]:
    if not counted:
        return []
    items, confidence, right = np.sum(counted, 0)
    return [
        Bin(confidence=float(sure / count), accuracy=float(hits / count), items=float(count / items.sum()))
        for count, sure, hits in zip(items, confidence, right, strict=True)
        if count
    ]
