"""The watch: false alarms as rare as promised however long one looks, and rises found at any age."""

import math
from dataclasses import asdict, replace

import msgspec
import numpy as np
import pytest
from tests.unit.automation.simulating import TARGET, Share, holds, is_broken

from adjudge.automation.binomial import divergence, tail
from adjudge.automation.watching import ALIKE, AT_ONCE, FACTORS, Watch, delays

DELTA = 0.05
VALIDITY = 5_000
IN_CONTROL = 0.006


class Watches:
    """Many watches at once: the same arithmetic in columns, held against `Watch` below."""

    def __init__(self, runs: int, *, validity: int = VALIDITY, at_once: float = AT_ONCE, fresh: float | None = None):
        self.factors = np.asarray(FACTORS)[:, None]
        self.shrinks = 1 / (1 + TARGET * (self.factors - 1))
        self.stakes = np.full((len(FACTORS), runs), at_once / len(FACTORS))
        self.validity, self.at_once, self.audits = validity, at_once, 0
        self.fresh = (1 - at_once) / validity if fresh is None else fresh
        self.reserve = 1 - at_once

    def read(self, wrong: np.ndarray) -> np.ndarray:
        """Read an audit in each; return the capitals."""
        stake = self.fresh / len(FACTORS) if self.audits < self.validity else 0.0
        self.stakes += stake
        self.stakes *= self.shrinks
        self.stakes[:, np.flatnonzero(wrong)] *= self.factors
        self.audits += 1
        return self.stakes.sum(axis=0) + self.reserve * max(0.0, 1 - self.audits / self.validity)


def test_columns_are_the_watch_itself():
    wrong = np.random.default_rng(1).random(6_000) < 0.012
    watches, watch = Watches(1), Watch.begin(target=TARGET, delta=1e-9, validity=VALIDITY)
    for one in wrong:
        watch = watch.after(bool(one))
        assert watches.read(np.array([one]))[0] == pytest.approx(watch.capital)


@pytest.mark.parametrize(("validity", "audits"), [(5_000, 10_000), (100_000, 100_000)])
def test_false_alarms_over_a_hundred_thousand_audits_looked_at_after_each(validity, audits):
    """At a risk of exactly the target, in at most 5% of certificates."""
    rng, watches = np.random.default_rng(2), Watches(1_000, validity=validity)
    alarmed = np.zeros(1_000, bool)
    for _ in range(audits // 500):
        for wrong in rng.random((500, 1_000), dtype=np.float32) < TARGET:
            alarmed |= watches.read(wrong) >= 1 / DELTA

    assert holds(Share.of(alarmed), DELTA)


def test_false_alarms_while_errors_depend_on_the_past():
    """The null is about each audit given all before: risk that swings below the target with it changes nothing."""
    rng, watches = np.random.default_rng(3), Watches(1_000)
    alarmed, wrong = np.zeros(1_000, bool), np.zeros(1_000, bool)
    for _ in range(VALIDITY):
        wrong = rng.random(1_000) < np.where(
            wrong, TARGET, np.where(watches.stakes.sum(axis=0) > 1, TARGET, TARGET / 2)
        )
        alarmed |= watches.read(wrong) >= 1 / DELTA

    assert holds(Share.of(alarmed), DELTA)


def test_testing_all_audits_after_each_breaks_the_promise():
    """The wrong way: the exact test of "above the target", repeated."""
    errors = (np.random.default_rng(4).random((300, 5_000)) < TARGET).cumsum(axis=1)
    highest = np.array([next(k for k in range(n) if tail(n - k, n, 1 - TARGET) <= DELTA) for n in range(50, 5_001, 50)])

    assert is_broken(Share.of((errors[:, 49::50] >= highest).any(axis=1)), DELTA)


def test_whole_capital_staked_afresh_breaks_the_promise():
    """The wrong way: a new watch with its full capital every 500 audits, as if the last had not been."""
    rng = np.random.default_rng(5)
    alarmed = np.zeros(500, bool)
    for _ in range(10):
        watches = Watches(500, validity=500)
        for wrong in rng.random((500, 500)) < TARGET:
            alarmed |= watches.read(wrong) >= 1 / DELTA

    assert is_broken(Share.of(alarmed), DELTA)


@pytest.mark.parametrize("in_control", [0, 500, 1_500])
@pytest.mark.parametrize("times", [2, 5, 10])
def test_a_rise_is_found_as_fast_late_as_early(times, in_control):
    """Median at most twice ln(1/δ)/KL and 60, after so many audits at 0.6%."""
    best = math.log(1 / DELTA) / divergence(times * TARGET, TARGET)

    median = median_delay(times, in_control, Watches(400))
    print(f"x{times} after {in_control}: median {median:.0f}, best possible on average {best:.0f}")
    assert median <= 2 * best + 60


def test_a_stake_of_the_first_day_is_eaten_up_by_good_days():
    """The wrong way: all staked at once; a doubling after 1,500 good audits is found far too late."""
    limit = 2 * math.log(1 / DELTA) / divergence(2 * TARGET, TARGET) + 60

    assert median_delay(2, 1_500, Watches(400, at_once=1.0, fresh=0.0)) > 1.3 * limit


def median_delay(times: float, in_control: int, watches: Watches) -> float:
    rng = np.random.default_rng(1_000 * int(times) + in_control)
    runs = watches.stakes.shape[1]
    for wrong in rng.random((in_control, runs)) < IN_CONTROL:
        watches.read(wrong)
    found = np.zeros(runs, bool)
    for audits in range(1, 6_000):
        found |= watches.read(rng.random(runs) < times * TARGET) >= 1 / DELTA
        if found.mean() >= 0.5:
            return audits
    return math.inf


def test_an_alarm_stays_whatever_audits_come_after_it():
    watch = read(Watch.begin(target=TARGET), 20, wrong=True)

    assert watch.alarmed
    assert read(watch, 2_000, wrong=False).alarmed


def test_evidence_without_end_stays_a_number():
    """A state that is no number could not be written down."""
    watch = read(Watch.begin(target=TARGET), 2_000, wrong=True)

    assert msgspec.json.decode(msgspec.json.encode(watch), type=Watch) == watch
    assert math.isfinite(watch.capital)


@pytest.mark.parametrize(("target", "delta", "validity"), [(0, 0.1, 10), (1, 0.1, 10), (0.01, 0, 10), (0.01, 0.1, 0)])
def test_what_cannot_be_watched_is_refused(target, delta, validity):
    with pytest.raises(ValueError, match="cannot be watched"):
        Watch.begin(target=target, delta=delta, validity=validity)


def test_the_audit_rate_rises_from_a_third_of_the_level_on():
    watch = Watch.begin(target=TARGET)
    rates = []
    while not watch.alarmed:
        rates.append((watch.capital, watch.boost))
        watch = watch.after(watch.audits % 8 == 0)

    assert {boost for capital, boost in rates if capital < 20 / 3} == {1.0}
    assert {boost for capital, boost in rates if capital >= 20 / 3} == {10.0}


def test_a_watch_expires_by_count_and_is_json_by_value():
    watch = read(Watch.begin(target=TARGET, validity=100), 99, wrong=False)
    copy = msgspec.json.decode(msgspec.json.encode(watch), type=Watch)

    assert not watch.expired
    assert copy == watch
    assert copy.after(wrong=False).expired
    assert set(asdict(copy)) == {
        "target",
        "delta",
        "validity",
        "stakes",
        "audits",
        "earlier",
        "errors",
        "weights",
        "alarmed",
        "lost",
    }


def test_a_renewal_forgets_nothing():
    """Who renews every hundred audits, and begins to watch anew each time, never learns that the risk has tripled."""
    watch, anew, after = Watch.begin(target=TARGET), Watch.begin(target=TARGET), 0
    while not watch.alarmed and after < 2_000:
        after += 1
        watch, anew = watch.after(after % 33 == 0), anew.after(after % 33 == 0)
        if after % 100 == 0:
            watch, anew = watch.renewed(delta=DELTA, validity=VALIDITY), Watch.begin(target=TARGET)

    assert watch.alarmed
    assert after < 600
    assert (watch.read, watch.errors, watch.audits) == (after, after // 33, after % 100)
    assert not anew.alarmed


def test_false_alarms_over_a_life_of_renewals():
    """At the boundary, in at most 5% for each certificate: the capital of each is staked once."""
    rng, watches = np.random.default_rng(12), Watches(1_000)
    alarmed = np.zeros(1_000, bool)
    for _ in range(4):
        watches.audits = 0
        for wrong in rng.random((600, 1_000), dtype=np.float32) < TARGET:
            alarmed |= watches.read(wrong) >= 1 / DELTA

    assert holds(Share.of(alarmed), 4 * DELTA)


def test_best_delays_stand_on_the_certificate():
    """At 0.1, doubling 588 audited automated decisions, with 75 a day eight days; ×5 56, ×10 16."""
    found = delays(target=TARGET, delta=0.1, audits_per_day=75)

    assert [round(delay.audits) for delay in found] == [588, 56, 16]
    assert round(found[0].days, 1) == 7.8
    assert delays(target=TARGET, delta=0.1, audits_per_day=0)[0].days == math.inf


WEIGHTS = (0.04, 0.04, 0.04, 0.1, 0.8)


@pytest.mark.parametrize("times", [5, 10])
def test_audits_that_weigh_less_take_longer_and_it_says_how_much(times):
    """Of money, without a coin in proportion to the stake: counted in full, half of the delay would be stated."""
    rng = np.random.default_rng(78)
    watch = replace(Watch.begin(target=TARGET), weights=WEIGHTS)

    found = np.median([_audits_to_alarm(watch, rng, times * TARGET) for _ in range(100)])

    assert found * 0.9 <= watch.audits_until(times) <= found * 1.6
    in_full = replace(watch, weights=ALIKE).audits_until(times)
    assert watch.audits_until(times) > 1.5 * in_full
    [best] = delays(target=TARGET, delta=DELTA, audits_per_day=0, times=(times,), weights=WEIGHTS)
    [best_in_full] = delays(target=TARGET, delta=DELTA, audits_per_day=0, times=(times,))
    assert 1.5 * best_in_full.audits < best.audits < watch.audits_until(times)


@pytest.mark.parametrize(("times", "runs"), [(2, 60), (5, 200), (10, 200)])
@pytest.mark.parametrize("age", [0, 1_500])
def test_what_a_watch_says_of_its_own_delay_is_what_it_takes(times, runs, age):
    """Not the fewest audits that any watch needs: those are half of it. Between the median and half as many again."""
    rng = np.random.default_rng(77)
    watch = Watch.begin(target=TARGET)
    for wrong in rng.random(age) < IN_CONTROL:
        watch = watch.after(bool(wrong))

    found = np.median([_audits_to_alarm(watch, rng, times * TARGET) for _ in range(runs)])

    assert found * 0.95 <= watch.audits_until(times) <= found * 1.6
    assert (
        watch.audits_until(times) > 1.2 * delays(target=TARGET, delta=DELTA, audits_per_day=1, times=(times,))[0].audits
    )


def _audits_to_alarm(watch: Watch, rng: np.random.Generator, risk: float) -> int:
    started = watch.audits
    while not watch.alarmed:
        watch = watch.after(bool(rng.random() < risk), float(rng.choice(watch.weights)))
    return watch.audits - started


def read(watch: Watch, audits: int, *, wrong: bool) -> Watch:
    for _ in range(audits):
        watch = watch.after(wrong)
    return watch
