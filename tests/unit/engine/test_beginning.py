"""Questions taken in at one moment that are alike begin alike: `advance` and its record are had once."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from tests.builders import NOON, a_case, a_plan, models, people
from tests.properties.strategies import World, worlds

from adjudge.core.controls import Controls
from adjudge.core.events import read_events
from adjudge.engine.clocks import TurnClock
from adjudge.engine.intake.beginning import Beginnings, begin

PLAN = a_plan(models(timeout=10), people())
CONTROLS = Controls()


@given(world=worlds(), other=worlds())
def test_what_differs_between_questions_of_a_place_does_not_change_how_they_begin(world: World, other: World):
    """What is remembered by plan, deadline and room alone holds for every question."""
    case = world.case
    changed = a_case(space=other.case.space, stake=other.case.stake, safe_side=other.case.safe_side)
    alike = type(case)(
        type=case.type,
        location=case.location,
        deadline=case.deadline,
        groups=case.groups,
        slice=case.slice,
        shed=case.shed,
        space=changed.space,
        stake=changed.stake,
        safe_side=changed.safe_side,
        attributes=other.case.attributes,
        facts={"heavy": True},
        late=not case.late,
    )

    first, second = (begin(world.plan, each, CONTROLS, NOON, deadline_shown=True) for each in (case, alike))

    assert first.ask == second.ask
    assert written(first) == written(second)


def test_questions_of_one_moment_begin_together():
    beginnings = Beginnings()

    first, second = (beginnings.of(PLAN, a_case(), CONTROLS, NOON, deadline_shown=True) for _ in range(2))

    assert first is second
    assert first.ask is not None
    assert first.ask.deciders == ("claim-risk@1",)
    assert read_events(first.row.history) == first.ask.record


def test_each_deadline_has_its_own_beginning():
    """The stage's time ends with it at the latest, and only a deadline that somebody named is shown."""
    beginnings = Beginnings()

    soon = beginnings.of(PLAN, a_case(due_in=5), CONTROLS, NOON, deadline_shown=True)
    late = beginnings.of(PLAN, a_case(due_in=3600), CONTROLS, NOON, deadline_shown=True)
    hidden = beginnings.of(PLAN, a_case(due_in=5), CONTROLS, NOON, deadline_shown=False)

    assert soon.row.stage_until == soon.row.deadline == NOON + timedelta(seconds=5)
    assert late.row.stage_until == NOON + timedelta(seconds=10)
    assert not hidden.row.deadline_shown


def test_a_decider_that_is_switched_off_is_asked_by_no_question_of_the_same_moment():
    beginnings = Beginnings()
    before = beginnings.of(PLAN, a_case(), CONTROLS, NOON, deadline_shown=True)

    off = Controls(switched_off=frozenset({"claim-risk@1"}))
    after = beginnings.of(PLAN, a_case(), off, NOON, deadline_shown=True)

    assert before.row.stage == 0
    assert (after.ask, after.row.stage, after.row.history) == (None, -1, "[]")


def test_a_question_without_room_does_not_begin_like_those_with_some():
    beginnings = Beginnings()
    asked = beginnings.of(PLAN, a_case(), CONTROLS, NOON, deadline_shown=True)

    shed = beginnings.of(PLAN, a_case(shed=True), CONTROLS, NOON, deadline_shown=True)

    assert asked.ask is not None
    assert shed.ask is None


def test_each_plan_has_its_own_beginning():
    """Routes of one place ask different deciders."""
    beginnings = Beginnings()
    cheap, dear = (replace(a_plan(models(name)), hash=name) for name in ("cheap@1", "dear@1"))

    asked = [beginnings.of(plan, a_case(), CONTROLS, NOON, deadline_shown=True).ask for plan in (cheap, dear)]

    assert [ask and ask.deciders for ask in asked] == [("cheap@1",), ("dear@1",)]


def test_a_later_moment_begins_anew():
    beginnings = Beginnings()
    beginnings.of(PLAN, a_case(), CONTROLS, NOON, deadline_shown=True)

    later = beginnings.of(PLAN, a_case(), CONTROLS, NOON + timedelta(seconds=1), deadline_shown=True)

    assert later.ask is not None
    assert later.ask.until == NOON + timedelta(seconds=11)


async def test_a_turn_of_the_loop_has_one_instant_and_the_next_one_another():
    instants = iter(NOON + timedelta(milliseconds=n) for n in range(10))
    moment = TurnClock(lambda: next(instants))

    assert moment() is moment()
    before = moment()
    await asyncio.sleep(0)

    assert moment() > before


def written(begun):
    row = begun.row
    return row.deadline, row.deadline_shown, row.stage, row.waiting_for, row.stage_until, row.history
