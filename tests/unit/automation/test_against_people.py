"""No worse than people: paired, on a truth that uses none of them."""

import numpy as np
import pytest
from tests.unit.automation.at_once import certify_against_people
from tests.unit.automation.simulating import DELTA, Share, holds, is_broken

from adjudge.automation.against_people import NoWorse, Over, Pairs
from adjudge.automation.certifying import Licensed, NotEnough, certify
from adjudge.automation.samples import Sample

ALL = np.array([0.0])
"""A single threshold that takes all."""


def drawn(rng: np.random.Generator, audits: int, *, only_model: float, only_people: float, both: float = 0.02) -> Pairs:
    chance = rng.random(audits)
    model = chance < only_model + both
    people = (chance >= only_model) & (chance < only_model + both + only_people)
    return Pairs.columns(rng.random(audits), model_wrong=model, people_wrong=people, certifies=rng.random(audits) < 0.8)


def licensed(pairs: Pairs, **options) -> bool:
    return isinstance(certify_against_people(pairs, delta=DELTA, **options), NoWorse)


@pytest.mark.parametrize("over", list(Over))
@pytest.mark.parametrize("margin", [0.0, 0.01])
def test_false_certificates_at_the_boundary_are_rarer_than_delta(over, margin):
    """Worse than people by exactly the margin: everywhere, or for the plan where half of all is automated."""
    rng = np.random.default_rng(round(100 * margin))
    worse = 2 * margin if over is Over.PLAN else margin
    slices = (drawn(rng, 2_500, only_model=0.03 + worse, only_people=0.03) for _ in range(150 if margin else 500))
    verdicts = [certify_against_people(one, delta=DELTA, margin=margin, over=over) for one in slices]

    boundary = 0.5 if over is Over.PLAN and margin else 0.0
    assert holds(Share.of(isinstance(one, NoWorse) and 1 - one.threshold >= boundary for one in verdicts), DELTA)


def test_power_at_a_margin_of_a_point():
    rng = np.random.default_rng(1)
    slices = [drawn(rng, 2_500, only_model=0.02, only_people=0.025) for _ in range(100)]

    strict = np.mean([licensed(one, over=Over.AUTOMATED) for one in slices])
    margin = np.mean([licensed(one, margin=0.01, over=Over.AUTOMATED) for one in slices])
    print(f"shown no worse: {strict:.0%}, within a point: {margin:.0%}")
    assert margin > strict + 0.15


def test_the_betting_test_may_be_looked_at_and_the_sign_test_may_not():
    rng = np.random.default_rng(2)
    slices = [drawn(rng, 2_500, only_model=0.03, only_people=0.03) for _ in range(600)]

    assert holds(Share.of(licensed(one, anytime=True, over=Over.AUTOMATED, grid=ALL) for one in slices), DELTA)
    assert is_broken(Share.of(at_some_look(one) for one in slices[:120]), DELTA)
    assert licensed_early_stays()


def at_some_look(pairs: Pairs) -> bool:
    """The sign test, looked at thirty times."""
    sizes = range(len(pairs) // 10, len(pairs), len(pairs) // 30)
    return any(licensed(head(pairs, size), over=Over.AUTOMATED, grid=ALL) for size in sizes)


def licensed_early_stays() -> bool:
    """The betting test at the last look has looked at all before: its capital is the highest ever."""
    people = np.arange(1_000) < 200
    pairs = Pairs.columns(np.ones(1_000), model_wrong=~people, people_wrong=people, certifies=np.arange(1_000) % 5 > 0)
    return licensed(pairs, anytime=True, over=Over.AUTOMATED, grid=ALL)


def head(pairs: Pairs, size: int) -> Pairs:
    return Pairs.columns(
        pairs.scores[:size],
        model_wrong=pairs.model_wrong[:size],
        people_wrong=pairs.people_wrong[:size],
        certifies=pairs.certifies[:size],
    )


def test_a_consensus_of_people_is_no_truth_where_the_model_shares_their_mistakes():
    """The wrong way: other people's majority as truth. The model always makes a mistake that people make often."""
    rng = np.random.default_rng(3)
    by_expert, by_consensus = [], []
    for _ in range(300):
        confusing = rng.random(2_500) < 0.1
        people, others = (confusing & (rng.random((3, 2_500)) < 0.6).sum(axis=0).__ge__(2) for _ in range(2))
        scores, roles = rng.random(2_500), rng.random(2_500) < 0.8
        by_expert.append(licensed(Pairs.columns(scores, model_wrong=confusing, people_wrong=people, certifies=roles)))
        by_consensus.append(
            licensed(
                Pairs.columns(scores, model_wrong=confusing ^ others, people_wrong=people ^ others, certifies=roles)
            )
        )

    assert holds(Share.of(by_expert), DELTA)
    assert is_broken(Share.of(by_consensus), DELTA)


def test_a_number_equal_to_peoples_overall_error_is_a_trap():
    """People err in 2% overall, in 0.2% of the easy half; the model in 1% of it: below the number, worse than they."""
    rng = np.random.default_rng(4)
    plain, paired = [], []
    for _ in range(100):
        scores, roles = rng.random(4_000), rng.random(4_000) < 0.8
        easy = scores > 0.5
        model = rng.random(4_000) < np.where(easy, 0.01, 0.2)
        people = rng.random(4_000) < np.where(easy, 0.002, 0.038)
        plain.append(isinstance(certify(Sample.columns(scores, model, roles), target=0.02, delta=DELTA), Licensed))
        paired.append(licensed(Pairs.columns(scores, model_wrong=model, people_wrong=people, certifies=roles)))

    assert np.mean(plain) > 0.8
    assert holds(Share.of(paired), DELTA)


def test_the_whole_plan_counts_what_is_deferred_too():
    """A model that is as good as people on its half, and a rest of the plan that is worse than they."""
    rng = np.random.default_rng(5)
    scores = rng.random(4_000)
    people = rng.random(4_000) < 0.03
    pairs = Pairs.columns(
        scores,
        model_wrong=rng.random(4_000) < 0.005,
        people_wrong=people,
        rest_wrong=rng.random(4_000) < 0.2,
        certifies=rng.random(4_000) < 0.8,
    )
    half = np.array([0.5])

    assert licensed(pairs, over=Over.AUTOMATED, grid=half)
    assert not licensed(pairs, over=Over.PLAN, grid=half)


def test_what_is_lacking_is_said():
    rng = np.random.default_rng(6)
    few = certify_against_people(drawn(rng, 100, only_model=0.01, only_people=0.02), delta=DELTA)
    equal = certify_against_people(drawn(rng, 3_000, only_model=0.05, only_people=0.03), delta=DELTA)

    assert isinstance(few, NotEnough)
    assert few.more_audits >= 1
    assert isinstance(equal, NotEnough)


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        Pairs.columns([0.5], model_wrong=[True, False], people_wrong=[False], certifies=[True])
    with pytest.raises(ValueError, match="not a number"):
        Pairs.columns([float("nan")], model_wrong=[True], people_wrong=[False], certifies=[True])
