"""What follows for a certificate from what a look has shown."""

from datetime import timedelta

import msgspec
import pytest
from tests.unit.engine.slices import COVERS, NOW, START, a_state

from adjudge.automation.against_people import Over
from adjudge.automation.betting import Epoch
from adjudge.automation.drift import Drift
from adjudge.automation.paired import Paired
from adjudge.automation.samples import Audit, Beside, Role
from adjudge.automation.watching import Watch
from adjudge.core.calibration import Uncalibrated
from adjudge.core.licences import Licence
from adjudge.core.plans import AgainstPeople
from adjudge.engine.certificates import steps
from adjudge.engine.certificates.licensing import State
from adjudge.engine.certificates.steps import FRESH_AUDITS, WORTH, WORTH_BEFORE_OTHERS, Expire, Issue

ENOUGH = 400
"""Audits of which 20 are wrong: shown at a target of 10%."""


def a_licence(**more) -> Licence:
    licence = Licence(
        certificate="c-1",
        scope="certificate:claim.pay:all:p0",
        threshold=0.9,
        calibrator=Uncalibrated(),
        calibration="c#1",
        target=0.1,
        confidence=0.9,
        valid_until=NOW + timedelta(days=90),
    )
    return msgspec.structs.replace(licence, **more)


def a_watch(audits: int) -> Watch:
    watch = Watch.begin(target=0.1, delta=0.05, validity=10_000)
    for _ in range(audits):
        watch = watch.after(False)
    return watch


def drifted() -> Drift:
    """Scores that are no longer what they were."""
    drift = Drift.begin([0.95] * 100)
    for _ in range(50):
        drift = drift.after(0.2, 0.5)
    return drift


def read(audits: int, wrong: int, **more) -> State[Epoch, Watch]:
    """An epoch that has been looked at after so many audits."""
    state = a_state(audits, wrong, **more)
    return msgspec.structs.replace(state, epoch=state.epoch.look(unanimity=None)[0])


def next_step(state: State[Epoch, Watch], licence: Licence | None = None, **more):
    given = {"ends_with_drift": False, "is_renewal_asked": False, "is_followed": False, "now": NOW}
    return steps.next_step(state, licence, None, **(given | more))


def licensed(state: State[Epoch, Watch], coverage: float = 1.0) -> State[Epoch, Watch]:
    return msgspec.structs.replace(state, certificate="c-1", coverage=coverage, watch=a_watch(FRESH_AUDITS))


def test_what_is_shown_is_issued_and_what_is_not_is_not():
    assert isinstance(next_step(read(ENOUGH, 20)), Issue)
    assert next_step(read(ENOUGH, 40)) is None


def test_after_a_certificate_has_ended_another_one_waits_for_fresh_audits():
    state = steps.expired(licensed(read(ENOUGH, 20)), "c-1 has expired")

    assert (state.certificate, state.held_until) == (None, ENOUGH + FRESH_AUDITS)
    assert next_step(state) is None
    assert next_step(read(ENOUGH + FRESH_AUDITS, 20, held_until=state.held_until)) is not None


def test_one_in_force_stays_where_a_looser_one_is_not_worth_it():
    state, stricter = read(ENOUGH, 20), a_licence(threshold=0.95)

    assert next_step(licensed(state), stricter) is None
    assert next_step(licensed(state, 1 - WORTH), stricter) == Issue(
        shown=state.epoch.of_now(unanimity=None), begins_anew=False
    )
    assert next_step(licensed(state, 1 - WORTH), stricter, is_followed=True) is None
    assert next_step(licensed(state, 1 - WORTH_BEFORE_OTHERS), stricter, is_followed=True) is not None


@pytest.mark.parametrize("over", [{"now": NOW + timedelta(days=90)}, {"ends_with_drift": True}])
def test_at_its_end_it_is_renewed_only_where_it_is_shown_and_was_watched(over):
    drift = drifted()
    shown, gone = licensed(read(ENOUGH, 20, drift=drift)), licensed(read(ENOUGH, 40, drift=drift))
    unwatched = msgspec.structs.replace(shown, watch=a_watch(FRESH_AUDITS - 1))

    renewed, faded, unseen = (next_step(each, a_licence(), **over) for each in (shown, gone, unwatched))

    assert isinstance(renewed, Issue)
    assert renewed.begins_anew
    assert isinstance(faded, Expire)
    assert faded.why.endswith(": the audits show it no longer")
    assert isinstance(unseen, Expire)
    assert unseen.why.endswith(": too few audits")


def test_an_operator_renews_what_is_shown_at_once_and_nothing_else():
    asked = {"is_renewal_asked": True}

    assert isinstance(next_step(licensed(read(ENOUGH, 20)), a_licence(), **asked), Issue)
    assert next_step(licensed(read(ENOUGH, 40)), a_licence(), **asked) is None


def test_what_has_ended_comes_back_by_audits_drawn_since_and_not_because_somebody_asks():
    ended = steps.expired(licensed(read(ENOUGH, 20)), "c-1 has expired")
    adrift = licensed(read(ENOUGH, 20, drift=drifted()))
    unwatched = msgspec.structs.replace(adrift, watch=a_watch(FRESH_AUDITS - 1))

    assert next_step(ended, is_renewal_asked=True) is None
    assert isinstance(next_step(unwatched, a_licence(), is_renewal_asked=True, ends_with_drift=True), Expire)


COVERED = msgspec.structs.replace(COVERS, target=0.1)


@pytest.mark.parametrize(
    ("audits", "wrong", "more", "given_up"),
    [
        (400, 48, {}, True),  # above the target
        (400, 38, {}, True),  # so near it that thousands more are wanted
        (400, 28, {}, False),  # soon shown
        (100, 12, {}, False),  # fewer than were wanted to begin
        (400, 48, {"certificates": ("c-1",)}, False),  # it was licensed once: that is for watch and expiry to judge
    ],
)
def test_an_epoch_is_given_up_where_another_start_would_be_sooner(audits, wrong, more, given_up):
    assert steps.is_given_up(a_state(audits, wrong, **more), COVERED, 0.06) is given_up


@pytest.mark.parametrize(("audits", "given_up"), [(2_000, False), (4_000, True)])
def test_against_people_it_takes_longer_to_tell(audits, given_up):
    covers = msgspec.structs.replace(COVERS, people=AgainstPeople(votes=3, margin=0.0, over="automated"))
    paired = Paired.begin(margin=0.0, over=Over.AUTOMATED, delta=0.06, grid=(0.9,), start=START)
    read = [
        Audit(
            number=n,
            score=0.95,
            wrong=n % 20 == 0,
            role=Role.CERTIFY,
            beside=Beside(rest_wrong=False, people_wrong=n % 20 == 1),
        )
        for n in range(round(0.8 * audits))
    ]
    state = msgspec.structs.replace(a_state(), epoch=paired.after(read))

    assert steps.is_given_up(state, covers, 0.06) is given_up
