"""The learnt pool: better than multiplying, and the same in columns as in `core`."""

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.automation.voting import a_set

from adjudge.automation.backtesting.beliefs import (
    Models,
    _believed,
    _left_out,
    believed,
    crowd_of,
    log_scores,
    pooled,
    towards_multiplied,
)
from adjudge.automation.backtesting.sets import halves
from adjudge.automation.pooling import (
    fit_weights,
    frequencies_of_others,
    log_frequencies,
    tells_more,
    worth_blending,
)
from adjudge.core.pools import Pool, Stops, Weights, scores


@pytest.fixture(scope="module")
def learnt():
    data = a_set(3_000, models=(1.6, 1.2), people=12, votes=5, skill=1.3)
    draw = halves(data, 0, 0)
    crowd = crowd_of(data, draw, draw.calibrate, 3)
    tables = list(log_scores(data).values())
    return data, draw, crowd, tables, pooled(data, Models.of(tables, draw), crowd, draw)


def log_loss(belief, truth, items) -> float:
    return -float(np.log(np.maximum(belief.of(truth[items], items), 1e-12)).mean())


def test_likelihoods_multiplied_are_over_confident_where_model_and_people_err_together(learnt):
    data, draw, crowd, tables, (beliefs, weights) = learnt
    product = believed(Models.of(tables, draw), crowd, towards_multiplied(weights, 1.0))[3]
    sure = draw.judged[product.confidence[draw.judged] > 0.99]

    promised, was = product.risk[sure].mean(), (product.answer[sure] != data.truth[sure]).mean()

    assert was > 2 * promised
    assert log_loss(beliefs[3], data.truth, draw.judged) < log_loss(product, data.truth, draw.judged)


def test_the_learnt_pool_means_what_it_says(learnt):
    data, draw, _, _, (beliefs, _) = learnt
    for belief in beliefs:
        wrong = (belief.answer[draw.judged] != data.truth[draw.judged]).mean()
        assert belief.risk[draw.judged].mean() == pytest.approx(wrong, abs=0.015)


@pytest.mark.parametrize("is_lopsided", [False, True], ids=["alike", "lopsided"])
def test_votes_in_columns_are_the_same_as_in_core(learnt, is_lopsided):
    """What the backtest shows is what the servers do."""
    data, draw, crowd, _, (beliefs, weights) = learnt
    frequencies = {}
    if is_lopsided:
        data = lopsided(data)
        draw = halves(data, 0, 0)
        crowd, models = crowd_of(data, draw, draw.calibrate, 3), Models.of(list(log_scores(data).values()), draw)
        models = models.with_frequencies(data, draw)
        beliefs, weights = pooled(data, models, crowd, draw)
        frequencies = dict(zip(data.labels, map(float, models.tables[2][0]), strict=True))
    names = [f"person-{number}" for number in range(data.people)]
    pool = Pool(
        tuple(data.scores),
        tuple(
            Weights(
                tuple(map(float, row[:2])),
                float(row[-1]) if votes else 0.0,
                float(row[2]) if is_lopsided else 0.0,
            )
            for votes, row in enumerate(weights)
        ),
        crowd.learnt.snapshot(data.labels, names),
        Stops((0.0,)),
        frequencies=frequencies,
    )
    for item in draw.judged[:40].tolist():
        given = {
            name: dict(zip(data.labels, map(float, table[item]), strict=True)) for name, table in data.scores.items()
        }
        for count, belief in enumerate(beliefs):
            votes = [
                (names[draw.reviewers[item, place]], data.labels[draw.answers[item, place]]) for place in range(count)
            ]

            found = np.array(scores(pool, given, votes, data.labels, len(data.labels))[:-1])

            shares = np.exp(found - found.max())
            assert shares / shares.sum() == pytest.approx(belief.odds[item] * (1 - belief.risk[item]), abs=2e-4)


def lopsided(data):
    """Return the set with one of nine items of all labels but the first: models know nothing of that."""
    kept = np.flatnonzero((data.truth == 0) | (np.arange(len(data)) % 9 == 0))
    return replace(
        data,
        items=tuple(data.items[place] for place in kept),
        truth=data.truth[kept],
        scores={name: table[kept] for name, table in data.scores.items()},
        answers=data.answers[kept],
        reviewers=data.reviewers[kept],
    )


def test_a_model_that_was_trained_on_other_shares_of_labels_is_corrected_once_somebody_has_voted():
    """The wrong way beside it: its word alone, which takes rare labels for likelier than they are.

    Before the first vote it is believed as it speaks, as a model that answers alone is in service.
    """
    data = lopsided(a_set(6_000, models=(0.8,), people=12, votes=1, skill=1.0))
    tables, corrected, alone = list(log_scores(data).values()), [], []
    for repeat in range(8):
        draw = halves(data, repeat, 0)
        crowd, models = crowd_of(data, draw, draw.calibrate, 1), Models.of(tables, draw)
        (first, ours), _ = pooled(data, models.with_frequencies(data, draw), crowd, draw)
        (as_it_speaks, its_own), _ = pooled(data, models, crowd, draw)
        assert (first.odds == as_it_speaks.odds).all()
        for found, belief in ((corrected, ours), (alone, its_own)):
            wrong = (belief.answer != data.truth)[draw.judged].mean()
            found.append([wrong, log_loss(belief, data.truth, draw.judged)])

    print(f"wrong, log loss: corrected {np.mean(corrected, 0)}, alone {np.mean(alone, 0)}")
    assert (np.mean(corrected, 0) < 0.8 * np.mean(alone, 0)).all()


def test_where_models_know_how_frequent_labels_are_nothing_is_corrected():
    data = a_set(2_000, models=(1.6,))
    found = []
    for repeat in range(20):
        draw = halves(data, repeat, 0)
        models = Models.of(list(log_scores(data).values()), draw)
        found.append(models.with_frequencies(data, draw) is models)

    assert sum(found) >= 15


def test_an_audit_has_no_part_in_how_frequent_its_own_label_is():
    """The wrong way beside it: of eighty labels, with two or three audits each, every one is then more frequent."""
    ours, flattered = [], []
    for seed in range(10):
        data = a_set(250, labels=80, models=(1.2,), seed=seed)
        tables = [table.astype(float) for table in log_scores(data).values()]
        itself = np.tile(log_frequencies(np.bincount(data.truth, minlength=80).astype(float)), (250, 1))
        ours.append(tells_more(tables, frequencies_of_others(data.truth, 80), data.truth))
        flattered.append(tells_more(tables, itself, data.truth))

    assert sum(ours) <= 2
    assert sum(flattered) >= 8


def test_weights_are_never_negative_and_useless_models_get_none():
    chance = np.random.default_rng(3)
    truth = chance.integers(0, 3, 800)
    good, useless = chance.normal(size=(2, 800, 3))
    good[np.arange(800), truth] += 2

    weights = fit_weights([good, -good, useless], truth, np.array([0.3, 0.3, 0.3]))

    assert weights.min() >= 0
    assert weights[1] == 0
    assert weights[0] > 1
    assert weights[2] < 0.2


def test_little_data_changes_little():
    prior = np.array([0.5])
    table = np.log(np.array([[0.9, 0.1]]))

    assert fit_weights([table], np.array([1]), prior) == pytest.approx(prior, abs=0.5)


def test_weights_of_one_vote_more_are_near_those_of_one_less_where_audits_are_few():
    """Learnt apart from some sixty audits they follow luck: beliefs about new items are worse, whatever the vote."""
    data = a_set(600, models=(2.2,), labels=8, people=30, votes=5)
    tables = list(log_scores(data).values())
    losses = []
    for repeat in range(8):
        draw = halves(data, repeat, 0)
        crowd = crowd_of(data, draw, draw.calibrate, 3)
        beliefs, _ = pooled(data, Models.of(tables, draw), crowd, draw)
        audits, truth = draw.calibrate, data.truth[draw.calibrate]
        without = _left_out(
            crowd, draw.answers[draw.calibrate], draw.reviewers[draw.calibrate], data.truth[draw.calibrate]
        )
        for votes in (1, 2, 3):
            heard = [*tables, crowd.sums[votes]]
            learning = [table[audits].astype(float) for table in heard]
            learning[-1] += without[votes]
            apart = fit_weights(learning, truth, np.array([0.5, 0.5]))
            losses.append([log_loss(one, data.truth, draw.judged) for one in (beliefs[votes], _believed(heard, apart))])

    together, alone = np.mean(losses, 0)

    assert together < 0.97 * alone


@pytest.mark.parametrize(
    ("models", "expected"),
    [((2.0, 0.0), [[0]]), ((0.0, 2.0, 0.0), [[1]]), ((2.0, 1.6), [[0, 1]])],
    ids=["useless", "two useless", "useful"],
)
def test_a_model_that_adds_nothing_is_left_out_of_a_blend(models, expected):
    """A weight that is mostly noise moves each belief a little: up to five points of coverage less."""
    found = []
    for seed in range(20):
        data = a_set(250, models=models, seed=seed)
        found.append(worth_blending([table.astype(float) for table in log_scores(data).values()], data.truth))

    assert sum(kept in expected for kept in found) >= 18


def test_of_two_models_that_say_the_same_one_is_blended():
    data = a_set(250, models=(2.0,))
    table = next(iter(log_scores(data).values())).astype(float)

    assert len(worth_blending([table, table], data.truth)) == 1
