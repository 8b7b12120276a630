"""From closed audits to a licence: fixed on calibrate-audits alone, lost ones wrong, computed again from the record."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from tests.builders import SET_BY_HAND, a_case, a_plan, models, people

from adjudge.automation.certifying import Licence, Unanimity
from adjudge.core.audits import ModelSaid
from adjudge.core.plans import Certified
from adjudge.engine import licensing
from adjudge.store.audits import Counted, Evidence
from adjudge.store.epochs import Covers, EpochRow

PLAN = replace(a_plan(models(accept=Certified(SET_BY_HAND)), people()), prefixes=("p0", "p1"))
NOW = datetime(2026, 11, 28, tzinfo=UTC)
COVERS = Covers(
    type="claim.pay",
    slice="all",
    prefix="p0",
    plan="claims",
    stage=0,
    deciders=("claim-risk@1",),
    locations=("default",),
    target=0.05,
    confidence=0.9,
    watch=0.05,
    validity_seconds=86_400.0,
    is_audited=True,
    has_expert=True,
    expert_share=1.0,
    rate=1.0,
    budget=None,
    is_of_models=True,
)
ROW = EpochRow(
    scope="certificate:claim.pay:all:p0",
    number=1,
    covers=COVERS,
    first_number=0,
    began_at=NOW,
    design=None,
    standing=None,
    looked_at=None,
    renewal=None,
)


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
                decision_id=UUID(int=n), number=n, role=role, truth=truth, said={"claim-risk@1": said}, case=a_case()
            )
        )
    return found


def looked_at(rows: list[Evidence], unanimity: Unanimity | None = None):
    """Return state and verdict once all have been read."""
    calibrate = [row for row in rows if row.role == "calibrate"]
    designed = licensing.design(calibrate, PLAN, 0, {}, COVERS.target, 0.06)
    assert designed is not None
    calibration, epoch = designed
    judged = licensing.judged(rows, PLAN, 0, calibration.calibrator, {})
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
    assert isinstance(looked_at(evidence(1000))[1], Licence)
    assert not isinstance(looked_at(evidence(1000, lost=0.1))[1], Licence)


def test_a_certificate_is_computed_again_from_its_record_and_a_changed_input_shows():
    state, verdict, judged = looked_at(evidence(1000, wrong=0.005))
    assert isinstance(verdict, Licence)
    body = licensing.body_of(ROW, state, verdict, None, judged, delta=0.06, issued_at=NOW, valid_until=NOW)
    certificate = licensing.id_of(body)

    assert licensing.verify(certificate, body) == licensing.Verified(
        hash_holds=True, licence_holds=True, threshold=verdict.threshold, audits=1000, lost=0
    )
    for each in body["inputs"][:300]:
        each["wrong"] = True
    spoilt = licensing.verify(certificate, body)
    assert (spoilt.hash_holds, spoilt.licence_holds) == (False, False)
    assert licensing.verify(licensing.id_of(body), body).hash_holds


def test_what_unanimity_may_be_wrong_by_lowers_the_target():
    rows = evidence(1000)

    assert isinstance(looked_at(rows, Unanimity(checked=2000, wrong=2))[1], Licence)
    few = looked_at(rows, Unanimity(checked=20, wrong=0))[1]
    assert not isinstance(few, Licence)
    assert "people who agree may still be wrong" in few.reason


def test_a_state_is_read_as_it_was_written():
    state, _, _ = looked_at(evidence(400))

    assert licensing.read_state(licensing.written(state)) == state


def test_nothing_is_fixed_before_there_are_audits_to_choose_by():
    assert not licensing.may_design(Counted(calibrate=5, certify=20), 0.05, 0.06)
    assert licensing.may_design(Counted(calibrate=100, certify=0), 0.05, 0.06)
    assert not licensing.may_design(Counted(calibrate=60, certify=300), 0.05, 0.06)
    assert licensing.may_design(Counted(calibrate=0, certify=800), 0.05, 0.06)
    assert licensing.audits_to_design(Counted(calibrate=5, certify=20), 0.05, 0.06) > 50
