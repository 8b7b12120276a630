"""Beliefs about all items: what they are learnt from does not flatter them."""

import numpy as np
from tests.unit.automation.voting import a_set

from adjudge.automation.backtesting.beliefs import (
    AskedAgain,
    Belief,
    Models,
    _learnt,
    crowd_of,
    log_scores,
    pooled,
    rehearsed,
)
from adjudge.automation.backtesting.sets import halves


def test_a_rehearsal_promises_no_more_than_comes():
    """Each vote is judged by what all others show of whoever gave it.

    Else 200 audits seem to know their people: in this example 7 points too many.
    """
    data = a_set(2_000, labels=10, models=(0.2,), people=30, votes=5, skill=1.2)
    tables = list(log_scores(data).values())
    promised, came = [], []

    for repeat in range(6):
        draw = halves(data, repeat, 0)
        crowd = crowd_of(data, draw, draw.calibrate, 5)
        beliefs, weights = pooled(data, Models.of(tables, draw), crowd, draw)
        rehearsal = rehearsed(data, Models.of(tables, draw), crowd, weights, draw)
        promised.append((rehearsal.beliefs[3].answer == rehearsal.truth).mean())
        came.append((beliefs[3].answer == data.truth)[draw.judged].mean())

    assert np.mean(promised) < np.mean(came) + 0.03


def test_a_rehearsal_is_as_unsure_as_what_comes():
    """The wrong way beside it: weights of eight models from sixty audits are sure of these sixty."""
    data = a_set(600, models=(0.3,) * 8, votes=3)
    tables = list(log_scores(data).values())
    promised, flattered, came = [], [], []

    for repeat in range(8):
        draw = halves(data, repeat, 0)
        crowd = crowd_of(data, draw, draw.calibrate, 3)
        beliefs, weights = pooled(data, Models.of(tables, draw), crowd, draw)
        apart, same = (
            rehearsed(data, Models.of(tables, draw), crowd, weights, draw),
            AskedAgain.of(data, Models.of(tables, draw), crowd, draw).rehearsal([weights]),
        )
        promised.append(unsure(apart.beliefs[0], apart.truth, np.arange(len(apart.items))))
        flattered.append(unsure(same.beliefs[0], same.truth, np.arange(len(same.items))))
        came.append(unsure(beliefs[0], data.truth[draw.judged], draw.judged))

    print(f"log loss {np.mean(promised):.3f} promised, {np.mean(flattered):.3f} flattered, {np.mean(came):.3f} came")
    assert np.mean(promised) > np.mean(came) - 0.03
    assert np.mean(flattered) < np.mean(came) - 0.05


def unsure(belief: Belief, truth: np.ndarray, items: np.ndarray) -> float:
    return float(-np.log(np.maximum(belief.of(truth, items), 1e-9)).mean())


def test_weights_are_learnt_on_votes_of_people_who_were_learnt_from_other_audits():
    """The wrong way beside it: a record that contains the vote that is weighed speaks too well of it.

    In this example votes then weigh a quarter more than they are worth.
    """
    data = a_set(1_000, labels=10, models=(0.4,), people=60, votes=3, skill=1.2)
    tables = list(log_scores(data).values())
    ours, flattered = [], []

    for repeat in range(8):
        draw = halves(data, repeat, 0)
        crowd = crowd_of(data, draw, draw.calibrate, 3)
        items, judged, models = draw.calibrate, draw.judged, Models.of(tables, draw)
        _, weights = pooled(data, models, crowd, draw)
        heard = [heard[items] for heard in crowd.sums]
        beside = _learnt(models, heard, data.truth[items], np.ones(len(items), bool))
        said = [tables[0][judged], crowd.sums[3][judged]]
        ours.append(missed(said, weights[3], data.truth[judged]))
        flattered.append(missed(said, beside[3], data.truth[judged]))

    print(f"log loss {np.mean(ours):.3f}, with votes that were learnt from {np.mean(flattered):.3f}")
    assert np.mean(ours) < np.mean(flattered) - 0.02


def missed(tables, weights, truth) -> float:
    """Return the log loss of a pool with these weights."""
    found = sum(weight * table.astype(float) for weight, table in zip(weights, tables, strict=True))
    found -= found.max(1, keepdims=True)
    rows = np.arange(len(truth))
    return float((np.log(np.exp(found).sum(1)) - found[rows, truth]).mean())
