"""Licences that may be looked at after every audit, and budgets over a life with suspensions."""

import math
from itertools import pairwise

import numpy as np
import pytest
from tests.unit.automation.at_once import highest_capital
from tests.unit.automation.simulating import DELTA, TARGET, Share, a_slice, holds, is_broken, rising

from adjudge.automation import binomial
from adjudge.automation.betting import (
    Epoch,
    audits_needed,
    epoch_delta,
    log_capital,
    upper_bound,
)
from adjudge.automation.certifying import Licensed, NotEnough, Start, Unanimity, choose_start
from adjudge.automation.samples import Audit, Role, grid_of

MOST_ERRORS = 400
LOOKS = np.arange(1, 31) * 200
FIRST = Start(threshold=0.5, why="one-error")


def table(needed, delta: float) -> np.ndarray:
    return np.array([needed(errors, TARGET, delta) for errors in range(MOST_ERRORS)])


def lives(seed: int, risk: float, slices: int = 2_000, audits: int = 6_000) -> np.ndarray:
    """Errors so far after each audit, slices × audits."""
    return (np.random.default_rng(seed).random((slices, audits)) < risk).cumsum(axis=1)


def shown(errors: np.ndarray, needed: np.ndarray) -> np.ndarray:
    return np.arange(1, errors.shape[1] + 1) >= needed[errors]


@pytest.mark.parametrize("errors", [0, 1, 7, 40])
def test_the_table_is_where_the_capital_reaches_its_level(errors):
    needed = audits_needed(errors, TARGET, DELTA)

    assert log_capital(needed, errors, TARGET) >= math.log(1 / DELTA) > log_capital(needed - 1, errors, TARGET)


def test_looking_after_every_audit_keeps_the_promise():
    found = Share.of(shown(lives(1, TARGET), table(audits_needed, DELTA)).any(axis=1))

    assert holds(found, DELTA)


def test_testing_all_audits_at_each_of_thirty_looks_breaks_the_promise():
    exact = table(binomial.audits_needed, DELTA)
    found = Share.of(shown(lives(1, TARGET), exact)[:, LOOKS - 1].any(axis=1))

    assert is_broken(found, DELTA)


def test_a_fresh_window_at_each_look_breaks_the_promise():
    errors, exact = lives(1, TARGET), table(binomial.audits_needed, DELTA)
    windows = [errors[:, after - 1] - errors[:, before - 1] for before, after in pairwise(LOOKS.tolist())]
    found = Share.of(np.any([exact[window] <= 200 for window in windows], axis=0))

    print(found)
    # 200 audits at 1% and 0.1 never suffice; windows of 400 do:
    wide = [errors[:, end - 1] - errors[:, end - 401] for end in range(401, 6_000, 400)]
    assert is_broken(Share.of(np.any([exact[window] <= 400 for window in wide], axis=0)), DELTA)


def test_exact_tests_at_dated_looks_keep_the_promise_with_parts_of_delta():
    """The option: so many looks fixed at the start, the parts summing to delta; and at the full delta each, broken."""
    errors, ends = lives(2, TARGET), [1_000, 2_000, 4_000, 6_000]
    parts = [table(binomial.audits_needed, part) for part in [DELTA / len(ends)] * len(ends)]

    found = np.any([needed[errors[:, end - 1]] <= end for needed, end in zip(parts, ends, strict=True)], axis=0)
    assert holds(Share.of(found), DELTA)


def test_a_good_slice_is_licensed_sooner_than_by_spending_over_geometric_looks():
    """At a true risk of 0.4% about 760 audits, median; with delta spent over looks at 500, 1,000, … a third more."""
    errors = lives(3, 0.004)
    ours = first(shown(errors, table(audits_needed, DELTA)))

    ends = [500, 1_000, 2_000, 4_000]
    looks = np.stack(
        [
            table(binomial.audits_needed, epoch_delta(DELTA, j + 1))[errors[:, end - 1]] <= end
            for j, end in enumerate(ends)
        ],
        axis=1,
    )
    spent = np.where(looks.any(axis=1), np.asarray(ends)[looks.argmax(axis=1)], 10**6)

    print(f"median {np.median(ours)} against {np.median(spent)}")
    assert 700 <= np.median(ours) <= 820
    assert np.median(spent) > 1.2 * np.median(ours)


def first(found: np.ndarray) -> np.ndarray:
    return np.where(found.any(axis=1), found.argmax(axis=1) + 1, 10**6)


@pytest.mark.parametrize(("risk", "boundary"), [(TARGET, 0.0), (rising(0.6), 0.6)])
def test_a_whole_sequence_of_thresholds_keeps_the_promise_at_thirty_looks(risk, boundary):
    """The licence at every look covers no threshold whose risk is at the target or above."""
    rng = np.random.default_rng(4)
    found = Share.of(false_at_some_look(rng, risk, boundary) for _ in range(150))

    assert holds(found, DELTA)


def false_at_some_look(rng: np.random.Generator, risk, boundary: float) -> bool:
    sample = a_slice(rng, 6_000, risk)
    epoch = an_epoch(sample)
    judged = sample.part(Role.CERTIFY)
    for begin in range(0, len(judged), 160):
        scores, wrong = judged.scores[begin : begin + 160], judged.wrong[begin : begin + 160]
        epoch, verdict = epoch.counting(scores, scores[wrong]).look()
        if isinstance(verdict, Licensed) and 1 - verdict.threshold >= boundary:
            return True
    return False


def an_epoch(sample) -> Epoch:
    calibrate = sample.part(Role.CALIBRATE)
    grid = grid_of(calibrate.scores)
    start = choose_start(calibrate, grid, target=TARGET, delta=DELTA, certify_audits=len(sample) - len(calibrate))
    return Epoch.begin(target=TARGET, delta=DELTA, grid=grid, start=start)


def test_licensing_any_threshold_that_is_shown_breaks_the_promise():
    """The wrong way: a threshold licensed although one before it in the sequence is not shown."""
    rng = np.random.default_rng(5)

    assert is_broken(Share.of(any_is_shown(rng) for _ in range(150)), DELTA)


def any_is_shown(rng: np.random.Generator) -> bool:
    judged = a_slice(rng, 6_000).part(Role.CERTIFY)
    epoch = Epoch.begin(
        target=TARGET, delta=DELTA, grid=np.arange(0.98, -0.01, -0.02), start=Start(threshold=1.0, why="one-error")
    )
    for begin in range(0, len(judged), 160):
        scores, wrong = judged.scores[begin : begin + 160], judged.wrong[begin : begin + 160]
        epoch, _ = epoch.counting(scores, scores[wrong]).look()
    return any(epoch.shown)


def test_a_life_of_suspensions_spends_delta_once():
    """Ten epochs at the boundary: ever a false licence in at most delta of slices; with delta afresh, in half."""
    ours, afresh = np.zeros(1_000, bool), np.zeros(1_000, bool)
    for epoch in range(1, 11):
        errors = lives(100 + epoch, TARGET, 1_000, 3_000)
        ours |= shown(errors, table(audits_needed, epoch_delta(DELTA, epoch))).any(axis=1)
        afresh |= shown(errors, table(audits_needed, DELTA)).any(axis=1)

    assert sum(epoch_delta(DELTA, epoch) for epoch in range(1, 10_000)) <= DELTA
    assert holds(Share.of(ours), DELTA)
    assert is_broken(Share.of(afresh), DELTA)


def test_audits_of_an_ended_epoch_would_license_what_has_become_bad():
    """1,500 audits at 0.2%, suspended, then a risk of 2%: fresh counts keep the promise, kept ones do not."""
    needed = table(audits_needed, epoch_delta(DELTA, 2))
    before, after = lives(6, 0.002, 500, 1_500), lives(7, 0.02, 500, 1_500)

    kept = np.arange(1_501, 3_001) >= needed[before[:, -1:] + after]
    assert holds(Share.of(shown(after, needed).any(axis=1)), DELTA)
    assert is_broken(Share.of(kept.any(axis=1)), DELTA)


def test_all_epochs_of_a_life_together_spend_no_more_than_delta():
    parts = [epoch_delta(DELTA, number) for number in range(1, 10_001)]

    assert parts == sorted(parts, reverse=True)
    assert sum(parts) <= DELTA
    assert sum(parts) == pytest.approx(DELTA, rel=1e-3)


def test_an_epoch_reads_each_audit_once_and_in_order():
    epoch = an_empty_epoch().after([an_audit(3), an_audit(5)])

    assert epoch.audits == 2
    for number in (4, 5):
        with pytest.raises(ValueError, match="in intake order"):
            epoch.after([an_audit(number)])


def test_an_epoch_passes_over_calibrate_audits_and_counts_the_lost_as_wrong():
    audits = [an_audit(1), an_audit(2, role=Role.CALIBRATE, wrong=True), an_audit(3, lost=True), an_audit(4, score=0.1)]
    epoch = an_empty_epoch().after(audits)

    assert (epoch.audits, epoch.reached, epoch.errors) == (3, (2, 2), (1, 1))


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="not a number"):
        an_empty_epoch().after([an_audit(1, score=math.nan)])


def test_what_was_shown_once_stays_licensed_in_the_epoch():
    """The process has reached its level: what comes later is for the watch."""
    licensed, verdict = an_empty_epoch().counting([0.9] * 348, []).look()
    later, still = licensed.counting([0.9] * 10, [0.9] * 10).look()

    assert isinstance(verdict, Licensed)
    assert isinstance(still, Licensed)
    assert later.errors == (10, 10)


def test_what_is_shown_no_longer_is_not_shown_now():
    """A certificate that is issued or renewed today must not say less than its promise."""
    licensed, verdict = an_empty_epoch().counting([0.9] * 348, []).look()
    fallen = licensed.counting([0.9] * 10, [0.9] * 10)
    partly = licensed.counting([0.4] * 200, [0.4] * 30)

    assert licensed.of_now() == verdict
    assert fallen.of_now() is None
    strict = partly.look()[0].of_now()
    assert isinstance(strict, Licensed)
    assert (strict.threshold, strict.errors) == (0.5, 0)
    assert strict.p_value <= DELTA
    assert strict.upper_bound <= TARGET
    assert licensed.of_now(unanimity=Unanimity(checked=50, wrong=0)) is None


def test_what_is_told_of_a_threshold_is_told_of_it_alone():
    """A look may have shown a looser one than the certificate in force has."""
    looser, verdict = an_empty_epoch().counting([0.9] * 348 + [0.45] * 400, [0.45]).look()
    assert isinstance(verdict, Licensed)
    assert verdict.threshold < 0.5

    strict = looser.at(0.5)

    assert isinstance(strict, Licensed)
    assert (strict.threshold, strict.audits, strict.errors) == (0.5, 348, 0)
    assert looser.at(0.123) is None
    assert looser.at(0.5, unanimity=Unanimity(checked=50, wrong=0)) is None


def test_an_epoch_without_evidence_says_how_much_is_lacking():
    _, verdict = an_empty_epoch().counting([0.9] * 100 + [0.1] * 100, []).look(audits_per_day=50)

    assert isinstance(verdict, NotEnough)
    assert verdict.more_audits == (348 - 100) * 2 / 0.8, "those that calibrate take as long"
    assert verdict.days == pytest.approx(verdict.more_audits / 50)
    assert "wants about 620 more, about 13 days at 50 a day" in verdict.reason


@pytest.mark.parametrize(("wrong", "is_guess"), [(1, True), (4, True), (5, False)])
def test_how_much_is_lacking_is_called_a_guess_where_few_were_wrong(wrong, is_guess):
    _, verdict = an_empty_epoch().counting([0.9] * 180 * wrong, [0.9] * wrong).look(audits_per_day=50)

    assert isinstance(verdict, NotEnough)
    assert verdict.reason.endswith(", a guess by so few") is is_guess


def test_what_is_there_within_a_day_is_said_to_be():
    _, verdict = an_empty_epoch().counting([0.9] * 100 + [0.1] * 100, []).look(audits_per_day=294_243)

    assert isinstance(verdict, NotEnough)
    assert "wants about 620 more, within a day" in verdict.reason


def test_unanimity_lowers_the_target_and_takes_half_of_delta():
    epoch = an_empty_epoch().counting([0.9] * 1_000, [])

    _, sure = epoch.look(unanimity=Unanimity(checked=3_000, wrong=1))
    _, unsure = epoch.look(unanimity=Unanimity(checked=50, wrong=0))

    assert isinstance(sure, Licensed)
    assert 0 < sure.unanimity < TARGET
    assert isinstance(unsure, NotEnough)
    assert "people who agree may still be wrong" in unsure.reason


def test_what_unanimity_leaves_is_tested_at_the_other_half_of_delta():
    """Together both may fail as often as was said: at the whole of delta for the test alone, half as often again."""
    known = Unanimity(checked=1_000_000, wrong=0)  # sure of it: what is left to see is delta
    target = TARGET - upper_bound(0, known.checked, DELTA / 2)
    enough, half = audits_needed(0, target, DELTA), audits_needed(0, target, DELTA / 2)
    assert enough < half - 50

    verdicts = [
        an_empty_epoch().counting([0.9] * audits, []).look(unanimity=known)[1] for audits in (enough, half - 1, half)
    ]

    assert [isinstance(verdict, Licensed) for verdict in verdicts] == [False, False, True]


@pytest.mark.parametrize("errors", [0, 3, 30])
def test_bounds_that_hold_at_all_times_are_below_a_rate_where_its_process_is_at_its_level(errors):
    """So they are wrong as rarely; the exact bound of one look is lower, and no bound for a second."""
    needed = audits_needed(errors, TARGET, DELTA)

    assert upper_bound(errors, needed, DELTA) <= TARGET < upper_bound(errors, needed - 1, DELTA)
    assert binomial.upper_bound(errors, needed, DELTA) < upper_bound(errors, needed, DELTA)
    assert upper_bound(0, 0, DELTA) == 1


def test_bets_on_terms_agree_with_bets_on_counts():
    wrong = np.random.default_rng(9).random(2_000) < 0.004
    errors = wrong.cumsum()

    highest = max(log_capital(n, int(errors[n - 1]), TARGET) for n in range(1, 2_001))
    assert highest_capital(TARGET - wrong, 1 / (1 - TARGET)) == pytest.approx(highest)


def an_empty_epoch() -> Epoch:
    return Epoch.begin(target=TARGET, delta=DELTA, grid=[0.9, 0.5, 0.4], start=FIRST)


def an_audit(number: int, *, score: float = 0.8, wrong: bool = False, role: Role = Role.CERTIFY, lost: bool = False):
    return Audit(number=number, score=score, wrong=wrong, role=role, lost=lost)
