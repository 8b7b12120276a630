import random
from collections import Counter
from statistics import mean, median

import pytest

from adjudge_retail.people import IDENTIFY, Effort, Puzzle, draw_answer, draw_seconds, draw_skill, error_probability

HARD = Puzzle("t", ("t", "x", "y", "z"), {"t": 0.2, "x": 0.5, "y": 0.2, "z": 0.1})


def test_seconds_have_the_median_of_the_type():
    rng = random.Random(1)

    assert median(draw_seconds(IDENTIFY, rng) for _ in range(4000)) == pytest.approx(9.0, rel=0.05)


def test_skill_is_one_in_the_mean():
    rng = random.Random(1)

    assert mean(draw_skill(rng) for _ in range(4000)) == pytest.approx(1, abs=0.03)


def test_what_is_hard_for_the_model_is_hard_for_people():
    assert error_probability(IDENTIFY, sureness=1.0, skill=1) == pytest.approx(0.015)
    assert error_probability(IDENTIFY, sureness=0.4, skill=1) == pytest.approx(0.075)
    assert error_probability(IDENTIFY, sureness=0.4, skill=2) == pytest.approx(0.15)


def test_a_wrong_vote_falls_three_times_as_often_on_the_models_wrong_answer():
    rng, clumsy = random.Random(1), Effort(9, 0.6, error=0.6)

    votes = Counter(draw_answer(HARD, clumsy, 1, rng) for _ in range(20_000))

    assert votes["x"] / votes["y"] == pytest.approx(3, rel=0.1)
    assert votes["y"] / votes["z"] == pytest.approx(1, rel=0.1)


def test_the_share_of_wrong_votes_is_the_error_probability():
    rng = random.Random(1)

    wrong = mean(draw_answer(HARD, IDENTIFY, 1, rng) != "t" for _ in range(20_000))

    assert wrong == pytest.approx(error_probability(IDENTIFY, HARD.sureness, 1), abs=0.006)


def test_with_one_answer_nobody_errs():
    assert draw_answer(Puzzle("t", ("t",), {}), Effort(9, 0.6, error=1), 1, random.Random(1)) == "t"
