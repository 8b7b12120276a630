"""What is certified of a plan holds for the thresholds that it was tested for, and for no other."""

from dataclasses import replace

import numpy as np
import pytest

from adjudge.automation.backtesting.asking import kept_to_people
from adjudge.automation.backtesting.beliefs import Belief, Rehearsal
from adjudge.automation.backtesting.licensing import licensed_end_of_asking
from adjudge.automation.backtesting.sets import ORDERS, Draw
from adjudge.core.pools import Stops

ITEMS = 4_000
CONFIDENCE = np.linspace(1.0, 0.5, ITEMS)


@pytest.mark.parametrize(("threshold", "shown"), [(0.6, True), (0.999, False), (None, True)])
def test_the_end_of_asking_is_not_certified_beside_a_threshold_that_it_was_not_tested_with(threshold, shown):
    """The surest answers are wrong, so that only loose thresholds are tested; people are wrong in a fifth."""
    truth = np.zeros(ITEMS, int)
    model = (np.arange(ITEMS) < 80).astype(int)
    people = (np.arange(ITEMS) % 5 == 0).astype(int)
    risk = 1 - CONFIDENCE
    belief = Belief(answer=model, risk=risk, odds=np.zeros((ITEMS, 2), np.float32))
    voted = Belief(answer=model, risk=np.zeros(ITEMS), odds=np.zeros((ITEMS, 2), np.float32))
    order = np.random.default_rng(1).permutation(ITEMS)

    stops, _ = licensed_end_of_asking(
        [belief, voted],
        Stops(risks=(0.0, 1.0)),
        np.ones(ITEMS, int),
        people,
        truth,
        a_draw(order),
        a_rehearsal([belief, voted], people, order[:800]),
        threshold=threshold,
        grid=np.linspace(0.999, 0.5, 100),
        target=0.1,
        delta=0.1,
    )

    assert (stops is not None) is shown


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

    stops, _ = licensed_end_of_asking(
        [belief, voted],
        Stops(risks=(0.0, 1.0)),
        answered * 1,
        people,
        np.zeros(ITEMS, int),
        a_draw(order),
        rehearsal,
        threshold=0.6,
        grid=np.linspace(0.999, 0.5, 100),
        target=0.1,
        delta=0.1,
    )

    assert stops is None
    assert not kept_to_people(Stops(risks=(0.0, 1.0)), rehearsal, np.ones(ITEMS, bool), 0.1)[1]


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
