"""Groups and families."""

from datetime import timedelta

import numpy as np
import pytest
from tests.unit.automation.simulating import DELTA, TARGET, Share, holds, is_broken

from adjudge.automation import families
from adjudge.automation.betting import audits_needed
from adjudge.automation.binomial import tail
from adjudge.automation.families import Tally, leaving, member_watch, shares

RISKS = np.array([0.005] * 19 + [0.05])


def group(rng: np.random.Generator, audits: int, risks: np.ndarray = RISKS) -> dict[str, Tally]:
    return {f"store-{i:03}": Tally(audits=audits, errors=int(rng.binomial(audits, p))) for i, p in enumerate(risks)}


def test_a_groups_certificate_speaks_of_its_average():
    """Nineteen stores at 0.5% and one at 5%: the average is 0.725%, and is often certified at 1%, rightly."""
    rng = np.random.default_rng(1)
    tallies = [group(rng, 100).values() for _ in range(300)]

    certified = np.mean([tail(sum(t.errors for t in g), sum(t.audits for t in g), TARGET) <= DELTA for g in tallies])
    print(f"certified in {certified:.0%}")
    assert 0.3 < certified < 0.7


def test_the_member_that_is_worse_leaves_and_others_hardly_ever():
    rng = np.random.default_rng(2)
    found = [leaving(group(rng, 200), target=TARGET, delta=0.05) for _ in range(500)]
    boundary = [leaving(group(rng, 200, np.full(20, TARGET)), target=TARGET, delta=0.05) for _ in range(1_000)]

    assert np.mean(["store-019" in one for one in found]) > 0.7
    assert holds(Share.of(bool(one) for one in boundary), 0.05)


def test_each_members_own_level_makes_some_member_leave_for_nothing():
    """The wrong way: delta for each of twenty."""
    rng = np.random.default_rng(3)
    groups = [group(rng, 200, np.full(20, TARGET)).values() for _ in range(300)]
    some = [any(leaving({"alone": tally}, target=TARGET, delta=0.05) for tally in tallies) for tallies in groups]

    assert is_broken(Share.of(some), 0.05)


def test_a_members_watch_has_its_share():
    assert member_watch(target=TARGET, delta=0.05, members=20).level == pytest.approx(400)


def test_weights_pass_on_from_slices_that_have_nothing_left_to_test():
    weights = {"a": 0.5, "b": 0.3, "c": 0.2}

    assert shares(list("abc"), weights, frozenset()) == weights
    assert shares(list("abc"), weights, {"a"}) == {"a": 0.5, "b": pytest.approx(0.8), "c": 0.2}
    assert shares(list("abc"), weights, {"a", "b"})["c"] == pytest.approx(1)
    assert shares(list("abc"), weights, {"b"}) == {"a": 0.5, "b": 0.3, "c": 0.5}


@pytest.mark.parametrize("weights", [{"a": 0.7, "b": 0.4}, {"a": -0.1, "b": 0.5}])
def test_weights_beyond_what_there_is_are_refused(weights):
    with pytest.raises(ValueError, match="at most 1"):
        shares(["a", "b"], weights, frozenset())


def test_a_familys_error_is_bounded_and_a_weight_passed_on_too_early_is_spent_twice():
    """Three slices, each with a good strict threshold and a loose one at the boundary: no weight passes before the end.

    The wrong way: passed on at a slice's first licence, while it goes on testing.
    """
    rng = np.random.default_rng(4)
    order = ["a", "b", "c"]
    weights = dict.fromkeys(order, 1 / 3)
    at_end = shares(order, weights, frozenset())
    too_early = shares(order, weights, {"a", "b"})

    lives = {name: (rng.random((2_000, 3_000)) < TARGET).cumsum(axis=1) for name in order}
    assert holds(Share.of(false_somewhere(lives, at_end)), DELTA)
    assert is_broken(Share.of(false_somewhere(lives, too_early)), DELTA)


def false_somewhere(lives: dict[str, np.ndarray], family: dict[str, float]) -> np.ndarray:
    """Whether the loose threshold of some slice is licensed at some time, at the slice's share of delta."""
    found = np.zeros(2_000, bool)
    for name, errors in lives.items():
        needed = np.array([audits_needed(k, TARGET, family[name] * DELTA) for k in range(int(errors.max()) + 1)])
        found |= (np.arange(1, errors.shape[1] + 1) >= needed[errors]).any(axis=1)
    return found


def test_dates_of_looks_are_fixed_as_an_epoch_begins():
    validity = timedelta(days=28)

    found = [families.dated_look(timedelta(days=days), validity) for days in (-1, 0, 6.9, 7, 13.9, 14, 364)]

    assert found == [0, 0, 0, 1, 1, 2, 52]


def test_over_all_dated_looks_members_leave_for_nothing_no_oftener_than_was_said():
    """Twenty members on the boundary, twelve looks at audits that accumulate. The wrong way: delta at each look."""
    rng = np.random.default_rng(5)
    split, each = [], []
    for _ in range(500):
        errors = rng.binomial(60, TARGET, (20, 12)).cumsum(axis=1)
        looks = [{f"s{i}": Tally(audits=60 * (k + 1), errors=int(errors[i, k])) for i in range(20)} for k in range(12)]
        gone = [
            leaving(tallies, target=TARGET, delta=families.look_delta(0.05, k)) for k, tallies in enumerate(looks, 1)
        ]
        split.append(any(gone))
        each.append(any(leaving(tallies, target=TARGET, delta=0.05) for tallies in looks))

    assert holds(Share.of(split), 0.05)
    assert is_broken(Share.of(each), 0.05)
    assert sum(families.look_delta(0.05, k) for k in range(1, 10_000)) <= 0.05
