"""What is said of a slice: with numbers that are what they are called."""

from dataclasses import replace
from typing import Any

import msgspec
from tests.unit.engine import slices
from tests.unit.engine.slices import a_state

from adjudge.automation.betting import Epoch
from adjudge.automation.certifying import Unanimity
from adjudge.automation.watching import Watch, delays
from adjudge.engine.certificates import standings
from adjudge.engine.certificates.licensing import State
from adjudge.store.automation.audited import Counted

COVERS = msgspec.structs.replace(slices.COVERS, target=0.1, expert_share=0.2, rate=0.05)


def said(state: State[Epoch, Watch], unanimity: Unanimity | None = None, **lost: int) -> dict[str, Any]:
    epoch, verdict = state.epoch.look(unanimity=unanimity)
    return standings.standing(msgspec.structs.replace(state, epoch=epoch), verdict, unanimity, COVERS, 80.0, lost)


def test_what_will_never_be_certified_says_so():
    """Else "about 445 more audits" is waited for, for ever."""
    counts = Counted(calibrate=0, certify=0)
    undrawn = msgspec.structs.replace(COVERS, rate=0.0)

    reason = standings.collecting(counts, undrawn, 0.06, 0.0)["reason"]

    assert reason.endswith("before anything can be tested, and no coin draws any: give `audits` a `rate` above 0")
    assert "no coin" not in standings.collecting(counts, COVERS, 0.06, 0.0)["reason"]
    assert standings.never(COVERS) is None
    assert standings.never(msgspec.structs.replace(COVERS, is_audited=False)) == "nobody audits decisions here"
    of_people = standings.never(msgspec.structs.replace(COVERS, is_told=False))
    assert of_people is not None
    assert of_people.startswith("audits cannot show what this stage would answer")


def test_a_lowered_target_is_said_with_what_lowers_it():
    unanimity = Unanimity(checked=150, wrong=1)
    state = a_state(457, 30)

    reason = said(state, unanimity)["reason"]

    tested = state.epoch.tested(unanimity)[0]
    assert (
        f"; 10.00% are tested at {tested:.2%}, as up to {0.1 - tested:.2%} of unanimous answers may be wrong" in reason
    )
    assert "(experts found 1 of 150 so)" in reason
    assert "are tested at" not in said(state)["reason"]


def test_audits_that_are_wrong_because_people_differed_are_named():
    found = said(a_state(100, 60), split=40, declined=2)

    assert "60 of 100 audits were wrong" in found["reason"]
    assert (
        "counted as wrong for want of a truth: 2 as everybody declined, 40 as people differed and no `expert`"
        in (found["reason"])
    )


def test_what_is_shown_no_longer_says_how_many_may_be_wrong():
    """Else nobody understands why 8% wrong are too many for a target of 10%."""
    state = a_state(400, 33, expired="c-1 has expired: the audits show it no longer", held_until=456)
    once_shown = msgspec.structs.replace(state, epoch=replace(state.epoch, shown=(True,)))

    reason = said(once_shown)["reason"]

    assert "33 of 400 audits were wrong at 0.9 and above, so up to 1" in reason
    assert "% may be, and the target is 10.00%: another one wants about 56 more audits" in reason
    assert "may be" not in said(a_state(400, 4, expired="c-1 has expired: too few audits", held_until=456))["reason"]


def test_what_has_expired_says_so_and_what_another_certificate_waits_for():
    found = said(a_state(400, 4, expired="c-1 has expired: too few audits", held_until=456))

    assert found["state"] == "collecting"
    assert found["reason"].startswith("c-1 has expired: too few audits; 4 of 400 audits were wrong at 0.9 and above")
    assert found["reason"].endswith(": another one wants about 56 more audits, within a day")
    assert found["more_audits"] == 56


def test_a_rise_is_said_to_show_when_this_watch_finds_it():
    """Twice the fewest audits that any watch needs, which stand beside."""
    watch = Watch.begin(target=0.1)
    found = said(a_state(400, 4, certificate="c-1", coverage=0.5, certificates=("c-1",), watch=watch))

    detects = found["watch"]["detects"]

    best = delays(target=0.1, delta=watch.delta, audits_per_day=0)
    assert [each["at_least"] for each in detects] == [round(one.audits) for one in best]
    assert [each["audits"] for each in detects] == [watch.audits_until(each["times"]) for each in detects]
    assert [each["days"] for each in detects] == [each["audits"] / 40 for each in detects]


def test_an_alarm_after_good_days_says_that_it_is_the_latest_that_show_it():
    """Else "2% were wrong, the target is 10%" is given as why."""
    good = Watch.begin(target=0.1, delta=0.05, validity=1_000)
    for _ in range(400):
        good = good.after(False)
    late = good
    while not late.alarmed:
        late = late.after(True)
    at_once = Watch.begin(target=0.1, delta=0.05, validity=1_000)
    while not at_once.alarmed:
        at_once = at_once.after(True)

    assert f"{late.errors} of {late.read} audited automated decisions were wrong" in standings.alarm(late, COVERS)
    assert standings.alarm(late, COVERS).endswith(" of 20, by the latest of them")
    assert standings.alarm(at_once, COVERS).endswith(" of 20")


def test_an_alarm_says_how_many_count_as_wrong_for_want_of_a_truth():
    """Whoever looks for what is amiss with the model should know that nobody has answered."""
    watch = replace(Watch.begin(target=0.1), lost=20)

    assert "; 20 of all read have no truth, and count as wrong; evidence" in standings.alarm(watch, COVERS)
    assert "truth" not in standings.alarm(replace(watch, lost=0), COVERS)
