"""Against people in service: looked at after every audit, and watched from then on."""

import math
from collections.abc import Iterator
from dataclasses import asdict, replace

import msgspec
import numpy as np
import pytest
from tests.unit.automation.at_once import certify_against_people
from tests.unit.automation.simulating import DELTA, Share, holds, is_broken

from adjudge.automation.against_people import NoWorse, Over, Pairs
from adjudge.automation.binomial import sign_test
from adjudge.automation.certifying import NotEnough, Start
from adjudge.automation.paired import LEANINGS, Paired, PairedWatch, paired_delays, pairs_of
from adjudge.automation.samples import Audit, Beside, Role
from adjudge.automation.watching import AT_ONCE

START = Start(threshold=0.9, why="calibrate-audits")
GRID = (0.9, 0.5, 0.0)
ALL = (0.0,)
WATCHED = 0.05


def begun(margin: float = 0.0, over: Over = Over.PLAN, grid: tuple[float, ...] = GRID) -> Paired:
    start = replace(START, threshold=grid[0])
    return Paired.begin(margin=margin, over=over, delta=DELTA, grid=grid, start=start)


def audits(
    rng: np.random.Generator,
    count: int,
    *,
    model: float,
    people: float,
    rest: float | None = None,
    lost_right: float = 0.0,
    lost_wrong: float = 0.0,
) -> list[Audit]:
    """Audits with uniform scores. Lost are so many of those that the model has right, and wrong."""
    found = []
    chances = rng.random((count, 6))
    for number, (score, of_model, of_people, of_rest, of_role, of_loss) in enumerate(chances.tolist()):
        wrong = of_model < model
        lost = of_loss < (lost_wrong if wrong else lost_right)
        found.append(
            Audit(
                number=number,
                score=score,
                wrong=wrong and not lost,  # nobody knows
                role=Role.CERTIFY if of_role < 0.8 else Role.CALIBRATE,
                lost=lost,
                beside=Beside(rest_wrong=of_rest < (people if rest is None else rest), people_wrong=of_people < people),
            )
        )
    return found


@pytest.mark.parametrize("over", list(Over))
@pytest.mark.parametrize("margin", [0.0, 0.01])
def test_read_audit_by_audit_it_is_the_test_of_the_whole_sample(over, margin):
    """The same bets as in a backtest: what has been licensed at some look is what the highest capital says."""
    read = audits(np.random.default_rng(1), 900, model=0.01, people=0.1, rest=0.01)
    epoch = begun(margin, over)
    for first in range(0, 900, 7):
        epoch = epoch.after(read[first : first + 7])

    pairs = pairs_of(read)
    at_once = certify_against_people(
        pairs, delta=DELTA, margin=margin, over=over, anytime=True, grid=np.asarray(GRID), start=START
    )

    _, verdict = epoch.look()
    assert isinstance(verdict, NoWorse)
    assert isinstance(at_once, NoWorse)
    assert verdict.p_value == pytest.approx(at_once.p_value)
    assert replace(verdict, p_value=0.0, coverage=0.0) == replace(at_once, p_value=0.0, coverage=0.0)
    assert epoch.last_number == 899
    assert msgspec.json.decode(msgspec.json.encode(epoch), type=Paired) == epoch


def test_false_certificates_over_thirty_looks_are_rarer_than_delta_and_a_repeated_sign_test_breaks_it():
    """On the boundary, looked at thirty times, as keepers do it."""
    rng = np.random.default_rng(2)
    bets, signs = [], []
    for _ in range(500):
        model, people = rng.random((30, 40)) < 0.08, rng.random((30, 40)) < 0.08
        epoch = begun(grid=ALL)
        for of_model, of_people in zip(model, people, strict=True):
            ones = np.ones(40, bool)
            epoch = epoch._reading(Pairs.columns(ones, model_wrong=of_model, people_wrong=of_people, certifies=ones))
        bets.append(isinstance(epoch.look()[1], NoWorse))
        only_model, only_people = ((one & ~other).sum(1).cumsum() for one, other in ((model, people), (people, model)))
        pairs = zip(only_people.tolist(), only_model.tolist(), strict=True)
        signs.append(any(sign_test(for_model=for_, against=against) <= DELTA for for_, against in pairs))

    assert holds(Share.of(bets), DELTA)
    assert is_broken(Share.of(signs), DELTA)


def test_lost_audits_are_the_models_mistakes_and_peoples_successes():
    """The wrong way beside it: left out, where wrong ones are lost ten times as often."""
    rng = np.random.default_rng(3)
    counted, ignored = [], []
    for _ in range(100):
        read = audits(rng, 700, model=0.08, people=0.06, lost_right=0.05, lost_wrong=0.5)
        counted.append(isinstance(begun(over=Over.AUTOMATED, grid=ALL).after(read).look()[1], NoWorse))
        kept = [audit for audit in read if not audit.lost]
        ignored.append(isinstance(begun(over=Over.AUTOMATED, grid=ALL).after(kept).look()[1], NoWorse))

    assert holds(Share.of(counted), DELTA)
    assert is_broken(Share.of(ignored), DELTA)


def test_of_a_lost_audit_people_are_never_wrong():
    """Whatever they said: without a truth nobody knows, and so it speaks for them."""
    beside = Beside(rest_wrong=False, people_wrong=True)
    lost = Audit(number=1, score=0.9, wrong=False, role=Role.CERTIFY, lost=True, beside=beside)

    for over, threshold in ((Over.AUTOMATED, 0.5), (Over.PLAN, 0.5), (Over.PLAN, 0.95)):
        assert pairs_of([lost]).differences(threshold, over).tolist() == [1.0]


def test_the_rest_of_the_plan_counts_where_the_plan_is_compared():
    read = audits(np.random.default_rng(4), 2_000, model=0.0, people=0.03, rest=0.2)
    half = (0.5,)

    assert isinstance(begun(over=Over.AUTOMATED, grid=half).after(read).look()[1], NoWorse)
    assert isinstance(begun(over=Over.PLAN, grid=half).after(read).look()[1], NotEnough)


def test_audits_are_read_once_and_in_order_and_what_is_lacking_is_said():
    read = audits(np.random.default_rng(5), 40, model=0.0, people=0.1)
    epoch = begun().after(read)
    with pytest.raises(ValueError, match="audits are read once, in intake order"):
        epoch.after(read[-1:])

    _, few = epoch.look(audits_per_day=10)
    assert isinstance(few, NotEnough)
    assert few.more_audits
    assert f"about {math.ceil(few.more_audits / 10)} days at 10 a day" in few.reason
    with pytest.raises(ValueError, match="cannot be tested"):
        begun(margin=1.0)


def test_what_is_shown_no_longer_is_not_shown_now():
    rng = np.random.default_rng(6)
    shown = begun(margin=0.05).after(audits(rng, 600, model=0.01, people=0.02))
    later = [replace(one, number=one.number + 1_000) for one in audits(rng, 200, model=0.5, rest=0.5, people=0.0)]
    fallen = shown.after(later)

    assert isinstance(shown.look()[1], NoWorse)
    assert shown.of_now() == shown.look()[1]
    assert isinstance(fallen.look()[1], NoWorse)
    assert fallen.of_now() is None


def test_before_anything_is_read_it_says_how_many_audits_are_wanted_at_least():
    _, verdict = begun(margin=0.03).look()

    assert isinstance(verdict, NotEnough)
    assert verdict.more_audits >= math.log(1 / DELTA) / math.log1p(0.03)


class Watches:
    """Many watches at once: the same arithmetic in columns, held against `PairedWatch` below."""

    def __init__(self, runs: int, *, margin: float, validity: int = 5_000):
        self.leanings = np.asarray(LEANINGS)[:, None]
        self.stakes = np.full((len(LEANINGS), runs), AT_ONCE / len(LEANINGS))
        self.margin, self.validity, self.audits = margin, validity, 0

    def read(self, differences: np.ndarray) -> np.ndarray:
        if self.audits < self.validity:
            self.stakes += (1 - AT_ONCE) / self.validity / len(LEANINGS)
        self.stakes *= 1 + self.leanings * (differences - self.margin) / (1 + self.margin)
        self.audits += 1
        return self.stakes.sum(axis=0) + (1 - AT_ONCE) * max(0.0, 1 - self.audits / self.validity)


def drawn(rng: np.random.Generator, runs: int, only_model: float, only_people: float) -> np.ndarray:
    chance = rng.random(runs)
    return (chance < only_model).astype(float) - (chance >= 1 - only_people)


def test_columns_are_the_watch_itself():
    rng = np.random.default_rng(6)
    watches, watch = Watches(1, margin=0.01), PairedWatch.begin(margin=0.01, delta=1e-9, validity=400)
    watches.validity = 400
    for _ in range(600):
        difference = drawn(rng, 1, 0.05, 0.03)
        watch = watch.after(int(difference[0]))
        assert watches.read(difference)[0] == pytest.approx(watch.capital)
    assert msgspec.json.decode(msgspec.json.encode(watch), type=PairedWatch) == watch
    assert watch.only_model + watch.only_people < watch.audits == 600


@pytest.mark.parametrize("margin", [0.0, 0.02])
def test_false_alarms_at_the_boundary_however_often_one_looks(margin):
    rng, watches = np.random.default_rng(7), Watches(1_000, margin=margin)
    alarmed, totals, signs = np.zeros(1_000, bool), np.zeros((2, 1_000), int), np.zeros(1_000, bool)
    for audit in range(10_000):
        found = drawn(rng, 1_000, 0.03 + margin, 0.03)
        alarmed |= watches.read(found) >= 1 / WATCHED
        totals += found > 0, found < 0
        if margin == 0 and audit % 250 == 249 and audit < 5_000:
            pairs = zip(*totals[:, :300].tolist(), strict=True)
            signs[:300] |= [sign_test(for_model=against, against=for_) <= WATCHED for against, for_ in pairs]

    assert holds(Share.of(alarmed), WATCHED)
    if margin == 0:
        assert is_broken(Share.of(signs[:300]), WATCHED)


@pytest.mark.parametrize("in_control", [0, 1_500])
@pytest.mark.parametrize(("rise", "place"), [(0.02, 1), (0.05, 2), (0.2, 0)])
def test_that_people_would_be_right_more_often_is_found_as_fast_late_as_early(rise, place, in_control):
    """Median at most twice the best delay of one bet, and 60 audits, where the model was as good as they before."""
    rng, watches = np.random.default_rng(8 + in_control), Watches(400, margin=0.0)
    for _ in range(in_control):
        watches.read(drawn(rng, 400, 0.02, 0.03))
    [best] = paired_delays(margin=0.0, delta=WATCHED, one_sided=0.03, audits_per_day=50, worse_by=(rise,))
    assert best.days == pytest.approx(best.audits / 50)
    if place:
        named = paired_delays(margin=0.0, delta=WATCHED, one_sided=0.03, audits_per_day=0)[place]
        assert (named.worse_by, named.audits, named.days) == (rise, best.audits, math.inf)

    found, median = np.zeros(400, bool), math.inf
    for audits_read in range(1, 4_000):
        found |= watches.read(drawn(rng, 400, 0.03 + rise, 0.03)) >= 1 / WATCHED
        if found.mean() >= 0.5:
            median = audits_read
            break
    print(f"{rise:.0%} worse after {in_control}: median {median}, best {best.audits:.0f}")
    assert median <= 2 * best.audits + 60


def test_once_alarmed_it_stays_so_and_before_it_asks_for_more_audits():
    def states() -> Iterator[PairedWatch]:
        watch = PairedWatch.begin(margin=0.0)
        while not watch.alarmed:
            watch = watch.after(1)
            yield watch

    found = list(states())
    assert found[-2].boost == 10
    assert found[0].boost == 1
    assert found[-1].after(-1).alarmed
    assert not found[0].expired
    assert asdict(found[-1])["only_model"] == len(found) < 20
    with pytest.raises(ValueError, match="cannot be watched"):
        PairedWatch.begin(margin=0.0, delta=0)
