"""A certificate covers a prefix of a plan: what is so of any two stages where one moves."""

import numpy as np
from tests.unit.automation.simulating import DELTA, TARGET

from adjudge.automation.certifying import Licensed, certify
from adjudge.automation.samples import Sample


def drawn(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A model that is sure and right on most; a person who agrees with it, who errs where it errs.

    The model's scores, whether they agree, and whether both are wrong.
    """
    hard = rng.random(size) < 0.06
    model = rng.random(size) < np.where(hard, 0.5, 0.0005)
    scores = np.where(hard, rng.uniform(0.3, 0.9, size), rng.uniform(0.7, 1.0, size))
    person = rng.random(size) < np.where(model, 0.15, 0.03)
    agree = model == person
    return scores, agree, model & agree


def test_what_a_later_stage_gets_wrong_depends_on_what_an_earlier_one_takes():
    """Error of "model and one person who agrees": of all questions, and of those that stage 1 leaves over."""
    scores, agree, both_wrong = drawn(np.random.default_rng(1), 200_000)

    alone = both_wrong[agree].mean()
    left = both_wrong[agree & (scores < 0.72)].mean()
    print(f"{alone:.2%} of all, {left:.2%} of what is left")
    assert alone < 0.01
    assert left > 0.03


def test_a_certificate_of_the_later_stage_alone_is_false_once_stage_one_moves():
    """Stage 2 is licensed at 1% while stage 1 takes nothing; on what is then left over its error is far above."""
    rng = np.random.default_rng(2)
    scores, agree, both_wrong = drawn(rng, 6_000)
    certifies = rng.random(6_000) < 0.8

    before = certify(Sample.columns(agree, both_wrong, certifies), target=TARGET, delta=DELTA)

    assert isinstance(before, Licensed)
    assert both_wrong[certifies & agree & (scores < 0.72)].mean() > 0.03
