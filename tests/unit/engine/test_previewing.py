"""A recorded decision put through another plan, on what was said then."""

from tests.builders import Life, a_case, a_plan, by_hand, models, people

from adjudge.core.controls import Controls
from adjudge.core.plans import Answer
from adjudge.engine.configuration.previewing import relive

NONE = Controls()


def lived(*, confidence: float = 0.6, vote: str | None = "refuse") -> Life:
    """A model unsure, then a person."""
    life = Life(a_plan(models(), people()))
    life.says(("claim-risk@1", "pay", confidence))
    if vote is not None:
        life.votes(anna=vote)
    return life


def test_the_same_plan_ends_as_it_did():
    life = lived()

    found = relive(life.plan, a_case(), life.history.events, NONE)

    assert (found.end, found.answer) == ("people", "refuse")


def test_a_lower_threshold_accepts_what_the_model_said_then():
    life = lived()

    found = relive(a_plan(models(accept=by_hand("confidence >= 0.5")), people()), a_case(), life.history.events, NONE)

    assert (found.end, found.answer) == ("accepted", "pay")


def test_whom_nobody_asked_is_not_made_to_answer():
    life = lived()

    other = relive(a_plan(models("other@1"), people()), a_case(), life.history.events, NONE)
    experts = relive(a_plan(models(), people("experts")), a_case(), life.history.events, NONE)

    assert (other.end, other.who) == ("unknown", "other@1")
    assert (experts.end, experts.who) == ("unknown", "experts")


def test_a_vote_more_than_was_given_is_unknown():
    life = lived()

    found = relive(a_plan(models(), people(least=2, most=3, rule="majority")), a_case(), life.history.events, NONE)

    assert (found.end, found.who) == ("unknown", "agents")


def test_people_who_did_not_answer_in_time_do_not_answer_now():
    life = Life(a_plan(models(), people(timeout=5), fallback=(Answer("refuse"),)))
    life.says(("claim-risk@1", "pay", 0.6))
    life.until()

    found = relive(life.plan, a_case(), life.history.events, NONE)

    assert (found.end, found.answer) == ("fallback", "refuse")
