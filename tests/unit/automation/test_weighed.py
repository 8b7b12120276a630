"""Money in service: looked at after every audit, and watched from then on."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from tests.unit.automation.at_once import audit_rate, certify_money, weights_of
from tests.unit.automation.simulating import DELTA, TARGET, Share, holds, is_broken
from tests.unit.automation.test_money import STAKES, drawn

from adjudge.automation.betting import Epoch
from adjudge.automation.certifying import Licensed, NotEnough, Start
from adjudge.automation.money import largest_ratio
from adjudge.automation.samples import Audit, Role, Sample
from adjudge.automation.watching import Watch
from adjudge.automation.weighed import Weighed

START = Start(threshold=0.0, why="calibrate-audits")
EQUAL = np.ones(2)
"""One coin for all stakes: weights are these, over the largest."""


def begun(*grid: float) -> Weighed:
    return Weighed.begin(target=TARGET, delta=DELTA, grid=grid, start=replace(START, threshold=grid[0]))


def audits_of(sample: Sample) -> list[Audit]:
    columns = zip(
        sample.scores.tolist(),
        sample.wrong.tolist(),
        sample.certifies.tolist(),
        sample.weights.tolist(),
        strict=True,
    )
    return [
        Audit(
            number=number,
            score=score,
            wrong=wrong,
            role=Role.CERTIFY if certifies else Role.CALIBRATE,
            weight=weight,
        )
        for number, (score, wrong, certifies, weight) in enumerate(columns)
    ]


def test_read_audit_by_audit_it_is_the_test_of_the_whole_sample():
    sample = drawn(np.random.default_rng(1), 8_000, EQUAL, TARGET / 10, weighted=True)
    epoch, read, grid = begun(0.3, 0.2, 0.0), audits_of(sample), np.array([0.3, 0.2, 0.0])
    for first in range(0, len(read), 500):
        epoch = epoch.after(read[first : first + 500])

    at_once = certify_money(sample, target=TARGET, delta=DELTA, grid=grid, start=replace(START, threshold=0.3))

    _, verdict = epoch.look()
    assert isinstance(at_once, Licensed)
    assert isinstance(verdict, Licensed)
    assert (verdict.threshold, verdict.audits, verdict.errors) == (at_once.threshold, at_once.audits, at_once.errors)
    assert verdict.p_value == pytest.approx(at_once.p_value)
    assert verdict.coverage == pytest.approx(at_once.coverage, abs=0.02)
    assert msgspec.json.decode(msgspec.json.encode(epoch), type=Weighed) == epoch
    assert epoch.is_done == (verdict.threshold == 0.0)


@pytest.mark.parametrize("sure", [40.0, 2.0])
def test_false_certificates_at_any_look_are_rarer_than_delta_and_of_plain_counts_are_not(sure):
    """At the boundary in money: the dear are wrong oftener. Coins proportional to the stake, and capped at the dear."""
    rng = np.random.default_rng(int(sure))
    rates = np.array([audit_rate(stake, sure=sure) for stake in STAKES])
    weighed, counted = [], []
    for _ in range(300):
        sample = drawn(rng, 1_500, rates, TARGET, weighted=True)
        weighed.append(isinstance(begun(0.0)._reading(sample.part(Role.CERTIFY)).look()[1], Licensed))
        plain = drawn(rng, 1_500, EQUAL, TARGET, weighted=False).part(Role.CERTIFY)
        epoch = Epoch.begin(target=TARGET, delta=DELTA, grid=[0.0], start=START)
        counted.append(isinstance(epoch.counting(plain.scores, plain.scores[plain.wrong]).look()[1], Licensed))

    assert holds(Share.of(weighed), DELTA)
    assert is_broken(Share.of(counted), DELTA)


def test_no_stake_weighs_more_than_the_largest_that_may_occur():
    """Known before any coin falls; where the coin is proportional and never sure, all weigh 1."""
    assert largest_ratio(rate=0.05, up_to=500, per_stake=None) == 10_000
    assert largest_ratio(rate=0.05, up_to=500, per_stake=200) == 4_000
    assert largest_ratio(rate=0.05, up_to=5_000, per_stake=200) == 5_000, "from 4,000 on all are audited"
    assert weights_of(STAKES, np.array([0.05, 1.0])).max() == 1

    with pytest.raises(ValueError, match=r"weighs 1\.5"):
        begun(0.0).after([Audit(number=1, score=1.0, wrong=False, role=Role.CERTIFY, weight=1.5)])
    with pytest.raises(ValueError, match="read once, in intake order"):
        begun(0.0).after([Audit(number=1, score=1.0, wrong=False, role=Role.CERTIFY)] * 2)


def test_what_is_lacking_is_said_in_audits():
    _, few = begun(0.0).after(audits_of(drawn(np.random.default_rng(3), 200, EQUAL, TARGET / 4, weighted=True))).look()

    assert isinstance(few, NotEnough)
    assert few.more_audits is None or few.more_audits > 100


def test_what_is_wrong_is_counted_in_audits_and_in_money():
    audits = [
        Audit(number=number, score=1.0, wrong=number < 2, role=Role.CERTIFY, weight=1.0 if number < 1 else 0.1)
        for number in range(40)
    ]

    _, few = begun(0.5).after(audits).look()

    assert isinstance(few, NotEnough)
    assert few.reason.startswith(f"2 of 40 audits were wrong, with {1.1 / 4.9:.2%} of the money")


def test_what_is_shown_no_longer_is_not_shown_now():
    right = [Audit(number=number, score=0.9, wrong=False, role=Role.CERTIFY) for number in range(600)]
    wrong = [Audit(number=1_000 + number, score=0.9, wrong=True, role=Role.CERTIFY) for number in range(60)]
    shown = begun(0.5).after(right)
    fallen = shown.after(wrong)

    assert shown.of_now() == shown.look()[1]
    assert isinstance(fallen.look()[1], Licensed)
    assert fallen.of_now() is None


def test_the_watch_over_money_alarms_at_the_boundary_no_oftener_than_promised():
    """Of dear decisions more are wrong; so counts are below the target while money is at it."""
    rng, alarmed = np.random.default_rng(4), []
    for _ in range(150):
        sample = drawn(rng, 1_200, EQUAL, TARGET, weighted=True)
        watch = Watch.begin(target=TARGET, delta=0.05, validity=1_200)
        for wrong, weight in zip(sample.wrong.tolist(), sample.weights.tolist(), strict=True):
            watch = watch.after(wrong, weight)
        alarmed.append(watch.alarmed)

    assert holds(Share.of(alarmed), 0.05)


def test_a_rise_among_the_dear_is_found_by_money_and_hardly_by_counts():
    rng = np.random.default_rng(5)
    by_money, by_count = [], []
    for _ in range(40):
        sample = drawn(rng, 1_500, EQUAL, 5 * TARGET, weighted=True)
        money = count = Watch.begin(target=TARGET, delta=0.05, validity=5_000)
        for wrong, weight in zip(sample.wrong.tolist(), sample.weights.tolist(), strict=True):
            money, count = money.after(wrong, weight), count.after(wrong)
        by_money.append(money.alarmed)
        by_count.append(count.alarmed)

    print(f"found by money {np.mean(by_money):.0%}, by counts {np.mean(by_count):.0%}")
    assert np.mean(by_money) > np.mean(by_count) + 0.2


def test_a_whole_weight_is_the_watch_as_it_was():
    watch = Watch.begin(target=TARGET)

    assert watch.after(True, 1.0) == watch.after(True)
    assert watch.after(True, 0.0).stakes == watch.after(False, 0.0).stakes
    assert watch.after(False).capital < watch.after(True, 0.3).capital < watch.after(True).capital
