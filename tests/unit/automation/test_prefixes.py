"""A certificate covers a prefix of a plan (`statistics` 2.1)."""

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.automation.simulating import DELTA

from adjudge.automation.certifying import Licence, certify
from adjudge.automation.prefixes import ANSWERED_BEFORE, Prefix, StageColumns, Standing, prefix_sample, standing

CERTIFIED = Prefix(deciders=("vision@3/c1", "vision@3+person"), thresholds=(0.95, 0.5))


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (CERTIFIED, Standing.STANDS),
        (replace(CERTIFIED, deciders=(*CERTIFIED.deciders, "expert"), thresholds=(0.95, 0.5, 0.1)), Standing.STANDS),
        (replace(CERTIFIED, thresholds=(0.95, 0.6)), Standing.STANDS),
        (replace(CERTIFIED, thresholds=(0.95, None)), Standing.RECOMPUTE),
        (replace(CERTIFIED, thresholds=(0.97, 0.5)), Standing.RECOMPUTE),
        (replace(CERTIFIED, thresholds=(None, 0.5)), Standing.RECOMPUTE),
        (replace(CERTIFIED, thresholds=(0.90, 0.5)), Standing.VOID),
        (replace(CERTIFIED, thresholds=(0.95, 0.4)), Standing.VOID),
        (replace(CERTIFIED, deciders=("vision@4/c1", "vision@3+person")), Standing.VOID),
        (replace(CERTIFIED, deciders=("vision@3/c2", "vision@3+person")), Standing.VOID),
        (Prefix(deciders=("vision@3/c1",), thresholds=(0.95,)), Standing.VOID),
    ],
)
def test_what_a_change_makes_of_a_certificate(now, found):
    assert standing(CERTIFIED, now) is found


def drawn(rng: np.random.Generator, size: int) -> tuple[StageColumns, StageColumns, np.ndarray]:
    """A model that is sure and right on most; a person who agrees with it, who errs where it errs."""
    hard = rng.random(size) < 0.06
    model = rng.random(size) < np.where(hard, 0.5, 0.0005)
    scores = np.where(hard, rng.uniform(0.3, 0.9, size), rng.uniform(0.7, 1.0, size))
    person = rng.random(size) < np.where(model, 0.15, 0.03)
    agree = model == person
    return StageColumns(scores, model), StageColumns(agree.astype(float), model & agree), hard


def test_what_a_later_stage_gets_wrong_depends_on_what_an_earlier_one_takes():
    """Error of "model and one person who agrees": of all questions, and of those that stage 1 leaves over."""
    stages = drawn(np.random.default_rng(1), 200_000)
    agreed = stages[1].scores >= 1

    alone = stages[1].wrong[agreed].mean()
    left = stages[1].wrong[agreed & (stages[0].scores < 0.72)].mean()
    print(f"{alone:.2%} of all, {left:.2%} of what is left")
    assert alone < 0.01
    assert left > 0.03


def test_a_prefix_counts_all_that_is_answered_up_to_its_stage():
    first = StageColumns(np.array([0.9, 0.6, 0.2]), np.array([True, False, True]))
    second = StageColumns(np.array([0.1, 0.7, 0.8]), np.array([False, True, False]))

    both = prefix_sample([first, second], [0.9], np.ones(3, bool))
    none = prefix_sample([first, second], [None], np.ones(3, bool))

    assert both.scores.tolist() == [ANSWERED_BEFORE, 0.7, 0.8]
    assert both.wrong.tolist() == [True, True, False]
    assert none.scores.tolist() == second.scores.tolist()


def test_the_earliest_stage_that_takes_it_answers():
    stages = [StageColumns(np.array([0.9]), np.array([wrong])) for wrong in (True, False, False)]

    assert prefix_sample(stages, [0.5, 0.5], np.ones(1, bool)).wrong.tolist() == [True]


def test_a_certificate_of_the_later_stage_alone_is_false_once_stage_one_moves():
    """Stage 2 is licensed at 1% while stage 1 takes nothing; on what is then left over its error is far above."""
    rng = np.random.default_rng(2)
    model, agreed, _ = drawn(rng, 6_000)
    certifies = rng.random(6_000) < 0.8
    before = certify(prefix_sample([model, agreed], [None], certifies), target=0.01, delta=DELTA)

    judged = certifies & (model.scores < 0.72) & (agreed.scores >= 1)
    assert isinstance(before, Licence)
    assert agreed.wrong[judged].mean() > 0.03
    assert (
        standing(
            Prefix(deciders=("m", "p"), thresholds=(None, 1.0)), Prefix(deciders=("m", "p"), thresholds=(0.72, 1.0))
        )
        is Standing.VOID
    )
