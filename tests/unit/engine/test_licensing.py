"""From closed audits to a licence: fixed on calibrate-audits alone, lost ones wrong, computed again from the record."""

import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from tests.builders import SET_BY_HAND, a_case, a_plan, models, people
from tests.unit.automation.simulating import DELTA, Share, holds, is_broken
from tests.unit.engine.slices import COVERS, NOW, ROW

from adjudge.automation.against_people import NoWorse
from adjudge.automation.binomial import tail
from adjudge.automation.certifying import Licensed, Start, Unanimity
from adjudge.automation.paired import Paired, PairedWatch
from adjudge.automation.samples import Audit, Beside, Role
from adjudge.automation.watching import Watch
from adjudge.automation.weighed import Weighed
from adjudge.core import prefixes
from adjudge.core.audits import ModelSaid
from adjudge.core.calibration import Uncalibrated
from adjudge.core.money import Stake
from adjudge.core.plans import AgainstPeople, Certified
from adjudge.core.prefixes import Prefix
from adjudge.engine.certificates import designing, licensing
from adjudge.engine.certificates.licensing import Rarest
from adjudge.engine.certificates.records import Verified, body_of, id_of, verify
from adjudge.store.automation.audited import Counted, Evidence, Waiting
from adjudge.store.automation.watched import Automated

PLAN = replace(a_plan(models(accept=Certified(SET_BY_HAND)), people()), prefixes=("p0", "p1"))


def evidence(count: int, *, wrong: float = 0.0, lost: float = 0.0, seed: int = 1) -> list[Evidence]:
    """Audits of a model that said `pay`; every fifth calibrates."""
    chance = random.Random(seed)
    found = []
    for n in range(count):
        confidence = 0.7 + 0.3 * chance.random()
        truth = None if chance.random() < lost else "refuse" if chance.random() < wrong else "pay"
        said = ModelSaid("pay", confidence, {"pay": confidence, "refuse": 1 - confidence})
        role = "calibrate" if n % 5 == 0 else "certify"
        found.append(
            Evidence(
                decision_id=UUID(int=n),
                number=n,
                role=role,
                rate=1.0,
                truth=truth,
                said={"claim-risk@1": said},
                case=a_case(),
            )
        )
    return found


def looked_at(rows: list[Evidence], unanimity: Unanimity | None = None):
    """Return state and verdict once all have been read."""
    designed = designing.design(rows, Prefix(PLAN, 0), COVERS, 0.06)
    assert designed is not None
    calibration, epoch = designed
    judged = licensing.judged(rows, Prefix(PLAN, 0), calibration.calibrator)
    epoch, verdict = epoch.after([each.audit for each in judged]).look(unanimity=unanimity)
    state = licensing.State(
        calibrator=calibration.calibrator,
        calibration="calibrator#1",
        epoch=epoch,
        earlier=(),
        read_number=len(rows),
        watched_number=0,
    )
    return state, verdict, judged


def test_what_is_fixed_does_not_depend_on_a_certify_audit():
    rows = evidence(600, wrong=0.01)
    turned = [replace(row, truth="refuse") if row.role == "certify" else row for row in rows]

    first, _, _ = looked_at(rows)
    other, _, _ = looked_at(turned)

    assert (first.calibrator, first.epoch.grid, first.epoch.start) == (
        other.calibrator,
        other.epoch.grid,
        other.epoch.start,
    )


def test_lost_audits_are_wrong_at_the_score_that_they_reached():
    assert isinstance(looked_at(evidence(1000))[1], Licensed)
    assert not isinstance(looked_at(evidence(1000, lost=0.1))[1], Licensed)


def test_a_certificate_is_computed_again_from_its_record_and_a_changed_input_shows():
    state, verdict, judged = looked_at(evidence(1000, wrong=0.005))
    assert isinstance(verdict, Licensed)
    body = body_of(ROW, state, verdict, None, judged, seals={}, issued_at=NOW)
    certificate = id_of(body)

    assert verify(certificate, body) == Verified(
        hash_holds=True, licence_holds=True, threshold=verdict.threshold, audits=1000, lost=0
    )
    for each in body["inputs"][:300]:
        each["wrong"] = True
    spoilt = verify(certificate, body)
    assert (spoilt.hash_holds, spoilt.licence_holds) == (False, False)
    assert verify(id_of(body), body).hash_holds


def test_what_epochs_that_have_ended_were_certified_by_chooses_and_what_certifies_now_does_not():
    rows = evidence(600, wrong=0.01)
    early, late = (
        [
            replace(row, truth="refuse") if row.role == "certify" and (row.number <= 300) is before else row
            for row in rows
        ]
        for before in (True, False)
    )

    designed = [designing.design(each, Prefix(PLAN, 0), COVERS, 0.06, first_number=300) for each in (rows, early, late)]

    assert designed[0] == designed[2]
    assert designed[0] != designed[1]


def test_what_unanimity_may_be_wrong_by_lowers_the_target():
    rows = evidence(1000)

    assert isinstance(looked_at(rows, Unanimity(checked=2000, wrong=2))[1], Licensed)
    few = looked_at(rows, Unanimity(checked=20, wrong=0))[1]
    assert not isinstance(few, Licensed)
    assert "people who agree may still be wrong" in few.reason


def test_a_state_is_read_as_it_was_written():
    state, _, _ = looked_at(evidence(400))

    assert licensing.read_state(licensing.written(state)) == state


def test_nothing_is_fixed_before_there_are_audits_to_choose_by():
    assert not designing.may_design(Counted(calibrate=5, certify=20), COVERS, 0.06)
    assert designing.may_design(Counted(calibrate=100, certify=0), COVERS, 0.06)
    assert not designing.may_design(Counted(calibrate=60, certify=300), COVERS, 0.06)
    assert designing.may_design(Counted(calibrate=0, certify=800), COVERS, 0.06)
    assert designing.audits_to_design(Counted(calibrate=5, certify=20), COVERS, 0.06) > 50


def closed(*numbers):
    audits = [Audit(number=number, score=0.9, wrong=False, role=Role.CERTIFY) for number in numbers]
    return [licensing.Judged(f"d-{audit.number}", audit) for audit in audits]


def waiting(number, asked_at, role="certify"):
    return Waiting(decision_id=UUID(int=number), number=number, role=role, rate=1.0, asked_at=asked_at)


PATIENCE_ENDS = NOW
LONG_AGO, LATELY = NOW - timedelta(days=1), NOW + timedelta(days=1)


def test_an_open_audit_holds_up_those_behind_it_but_not_for_ever():
    """Losses are wrong ones ten times as often: leaving an open audit out would certify what must not be."""
    audits = [*closed(1), *closed(*range(3, 54))]

    young = licensing.readable(audits, [waiting(2, LATELY)], PATIENCE_ENDS)
    few = licensing.readable(audits[:-1], [waiting(2, LONG_AGO)], PATIENCE_ENDS)
    read, overdue = licensing.readable(audits, [waiting(2, LONG_AGO)], PATIENCE_ENDS)

    assert [each.audit.number for each in young[0]] == [each.audit.number for each in few[0]] == [1]
    assert [each.audit.number for each in read] == list(range(1, 54))
    assert [(each.audit.number, each.audit.wrong, each.audit.lost) for each in read if each.audit.lost] == [
        (2, True, True)
    ]
    assert [each.number for each in overdue] == [2]


def test_what_was_wrong_while_it_was_open_stays_so_on_record():
    """A certificate's inputs are what was read: a late answer does not change what it rests on."""
    _, overdue = licensing.readable(closed(*range(3, 54)), [waiting(2, LONG_AGO)], PATIENCE_ENDS)

    inputs = licensing.as_read(closed(2, 3), overdue)

    assert [(each.audit.number, each.audit.lost) for each in inputs] == [(2, True), (3, False)]


def scored_as(*scores: float) -> list[licensing.Judged]:
    found = [Audit(number=n, score=score, wrong=False, role=Role("certify")) for n, score in enumerate(scores)]
    return [licensing.Judged(f"d-{each.number}", each) for each in found]


def test_only_scores_of_the_stage_itself_can_drift():
    """What an earlier stage has answered, and what was not answered, are no scores."""
    then = licensing.drift_from(scored_as(0.9, prefixes.ANSWERED_BEFORE, 0.8, prefixes.NOT_ANSWERED))
    assert then is not None

    now = licensing.drifted(then, "scope", scored_as(prefixes.NOT_ANSWERED, 0.85, prefixes.ANSWERED_BEFORE))

    assert (sum(then.counts), now.scores) == (2, 1)
    assert licensing.drift_from(scored_as(prefixes.NOT_ANSWERED)) is None


def test_drift_is_found_again_from_the_record():
    """Ties are split by a hash of the decision, not by chance: a keeper that takes over comes to the same."""
    rng = random.Random(1)
    then = licensing.drift_from(scored_as(*(round(rng.random(), 1) for _ in range(400))))
    assert then is not None
    same, lower = (scored_as(*(round(share * rng.random(), 1) for _ in range(200))) for share in (1.0, 0.5))

    once, again = licensing.drifted(then, "s", lower), licensing.drifted(then, "s", lower)

    assert once == again
    assert once.has_drifted(licensing.DRIFT_DELTA)
    assert not licensing.drifted(then, "s", same).has_drifted(licensing.DRIFT_DELTA)


AGAINST = AgainstPeople(votes=3, over="plan")
BESIDE = msgspec.structs.replace(COVERS, people=AGAINST, target=0.0)


def compared(count: int, *, model: float = 0.0, people: float = 0.0, seed: int = 1) -> list[Evidence]:
    """Audits with three votes set apart, of which the majority is wrong so often; the rest of the plan is right."""
    chance = random.Random(seed)
    rows = []
    for row in evidence(count, wrong=model, seed=seed):
        other = "pay" if row.truth == "refuse" else "refuse"
        votes = (other, str(row.truth), other) if chance.random() < people else (str(row.truth),) * 3
        rows.append(replace(row, people=votes, answered=row.truth))
    return rows


def beside(row: Evidence) -> Beside | None:
    [found] = licensing.judged([row], Prefix(PLAN, 0), Uncalibrated(), AGAINST)
    return found.audit.beside


def test_people_are_wrong_where_their_majority_is_and_among_equals_who_spoke_first():
    [row] = compared(1)

    assert beside(row) == Beside(rest_wrong=False, people_wrong=False)
    assert beside(replace(row, people=("refuse", "pay", "refuse"))) == Beside(rest_wrong=False, people_wrong=True)
    assert beside(replace(row, people=("part", "pay", "refuse"))) == Beside(rest_wrong=False, people_wrong=True)
    assert beside(replace(row, people=("pay", "part", "refuse", "part"))) == Beside(
        rest_wrong=False, people_wrong=False
    )
    withdrawn = replace(row, answered=None)  # before anybody answered: speaks for neither side
    assert beside(withdrawn) == Beside(rest_wrong=False, people_wrong=False)
    assert beside(replace(withdrawn, people=("refuse",) * 3)) == Beside(rest_wrong=True, people_wrong=True)


def test_where_votes_of_people_stayed_out_they_are_taken_to_have_been_right():
    """Left out, the hard ones would be: it is on these that people decline."""
    [row] = compared(1)

    assert beside(replace(row, people=("refuse", "refuse"))) == Beside(rest_wrong=False, people_wrong=False)


def compared_at(rows: list[Evidence]):
    """Return state and verdict of a comparison once all have been read."""
    designed = designing.design(rows, Prefix(PLAN, 0), BESIDE, 0.06)
    assert designed is not None
    calibration, epoch = designed
    judged = licensing.judged(rows, Prefix(PLAN, 0), calibration.calibrator, AGAINST)
    epoch, verdict = epoch.after([each.audit for each in judged]).look()
    state = licensing.State[Paired, PairedWatch](
        calibrator=calibration.calibrator,
        calibration="calibrator#1",
        epoch=epoch,
        earlier=(),
        read_number=len(rows),
        watched_number=0,
        watch=PairedWatch.begin(margin=0.0),
    )
    return state, verdict, judged


def test_a_certificate_against_people_is_computed_again_from_its_record():
    state, verdict, judged = compared_at(compared(1500, model=0.01, people=0.1))
    assert isinstance(verdict, NoWorse)
    row = replace(ROW, covers=BESIDE)
    body = body_of(row, state, verdict, None, judged, seals={}, issued_at=NOW)
    certificate = id_of(body)

    assert verify(certificate, body) == Verified(
        hash_holds=True, licence_holds=True, threshold=verdict.threshold, audits=1500, lost=0
    )
    for each in body["inputs"]:
        each["people_wrong"] = False
    spoilt = verify(certificate, body)
    assert (spoilt.hash_holds, spoilt.licence_holds) == (False, False)
    assert licensing.read_state(licensing.written(state), AGAINST) == state


def test_what_is_fixed_of_a_comparison_does_not_depend_on_a_certify_audit():
    rows = compared(1500, model=0.01, people=0.1)
    turned = [replace(row, truth="refuse", people=("pay",) * 3) if row.role == "certify" else row for row in rows]

    first, other = compared_at(rows)[0], compared_at(turned)[0]

    assert (first.calibrator, first.epoch.grid, first.epoch.start) == (
        other.calibrator,
        other.epoch.grid,
        other.epoch.start,
    )


def test_nothing_is_compared_before_there_are_audits_to_choose_by():
    assert not designing.may_design(Counted(calibrate=199, certify=5000), BESIDE, 0.06)
    assert designing.may_design(Counted(calibrate=200, certify=0), BESIDE, 0.06)
    assert designing.audits_to_design(Counted(calibrate=150, certify=0), BESIDE, 0.06) == 250
    assert designing.design([], Prefix(PLAN, 0), BESIDE, 0.06) is None


def test_a_slice_that_is_audited_more_weighs_no_more_in_its_groups_evidence():
    """A group's risk is that of its decisions: unthinned, nine in ten of these audits would be of one slice in two."""
    rows = [replace(row, rate=0.05 if n % 10 == 0 else 0.45) for n, row in enumerate(evidence(5_000))]

    kept = licensing.thinned(rows, "scope", Rarest(0.05))

    by_rate = [sum(row.rate == rate for row in kept) for rate in (0.05, 0.45)]
    assert by_rate[0] == 500
    assert 420 < by_rate[1] < 580
    assert kept == licensing.thinned(rows, "scope", Rarest(0.05))
    assert licensing.thinned(rows, "scope", Rarest()) == rows


def test_unthinned_a_group_is_certified_by_those_of_its_slices_that_are_audited_most():
    """Half of its decisions are wrong in 1%, half in 9%: at the target of 5%. The first are audited nine times more.

    The wrong way beside it: all audits, as they were drawn.
    """
    chance = random.Random(7)
    as_thinned, as_drawn = [], []
    for _ in range(400):
        rows = [
            Automated(
                decision_id=UUID(int=chance.getrandbits(128)),
                rate=rate,
                number=n,
                truth="pay",
                answer="refuse" if chance.random() < risk else "pay",
                is_open=False,
                asked_at=NOW,
            )
            for rate, risk in ((0.45, 0.01), (0.05, 0.09))
            for n in range(round(1_200 * rate))
        ]
        as_thinned.append(is_shown(licensing.thinned(rows, "scope", Rarest(0.05))))
        as_drawn.append(is_shown(rows))

    assert holds(Share.of(as_thinned), DELTA)
    assert is_broken(Share.of(as_drawn), DELTA)


def is_shown(rows: list[Automated]) -> bool:
    return tail(sum(row.answer != row.truth for row in rows), len(rows), 0.05) <= DELTA


LIMIT = Stake(50_000, "USD")
OF_MONEY = replace(
    PLAN,
    stages=(replace(PLAN.stages[0], accept=Certified(SET_BY_HAND, money=LIMIT)), PLAN.stages[1]),
    rates={"USD": 1.0, "EUR": 1.1},
)
SCALE = licensing.Scale(up_to=LIMIT, rates=OF_MONEY.rates, largest=10_000.0)


def at_stake_of(row: Evidence, stake: Stake | None, rate: float = 0.05) -> Evidence:
    return replace(row, case=msgspec.structs.replace(row.case, stake=stake), rate=rate)


def test_an_audit_weighs_its_stake_over_its_probability_and_nothing_where_it_could_not_be_accepted():
    [row] = evidence(1)

    def weight(stake: Stake | None, rate: float = 0.05) -> tuple[float, float]:
        [found] = licensing.judged([at_stake_of(row, stake, rate)], Prefix(OF_MONEY, 0), Uncalibrated(), scale=SCALE)
        return found.audit.weight, found.audit.score

    assert weight(LIMIT)[0] == 1.0
    assert weight(Stake(5_000, "EUR"))[0] == pytest.approx(0.11)
    assert weight(Stake(50_000, "USD"), 0.5)[0] == pytest.approx(0.1)
    for beyond in (Stake(50_001, "USD"), Stake(100, "CHF"), None):
        assert weight(beyond) == (0.0, prefixes.NOT_ANSWERED), "over the limit, or nobody can tell: deferred"


def test_a_certificate_of_money_is_computed_again_from_its_record():
    rows = [at_stake_of(row, Stake(1_000 if row.number % 3 else 50_000, "USD")) for row in evidence(2_500, wrong=0.002)]
    designed = designing.design(rows, Prefix(OF_MONEY, 0), COVERS, 0.06, SCALE)
    assert designed is not None
    calibration, epoch = designed
    judged = licensing.judged(rows, Prefix(OF_MONEY, 0), calibration.calibrator, scale=SCALE)
    epoch, verdict = epoch.after([each.audit for each in judged]).look()
    assert isinstance(verdict, Licensed)
    state = licensing.State[Weighed, Watch](
        calibrator=calibration.calibrator,
        calibration="calibrator#1",
        epoch=epoch,
        earlier=(),
        read_number=len(rows),
        watched_number=0,
        watch=Watch.begin(target=0.05),
        largest=SCALE.largest,
    )
    row = replace(ROW, covers=msgspec.structs.replace(COVERS, money=LIMIT))
    body = body_of(row, state, verdict, None, judged, seals={}, issued_at=NOW)
    certificate = id_of(body)

    assert verify(certificate, body) == Verified(
        hash_holds=True, licence_holds=True, threshold=verdict.threshold, audits=2_500, lost=0
    )
    for each in body["inputs"]:
        each["wrong"] = each["wrong"] or each["weight"] == 1.0
    spoilt = verify(certificate, body)
    assert (spoilt.hash_holds, spoilt.licence_holds) == (False, False)
    assert licensing.read_state(licensing.written(state), None, LIMIT) == state


def test_a_group_is_not_certified_by_the_money_of_those_of_its_slices_that_are_audited_most():
    """Half of the money is wrong in 1%, half in 9%, at the target of 5%; the first is audited nine times more.

    The wrong way beside it: as if all had been drawn alike.
    """
    chance = random.Random(9)
    start = Start(threshold=0.5, why="calibrate-audits")
    weighed, alike = [], []
    for _ in range(200):
        risks = ((0.45, 0.01), (0.05, 0.09))
        rows = [(rate, chance.random() < risk) for rate, risk in risks for _ in range(int(900 * rate))]
        chance.shuffle(rows)
        for found, rated in ((weighed, True), (alike, False)):
            audits = [
                Audit(
                    number=n,
                    score=0.9,
                    wrong=wrong,
                    role=Role.CERTIFY,
                    weight=SCALE.weight(LIMIT, rate if rated else 0.05),
                )
                for n, (rate, wrong) in enumerate(rows)
            ]
            process = Weighed.begin(target=0.05, delta=DELTA, grid=(0.5,), start=start)
            found.append(isinstance(process.after(audits).look()[1], Licensed))

    assert holds(Share.of(weighed), DELTA)
    assert is_broken(Share.of(alike), DELTA)


def test_what_follows_a_budget_is_thinned_to_the_lowest_rate_of_its_moment():
    """While a budget has the rates up, a group's evidence is not held down to what was configured."""
    rows = [
        replace(row, rate=0.4 if n % 2 else 0.2, policy=2 if n < 5_000 else 3) for n, row in enumerate(evidence(10_000))
    ]

    kept = licensing.thinned(rows, "scope", Rarest(0.05, {row.number: 0.2 if row.policy == 2 else 0.1 for row in rows}))

    numbers = [
        sum(row.rate == rate and row.policy == policy for row in kept) for policy in (2, 3) for rate in (0.2, 0.4)
    ]
    assert numbers[0] == 2_500
    assert numbers[1:] == pytest.approx([1_250, 1_250, 625], rel=0.1)
    assert len(licensing.thinned(rows[:1_000], "scope", Rarest(0.05))) < 300, "under no budget: to the configured one"


def test_money_that_follows_a_budget_weighs_its_stake_whatever_the_rate_was():
    """The rate is one for all of a slice at each moment, and known before the coin: what weighs 1 moves with it."""
    scale = replace(SCALE, by_number={2: 0.004, 3: 0.4})

    assert [scale.weight(LIMIT, rate, number) for rate, number in ((0.004, 2), (0.4, 3), (0.05, 1))] == [1.0, 1.0, 1.0]
    assert scale.weight(Stake(5_000, "USD"), 0.4, 3) == pytest.approx(0.1)
    assert scale.weight(LIMIT, 0.8, 3) == pytest.approx(0.5), "of a slice that is audited twice as often"
    assert SCALE.weight(LIMIT, 0.4, 3) == pytest.approx(0.125), "without a budget what was configured counts"


def test_where_a_budget_lowers_the_rate_dear_mistakes_weigh_what_they_are():
    """At the boundary in money; only dear answers are wrong. Volume has pushed the rate to a tenth of what it was.

    The wrong way beside it: weighed by the rate as configured, where no audit can weigh more than all.
    """
    chance = random.Random(11)
    start = Start(threshold=0.5, why="calibrate-audits")
    cheap, moved = Stake(2_500, "USD"), replace(SCALE, by_number={2: 0.005})
    of_moment, as_configured = [], []
    for _ in range(200):
        dear = [chance.random() < 0.5 for _ in range(700)]
        wrong = [is_dear and chance.random() < 0.0525 for is_dear in dear]
        for found, scale in ((of_moment, moved), (as_configured, SCALE)):
            weights = [scale.weight(LIMIT if is_dear else cheap, 0.005, 2) for is_dear in dear]
            audits = [
                Audit(number=n, score=0.9, wrong=bad, role=Role.CERTIFY, weight=weight)
                for n, (bad, weight) in enumerate(zip(wrong, weights, strict=True))
            ]
            process = Weighed.begin(target=0.05, delta=DELTA, grid=(0.5,), start=start)
            found.append(isinstance(process.after(audits).look()[1], Licensed))

    assert holds(Share.of(of_moment), DELTA)
    assert is_broken(Share.of(as_configured), DELTA)
