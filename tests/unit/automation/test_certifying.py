"""The certificate keeps its promise, by simulation; and each way that seems as good does not.

Every number is a share of simulated slices with a fixed seed; pytest -rP shows them with their limits.
"""

import numpy as np
import pytest
from tests.unit.automation.simulating import DELTA, TARGET, Share, a_slice, holds, is_broken, rising

from adjudge.automation.binomial import audits_needed, tail
from adjudge.automation.certifying import Licensed, NotEnough, Start, Unanimity, certify, choose_start
from adjudge.automation.samples import Audit, Role, Sample, grid_of

SLICES = 1_000


def licensed(sample: Sample, **options) -> bool:
    return isinstance(certify(sample, target=TARGET, delta=DELTA, **options), Licensed)


def test_false_certificates_at_the_boundary_are_rarer_than_delta():
    """At a risk of exactly the target every licence is false."""
    rng = np.random.default_rng(1)
    found = Share.of(licensed(a_slice(rng, 3_000)) for _ in range(SLICES))

    assert holds(found, DELTA)


def test_false_certificates_beyond_the_boundary_are_rarer_than_delta():
    """Where strict thresholds are good and loose ones are not, the sequence stops in time."""
    rng = np.random.default_rng(2)
    verdicts = [certify(a_slice(rng, 3_000, rising(0.6)), target=TARGET, delta=DELTA) for _ in range(SLICES)]
    found = Share.of(isinstance(one, Licensed) and 1 - one.threshold >= 0.6 for one in verdicts)

    assert holds(found, DELTA)
    assert sum(isinstance(one, Licensed) for one in verdicts) > 0.3 * SLICES


def test_choosing_the_best_threshold_of_the_grid_breaks_the_promise():
    """The wrong way: each threshold tested at delta, the loosest that passes taken."""
    rng = np.random.default_rng(1)

    assert is_broken(Share.of(any_passes(a_slice(rng, 3_000)) for _ in range(400)), DELTA)


def any_passes(sample: Sample) -> bool:
    judged = sample.part(Role.CERTIFY)
    reached, errors = judged.counts(grid_of(sample.part(Role.CALIBRATE).scores))
    return any(n >= audits_needed(int(k), TARGET, DELTA) for n, k in zip(reached, errors, strict=True))


def test_a_start_chosen_by_the_audits_that_certify_breaks_the_promise():
    """The wrong way: the smallest p-value sought among the audits that are tested afterwards (1.4)."""
    rng = np.random.default_rng(3)

    assert is_broken(Share.of(starts_where_it_passes(a_slice(rng, 3_000)) for _ in range(400)), DELTA)


def starts_where_it_passes(sample: Sample) -> bool:
    grid = grid_of(sample.part(Role.CALIBRATE).scores)
    judged = sample.part(Role.CERTIFY)
    peeked = choose_start(judged, grid, target=TARGET, delta=DELTA, certify_audits=len(judged))
    return licensed(sample, grid=grid, start=peeked)


def test_starting_where_one_error_ends_all_gives_no_automation_in_half_of_the_slices():
    """2.2: with zero errors needed at the start, most slices at 0.4% fail on their first error."""
    rng = np.random.default_rng(4)
    slices = [a_slice(rng, 3_000, lambda position: np.where(position < 0.9, 0.004, 0.05)) for _ in range(300)]

    ours = [coverage(certify(one, target=TARGET, delta=DELTA)) for one in slices]
    strict = [coverage(certify(one, target=TARGET, delta=DELTA, start=zero_errors(one))) for one in slices]

    print(f"mean coverage {np.mean(ours):.2f} against {np.mean(strict):.2f}")
    assert np.mean(np.equal(ours, 0)) < 0.15
    assert np.mean(np.equal(strict, 0)) > 0.4
    assert np.mean(ours) > np.mean(strict) + 0.25


def test_where_calibrate_audits_are_few_the_start_bears_one_error():
    """2.2: the strictest threshold at which one would still pass, by the coverage that the few show."""
    few = Sample.columns(np.linspace(0.99, 0.5, 100), [False] * 100, [False] * 100)
    grid = grid_of(few.scores)

    found = choose_start(few, grid, target=TARGET, delta=DELTA, certify_audits=2_000)

    assert found is not None
    assert found.why == "one-error"
    reach = 2_000 * np.mean(few.scores >= found.threshold)
    assert 388 <= reach < 388 + 2_000 / 50, "where zero errors are wanted: 230"
    assert choose_start(few, grid, target=TARGET, delta=DELTA, certify_audits=300) is None


def zero_errors(sample: Sample) -> Start:
    scores = np.sort(sample.part(Role.CERTIFY).scores)[::-1]
    return Start(threshold=float(scores[audits_needed(0, TARGET, DELTA)]), why="one-error")


def coverage(verdict: Licensed | NotEnough) -> float:
    return verdict.coverage if isinstance(verdict, Licensed) else 0.0


@pytest.mark.parametrize("levels", [2, 10, 50])
def test_ties_in_scores_change_nothing(levels):
    """A threshold counts all that reach it: the promise is kept where scores are few and coarse."""
    rng = np.random.default_rng(levels)
    found = Share.of(licensed(coarse(a_slice(rng, 3_000), levels)) for _ in range(1_000))

    assert holds(found, DELTA)


def coarse(sample: Sample, levels: int) -> Sample:
    return Sample.columns(np.ceil(sample.scores * levels) / levels, sample.wrong, sample.certifies)


def test_a_tied_threshold_is_tested_with_all_that_it_lets_through():
    """Three levels of score, of which only the surest is good. The wrong way: tested above it, acted on from it."""
    rng = np.random.default_rng(10)
    slices = [
        coarse(a_slice(rng, 3_000, lambda position: np.where(position > 1 / 3, 0.05, 0.002)), 3) for _ in range(300)
    ]

    verdicts = [certify(one, target=TARGET, delta=DELTA) for one in slices]
    assert holds(Share.of(isinstance(one, Licensed) and one.threshold < 1 for one in verdicts), DELTA)
    assert np.mean([isinstance(one, Licensed) for one in verdicts]) > 0.7
    assert is_broken(Share.of(passes(one.wrong[one.certifies & (one.scores > 2 / 3)]) for one in slices), DELTA)


@pytest.mark.parametrize("audits", [30, 120, 300, 500])
def test_thin_slices_are_told_what_they_lack(audits):
    """The promise is kept, and `more_audits` is at least what a slice without an error would need."""
    rng = np.random.default_rng(audits)
    verdicts = [certify(a_slice(rng, audits), target=TARGET, delta=DELTA) for _ in range(1_000)]

    assert holds(Share.of(isinstance(one, Licensed) for one in verdicts), DELTA)
    lacking = [one.more_audits for one in verdicts if isinstance(one, NotEnough) and one.more_audits is not None]
    assert audits >= 500 or min(lacking) + audits >= 230


def test_believing_what_is_observed_breaks_the_promise_on_thin_slices():
    """The wrong way: licensed where the share of wrong audits is below the target."""
    rng = np.random.default_rng(5)

    assert is_broken(Share.of(a_slice(rng, 240).wrong.mean() < TARGET for _ in range(500)), DELTA)


def test_errors_that_come_in_clusters_are_seen_one_by_one_with_a_coin_for_each_decision():
    """1.1: groups of ten wrong together, the slice exactly at its target."""
    rng = np.random.default_rng(6)
    each = Share.of(passes(clustered(rng, per_visit=False)) for _ in range(1_500))
    visits = Share.of(passes(clustered(rng, per_visit=True)) for _ in range(500))

    assert holds(each, DELTA)
    assert is_broken(visits, DELTA)


def clustered(rng: np.random.Generator, *, per_visit: bool) -> np.ndarray:
    """Audits at 5% of 4,000 visits with ten decisions each, of which 40 visits are wrong throughout."""
    wrong = np.repeat(np.arange(4_000) < 40, 10)
    coins = np.repeat(rng.random(4_000), 10) if per_visit else rng.random(40_000)
    return wrong[coins < 0.05]


def passes(wrong: np.ndarray) -> bool:
    return tail(int(wrong.sum()), len(wrong), TARGET) <= DELTA


def test_lost_audits_count_as_wrong_because_the_wrong_ones_are_lost_more_often():
    """1.2: wrong ones lost in 30%, right ones in 3%."""
    rng = np.random.default_rng(7)
    counted = Share.of(licensed(with_losses(rng, counted=True)) for _ in range(1_000))
    ignored = Share.of(licensed(with_losses(rng, counted=False)) for _ in range(400))

    assert holds(counted, DELTA)
    assert is_broken(ignored, DELTA)


def with_losses(rng: np.random.Generator, *, counted: bool) -> Sample:
    sample = a_slice(rng, 3_000)
    lost = rng.random(len(sample)) < np.where(sample.wrong, 0.3, 0.03)
    return Sample.columns(sample.scores, sample.wrong | lost, sample.certifies) if counted else sample.where(~lost)


def test_a_lost_audit_is_wrong_whatever_was_found_before():
    audits = [Audit(number=i, score=0.9, wrong=False, role=Role.CERTIFY, lost=i < 3) for i in range(10)]

    assert Sample.of(audits).wrong.sum() == 3


def test_truth_by_unanimity_or_expert_keeps_the_promise_where_people_err_as_the_model_does():
    """1.3, at the boundary: people make the model's mistakes in six of ten votes, so that all three do in a fifth.

    The wrong ways: unanimity believed without a bound; an expert only where people contradict the model.
    """
    rng = np.random.default_rng(8)
    drawn = [Voted.draw(rng, 4_000, risk=TARGET, shared=0.6) for _ in range(1_000)]

    assert holds(Share.of(audits.is_licensed(audits.checked(rng)) for audits in drawn), DELTA)
    assert is_broken(Share.of(audits.is_licensed(None) for audits in drawn[:300]), DELTA)
    assert is_broken(Share.of(passes(audits.model_wrong & (audits.agreeing < 2)) for audits in drawn[:300]), DELTA)


def test_a_plain_majority_as_truth_certifies_almost_nothing():
    """1.3: people's mistakes count as the model's."""
    rng = np.random.default_rng(9)
    drawn = [Voted.draw(rng, 4_000, risk=0.002, shared=0.2) for _ in range(200)]

    majority = np.mean([passes(audits.agreeing < 2) for audits in drawn])
    ours = np.mean([audits.is_licensed(audits.checked(rng)) for audits in drawn])
    print(f"licensed by a majority as truth {majority:.0%}, by unanimity or expert {ours:.0%}")
    assert majority < 0.2
    assert ours > 0.7


class Voted:
    """Audits of a model with three blind votes each; the truth is unanimity's, else an expert's."""

    def __init__(self, model_wrong: np.ndarray, agreeing: np.ndarray) -> None:
        self.model_wrong = model_wrong
        self.agreeing = agreeing
        """Votes for the model's answer."""

    @classmethod
    def draw(cls, rng: np.random.Generator, audits: int, *, risk: float, shared: float) -> "Voted":
        """Where the model is wrong, that share of votes makes its mistake; where it is right, 6% are wrong."""
        model_wrong = rng.random(audits) < risk
        agrees = rng.random((audits, 3)) < np.where(model_wrong, shared, 0.94)[:, None]
        return cls(model_wrong, agrees.sum(axis=1))

    def checked(self, rng: np.random.Generator) -> Unanimity:
        """What experts find in a random quarter of the unanimous."""
        seen = (self.agreeing == 3) & (rng.random(len(self.agreeing)) < 0.25)
        return Unanimity(checked=int(seen.sum()), wrong=int((seen & self.model_wrong).sum()))

    def is_licensed(self, unanimity: Unanimity | None) -> bool:
        """Test a single threshold that takes all."""
        found_wrong = self.model_wrong & (self.agreeing < 3)
        sample = Sample.columns(np.ones(len(found_wrong)), found_wrong, np.ones(len(found_wrong), bool))
        start = Start(threshold=1.0, why="one-error")
        verdict = certify(sample, target=TARGET, delta=DELTA, grid=np.ones(1), start=start, unanimity=unanimity)
        return isinstance(verdict, Licensed)


@pytest.mark.parametrize(("target", "delta"), [(0, 0.1), (1, 0.1), (0.01, 0), (0.01, 1), (float("nan"), 0.1)])
def test_what_cannot_be_tested_is_refused(target, delta):
    with pytest.raises(ValueError, match="cannot be tested"):
        certify(a_slice(np.random.default_rng(1), 10), target=target, delta=delta)


@pytest.mark.parametrize("size", [0, 1, 10])
def test_a_handful_of_audits_is_never_a_certificate(size):
    perfect = Sample.columns(np.linspace(0.5, 1, size), np.zeros(size, bool), np.arange(size) % 5 > 0)
    verdict = certify(perfect, target=TARGET, delta=DELTA, audits_per_day=10)

    assert isinstance(verdict, NotEnough)
    assert verdict.more_audits > 200
    assert verdict.days > 20


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="not a number"):
        Sample.columns([0.5, float("nan")], [False, False], [True, True])
    with pytest.raises(ValueError, match="differ in length"):
        Sample.columns([0.5], [False, False], [True, True])


@pytest.mark.soak
@pytest.mark.parametrize("audits", [500, 1_000, 3_000, 10_000])
@pytest.mark.parametrize("boundary", [0.0, 0.3, 0.9])
def test_false_certificates_over_ten_thousand_slices(audits, boundary):
    """At the boundary, closer: the upper limit within half a point."""
    rng = np.random.default_rng(audits)
    risk = rising(boundary) if boundary else TARGET
    verdicts = (certify(a_slice(rng, audits, risk), target=TARGET, delta=DELTA) for _ in range(10_000))
    found = Share.of(isinstance(one, Licensed) and 1 - one.threshold >= boundary for one in verdicts)

    print(found)
    assert found.high <= DELTA + 0.005
