"""The promises of `advance` over random plans, cases and lives."""

from itertools import permutations, product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import Life, a_case, a_plan, by_hand, models, people
from tests.properties.lives import WatchedLife
from tests.properties.strategies import KEYS, Happening, World, happenings, worlds

from adjudge.core.advance import Ask, Settle, advance
from adjudge.core.answers import Labels
from adjudge.core.controls import Controls
from adjudge.core.events import Asked, read_events, write_events
from adjudge.core.history import Case, History
from adjudge.core.plans import Provisional
from adjudge.core.replaying import replay

UNTIMED = settings(deadline=None)  # the machine may be busy
HAPPENINGS = st.lists(happenings(), min_size=8, max_size=30)


def live_and_end(world: World, events: list[Happening]) -> None:
    """Live one life, each step checked by `WatchedLife`, to one final outcome that its stored path replays to."""
    life = WatchedLife(world)
    for happening in events:
        life.live(happening)
    life.end()

    assert [outcome.kind for outcome in life.outcomes] in (["final"], ["provisional", "final"])
    stored = write_events(life.history.events)
    assert read_events(stored) == life.history.events
    replay(world.plan, world.case, read_events(stored))


@settings(max_examples=200, deadline=None)
@given(world=worlds(), events=HAPPENINGS)
def test_every_life_ends_by_its_deadline_in_one_final_outcome_that_replays(world, events):
    """Promises 2, 3 and 7, whatever comes in whatever order."""
    live_and_end(world, events)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=20_000, deadline=None)
@given(world=worlds(), events=HAPPENINGS)
def test_many_lives_end_by_their_deadlines_in_one_final_outcome_that_replays(world, events):
    live_and_end(world, events)


@UNTIMED
@given(world=worlds(), events=HAPPENINGS)
def test_a_history_of_anything_at_all_is_answered(world, events):
    """Total: even where nothing was asked before it was answered, and no step was ever recorded."""
    life = WatchedLife(world)
    told = [event for happening in events for event in life.meant(happening)[1]]

    step = advance(world.plan, History(world.case, tuple(told)), Controls(), life.now)

    assert step is not None


@UNTIMED
@given(
    rule=st.sampled_from(("agree", "majority", "bayes")),
    answers=st.tuples(*[st.sampled_from(("pay", "refuse", None))] * 3),
    confidences=st.tuples(*[st.floats(0, 1)] * 3),
    accept=st.sampled_from(("confidence >= 0.95", "confidence >= 0.5", "true")),
)
def test_the_order_of_simultaneous_opinions_does_not_matter(rule, answers, confidences, accept):
    stage = models("a@1", "b@1", "c@1", rule=rule, accept=by_hand(accept))
    steps = set()
    for order in permutations(zip(("a@1", "b@1", "c@1"), answers, confidences, strict=True)):
        life = Life(a_plan(stage, people()))
        life.then(*(life.opinion(*each) for each in order))
        steps.add(write_events(life.step.record))

    assert len(steps) == 1


@UNTIMED
@given(
    rule=st.sampled_from(("majority", "bayes")),
    answers=st.lists(st.sampled_from(("pay", "refuse", "ask")), min_size=5, max_size=5),
)
def test_the_order_of_votes_recorded_at_once_does_not_matter(rule, answers):
    names = ("anna", "ben", "cleo", "dan", "eva")
    steps = set()
    for order in list(permutations(zip(names, answers, strict=True)))[::7]:
        life = Life(a_plan(people(least=3, most=5, rule=rule)))
        life.then(*(life.vote(*each) for each in order))
        steps.add(write_events(life.step.record))

    assert len(steps) == 1


@UNTIMED
@given(
    rule=st.sampled_from(("agree", "majority")),
    least=st.integers(1, 3),
    more=st.integers(0, 2),
    answers=st.lists(st.sampled_from(("pay", "refuse", "ask")), min_size=2, max_size=4),
)
def test_a_vote_is_bought_where_it_could_lead_to_an_answer_or_is_among_the_least_and_else_not(
    rule, least, more, answers
):
    """Against all that the people still to come might say."""
    most = least + more
    space = Labels(("pay", "refuse", "ask"))

    def said(votes):
        life = Life(a_plan(people(least=least, most=most, rule=rule)), a_case(space=space))
        for number, answer in enumerate(votes[:most]):
            if not isinstance(life.step, Settle):  # what is said after it settles nothing again
                life.then(life.vote(f"person {number}", answer))
        return life.step

    def source(step):
        return step.outcome.source if isinstance(step, Settle) else None

    left = max(0, most - len(answers))
    step = said(answers)

    leads_to_one = any(source(said((*answers, *rest))) == "reviewer" for rest in product(space.labels, repeat=left))
    is_bought = isinstance(step, Ask)
    assert source(step) == "reviewer" or is_bought == (len(answers) < least or leads_to_one)


@UNTIMED
@given(confidence=st.floats(allow_nan=True, allow_infinity=True))
def test_a_confidence_that_is_no_probability_is_no_opinion(confidence):
    life = Life(a_plan())
    if 0 <= confidence <= 1:
        life.opinion("claim-risk@1", "pay", confidence)
        return

    with pytest.raises(ValueError, match="is not in"):
        life.opinion("claim-risk@1", "pay", confidence)


@UNTIMED
@given(
    share=st.floats(0, 1),
    rest=st.floats(0, 1),
    rule=st.sampled_from(("first", "agree", "majority", "bayes")),
)
def test_probabilities_that_do_not_add_up_are_never_accepted(share, rest, rule):
    """Promise 3: beyond 1e-3 the score is malformed, whatever the rule that would accept it."""
    life = Life(a_plan(models(rule=rule, accept=by_hand("true")), people()))

    life.then(life.opinion("claim-risk@1", "pay", share, distribution={"pay": share, "refuse": rest}))

    assert isinstance(life.step, Settle) == (abs(share + rest - 1) <= 1e-3)


@UNTIMED
@given(answer=st.text(), rule=st.sampled_from(("first", "agree", "majority", "bayes")))
def test_an_answer_outside_its_space_is_never_accepted(answer, rule):
    life = Life(a_plan(models(rule=rule, accept=by_hand("true")), people()))

    life.says(("claim-risk@1", answer, 1.0))

    assert isinstance(life.step, Settle) == (answer in ("pay", "refuse"))


@UNTIMED
@given(
    answer=st.sampled_from(("pay", "refuse", None)),
    stage=st.integers(0, 3),
    source=st.sampled_from(("model", "reviewer")),
)
def test_whoever_was_not_asked_changes_nothing(answer, stage, source):
    """Opinions of strangers, and of stages that are not asked."""
    plan = a_plan(
        models(accept=by_hand("true")), models("second@1", accept=by_hand("true")), fallback=(Provisional(None),)
    )
    quiet, loud = Life(plan), Life(plan)
    stranger = loud.opinion("stranger@9", answer, 1.0, stage=stage)
    if source == "reviewer":
        stranger = loud.vote("mallory", answer, stage=stage % 2)

    loud.then(stranger)
    quiet.then()

    assert loud.step == quiet.step
    assert loud.until() == quiet.until()
    assert loud.until() == quiet.until(), "the best answer so far"


@UNTIMED
@given(world=worlds())
def test_past_its_deadline_a_decision_settles_at_once(world):
    life = Life(world.plan, world.case)
    history = History(world.case, tuple(event for event in life.history.events if isinstance(event, Asked)))

    step = advance(world.plan, history, Controls(), world.case.deadline)

    assert isinstance(step, Settle)
    assert step.outcome.kind == "final"
    assert step.outcome.source == "fallback"


def test_a_case_survives_storage_over_every_space():
    for space, keys in KEYS.values():
        case = a_case(space=space, safe_side=keys[0])
        assert msgspec.json.decode(msgspec.json.encode(case), type=Case) == case


def test_of_a_case_only_what_is_not_as_by_default_is_stored():
    """It is written, sent and read with every decision."""
    case = a_case(stake=None, safe_side=None)

    assert set(msgspec.to_builtins(case)) == {"type", "location", "space", "deadline"}
    assert msgspec.json.decode(msgspec.json.encode(case), type=Case) == case
