"""An epoch from whose start a licence would take much longer than from another is given up. By simulation."""

from collections.abc import Callable

import msgspec
import numpy as np
from tests.unit.automation.simulating import DELTA, Share, holds, is_broken
from tests.unit.engine.slices import COVERS, a_state

from adjudge.automation import certifying
from adjudge.automation.betting import Epoch, epoch_delta
from adjudge.automation.certifying import Licensed
from adjudge.automation.samples import Sample, grid_of
from adjudge.engine.certificates import designing
from adjudge.engine.certificates.steps import is_given_up
from adjudge.store.automation.audited import Counted

AT_ONCE = 100
"""Audits between two looks."""


def a_life(
    seed: int,
    risk: Callable[[np.ndarray], np.ndarray],
    audits: int,
    *,
    target: float = COVERS.target,
    bad_days: int = 0,
    gives_up: bool = True,
    spends: Callable[[float, int], float] = epoch_delta,
) -> int | None:
    """Return after how many audits a slice has its first certificate. In its bad days it is wrong 12 points oftener."""
    rng = np.random.default_rng(seed)
    covers = msgspec.structs.replace(COVERS, target=target)
    scores = rng.random(audits)
    wrong = rng.random(audits) < risk(scores) + 0.12 * (np.arange(audits) < bad_days)
    certifies = rng.random(audits) < certifying.CERTIFY_SHARE
    number, first, read, epoch = 1, 0, 0, None
    for now in range(AT_ONCE, audits + 1, AT_ONCE):
        delta = spends(DELTA, number)
        if epoch is None:
            calibrate = int((~certifies[:now]).sum())
            if not designing.may_design(Counted(calibrate=calibrate, certify=now - first - calibrate), covers, delta):
                continue
            chooses = ~certifies[:now] | (np.arange(now) < first)
            if number > 1:
                chooses &= np.arange(now) >= now - designing.audits_to_begin(covers, delta)
            sample = Sample.columns(scores[:now][chooses], wrong[:now][chooses], np.zeros(chooses.sum(), bool))
            grid = grid_of(sample.scores)
            start = certifying.choose_start(sample, grid, target=target, delta=delta, certify_audits=designing.HORIZON)
            assert start is not None
            epoch, read = Epoch.begin(target=target, delta=delta, grid=grid, start=start), first
        new = np.arange(read, now)[certifies[read:now]]
        epoch, verdict = epoch.counting(scores[new], scores[new[wrong[new]]]).look()
        read = now
        if isinstance(verdict, Licensed):
            return now
        if gives_up and is_given_up(a_state(epoch=epoch), covers, delta):
            number, first, epoch = number + 1, now, None
    return None


def test_a_life_of_epochs_given_up_spends_the_error_budget_once():
    """At the boundary, each threshold as risky as the target."""
    lives = [a_life(seed, lambda scores: np.full_like(scores, COVERS.target), 5_000) for seed in range(300)]

    assert holds(Share.of(life is not None for life in lives), DELTA)


def test_a_whole_error_budget_for_each_epoch_is_spent_many_times():
    """The wrong way."""
    lives = [
        a_life(seed, lambda scores: np.full_like(scores, COVERS.target), 8_000, spends=lambda delta, _: delta)
        for seed in range(200)
    ]

    assert is_broken(Share.of(life is not None for life in lives), DELTA)


def rising(scores: np.ndarray) -> np.ndarray:
    """A third of the questions could be automated at 2%, all together are at 3.3%."""
    return 0.1 * (1 - scores) ** 2


def test_a_start_that_was_a_matter_of_luck_does_not_hold_for_ever():
    """Some slices begin where so much is let through that it is hardly below the target."""
    lives, stuck = (
        [a_life(seed, rising, 6_000, target=0.02, gives_up=gives_up) for seed in range(40)]
        for gives_up in (True, False)
    )

    assert sum(life is not None for life in lives) >= 39
    assert sum(life is not None for life in stuck) <= 34


def test_what_is_good_again_after_bad_days_is_automated_again():
    """Errors of those days would hold back an epoch that had read them for tens of thousands of audits."""
    lives, stuck = (
        [a_life(seed, rising, 10_000, target=0.02, bad_days=2_000, gives_up=gives_up) for seed in range(20)]
        for gives_up in (True, False)
    )

    assert sum(life is not None for life in lives) >= 19
    assert sum(life is not None for life in stuck) <= 2
