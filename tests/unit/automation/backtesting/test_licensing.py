"""What is certified of a plan holds for the thresholds that it was tested for, and for no other."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from tests.unit.automation.voting import a_set

from adjudge.automation.backtesting.asking import kept_to_people
from adjudge.automation.backtesting.beliefs import (
    Belief,
    Models,
    Rehearsal,
    crowd_of,
    log_scores,
    pooled,
    rehearsed,
)
from adjudge.automation.backtesting.licensing import (
    POINTS,
    SCALES,
    Closings,
    Together,
    _closing_counts,
    _heights,
    _sequence,
    licensed_closing,
    licensed_end_of_asking,
)
from adjudge.automation.backtesting.sets import ORDERS, Draw, halves
from adjudge.automation.binomial import tails
from adjudge.automation.samples import grid_of
from adjudge.core.pools import Stops

ITEMS = 4_000
CONFIDENCE = np.linspace(1.0, 0.5, ITEMS)


@pytest.mark.parametrize(
    ("threshold", "least", "most"), [(0.5, 0.8, 0.9), (0.95, 0.95, 0.95), (None, None, None)], ids=str
)
def test_models_answer_alone_only_down_to_the_threshold_that_was_shown_against_people(threshold, least, most):
    """Within what is licensed. People are wrong in 1%, models below 0.9 in a tenth, and votes put all right."""
    place = np.arange(ITEMS)
    people = (place % 100 == 0) * 1
    model = ((CONFIDENCE < 0.9) & (place % 10 == 5)) * 1
    belief = Belief(answer=model, risk=1 - CONFIDENCE, odds=np.zeros((ITEMS, 2), np.float32))
    voted = replace(belief, answer=np.zeros(ITEMS, int), risk=np.zeros(ITEMS))
    order = np.random.default_rng(1).permutation(ITEMS)
    together = Together(
        beliefs=[belief, voted],
        available=np.ones(ITEMS, int),
        stops=Stops(risks=(0.0, 1.0)),
        rehearsal=a_rehearsal([belief, voted], people, order[:800]),
        threshold=threshold,
        grid=np.linspace(0.999, 0.5, 100),
    )

    stops, found = licensed_end_of_asking(together, people, np.zeros(ITEMS, int), a_draw(order), target=0.2, delta=0.1)

    assert stops is not None
    assert found is least is None or least <= found <= most


def test_plans_are_tested_each_a_little_looser_than_the_one_before():
    """First what models answer alone, in part; then the end of asking, up to the last; thresholds never get fewer."""
    found = list(_sequence(2, 3, 5))

    assert found[0] == (2, 0)
    assert found[-1] == (len(SCALES) - 1, 5)
    for (step, count), (next_step, next_count) in pairwise(found):
        assert (next_step - step, next_count - count) in {(0, 1), (1, 0)}


def test_items_that_nobody_answered_show_nothing_against_people():
    """The model is worse than people wherever people answered, and always right elsewhere."""
    order = np.random.default_rng(1).permutation(ITEMS)
    answered = np.arange(ITEMS) % 4 == 0
    people = np.where(answered, (np.arange(ITEMS) % 20 == 0) * 1, -1)
    model = np.where(answered & (np.arange(ITEMS) % 12 == 4), 1, 0)
    belief = Belief(answer=model, risk=1 - CONFIDENCE, odds=np.zeros((ITEMS, 2), np.float32))
    voted = replace(belief, answer=np.zeros(ITEMS, int), risk=np.zeros(ITEMS))
    rehearsal = replace(
        a_rehearsal([belief, voted], people, order[:800]), available=answered[np.tile(order[:800], ORDERS)] * 1
    )
    together = Together(
        beliefs=[belief, voted],
        available=answered * 1,
        stops=Stops(risks=(0.0, 1.0)),
        rehearsal=rehearsal,
        threshold=0.6,
        grid=np.linspace(0.999, 0.5, 100),
    )

    _, threshold = licensed_end_of_asking(together, people, np.zeros(ITEMS, int), a_draw(order), target=0.1, delta=0.1)

    assert threshold is not None
    assert threshold > 0.65
    assert not kept_to_people(Stops(risks=(0.0, 1.0)), rehearsal, np.ones(ITEMS, bool), 0.1)[1]


def test_a_posterior_is_licensed_from_where_the_test_is_likeliest_to_pass():
    """The wrong way beside it: from where the audits speak most, so loose a start that the test often fails at once."""
    data = a_set(1_000, models=(1.2,), people=20, labels=3, seed=3)
    tables = list(log_scores(data).values())
    ours, loose = [], []

    for repeat in range(30):
        draw = halves(data, repeat, 0)
        crowd, models = crowd_of(data, draw, draw.calibrate, 3), Models.of(tables, draw)
        beliefs, weights = pooled(data, models, crowd, draw)
        rehearsal = rehearsed(data, models, crowd, weights, draw)
        foreseen = Closings.foreseen(rehearsal, 3, len(draw.certify), target=0.02, delta=0.1)
        for found, closings in ((ours, foreseen), (loose, from_where_audits_speak_most(rehearsal, 0.02))):
            found.append(
                licensed_closing(beliefs, crowd.available, data.truth, draw, closings, target=0.02, delta=0.1)[0]
            )

    nothing = [np.mean([threshold is None for threshold in found]) for found in (ours, loose)]
    print(f"nothing licensed in {nothing[0]:.0%} of halves, from where audits speak most in {nothing[1]:.0%}")
    assert nothing[0] < 0.1
    assert nothing[1] > 0.2


def from_where_audits_speak_most(rehearsal: Rehearsal, target: float) -> Closings:
    heights = _heights(rehearsal.beliefs, rehearsal.available)
    grid = grid_of(np.concatenate(heights), POINTS)
    everything = np.arange(len(rehearsal.items))
    reached, errors = _closing_counts(rehearsal.beliefs, heights, rehearsal.truth, everything, grid)
    return Closings(grid[int(np.argmin(tails(errors, reached, target))) :], 0.0)


def test_a_test_passes_as_often_as_is_foreseen():
    """By the rehearsal, before any certify-audit is looked at; a little more often, as little is known of few."""
    data = a_set(1_000, models=(1.2,), people=20, labels=3)
    tables = list(log_scores(data).values())
    foreseen, passed = [], []

    for repeat in range(40):
        draw = halves(data, repeat, 0)
        crowd, models = crowd_of(data, draw, draw.calibrate, 3), Models.of(tables, draw)
        beliefs, weights = pooled(data, models, crowd, draw)
        rehearsal = rehearsed(data, models, crowd, weights, draw)
        closings = Closings.foreseen(rehearsal, 3, len(draw.certify), target=0.02, delta=0.1)
        found = licensed_closing(beliefs, crowd.available, data.truth, draw, closings, target=0.02, delta=0.1)
        foreseen.append(closings.chance)
        passed.append(found[0] is not None)

    print(f"{np.mean(foreseen):.0%} foreseen, {np.mean(passed):.0%} passed")
    assert -0.05 < np.mean(passed) - np.mean(foreseen) < 0.25


def a_draw(order: np.ndarray) -> Draw:
    nobody = np.full((ITEMS, 1), -1)
    return Draw(
        repeat=0,
        calibrate=order[:800],
        certify=order[800:],
        judged=order,
        places=nobody,
        answers=nobody,
        reviewers=nobody,
        again=nobody,
    )


def a_rehearsal(beliefs: list[Belief], people: np.ndarray, calibrate: np.ndarray) -> Rehearsal:
    items = np.tile(calibrate, ORDERS)
    again = [Belief(answer=one.answer[items], risk=one.risk[items], odds=one.odds[items]) for one in beliefs]
    return Rehearsal(
        items=items,
        truth=np.zeros(len(items), int),
        answers=people[items][:, None],
        available=np.ones(len(items), int),
        beliefs=again,
    )
