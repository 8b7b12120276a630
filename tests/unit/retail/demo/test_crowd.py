import pytest

from adjudge_retail.chance import seeded
from adjudge_retail.demo.cases import Site, case_of, folder_sources
from adjudge_retail.demo.crowd import Crowd
from adjudge_retail.demo.stores import TWELVE
from adjudge_retail.labelled import read_set

TURNS = [("t", "anna"), ("u", "ben"), ("t", "carla"), ("v", "dora")]


def a_case(folder, event="e-1"):
    (source,) = folder_sources(read_set(folder))
    return case_of(event, source, source.labelled.items[0], Site(TWELVE.stores[0]), seeded(1))


def test_real_answers_are_played_back_in_their_order(make_set):
    """i-0 was answered a, b, c, a, b."""
    case, crowd = a_case(make_set(answers=5)), Crowd(1, {})

    given = [crowd.answer(case, f"task-{number}", "anna").answer for number in range(5)]

    assert given == ["a", "b", "c", "a", "b"]


def test_a_task_that_comes_again_gets_the_same_answer(make_set):
    case, crowd = a_case(make_set(answers=5)), Crowd(1, {})

    given = [crowd.answer(case, task, person).answer for task, person in TURNS]

    assert given == ["a", "b", "a", "c"]


def test_each_decision_about_an_item_begins_with_its_first_answer(make_set):
    folder, crowd = make_set(answers=5), Crowd(1, {})

    assert [crowd.answer(a_case(folder, event), "t", "anna").answer for event in ("e-1", "e-2")] == ["a", "a"]


def test_simulated_answers_do_not_depend_on_who_comes_first(make_set):
    folder = make_set(deciders=["m@1"], sure=0.4)
    cases, people = [a_case(folder, f"e-{number}") for number in range(50)], ("anna", "ben")

    orders = [
        [(case, person) for case in cases for person in people],
        [(case, person) for person in people for case in cases],
    ]
    told = [
        {(case.event, person): Crowd(1, {"item.label": "m@1"}).answer(case, "t", person) for case, person in order}
        for order in orders
    ]

    assert told[0] == told[1]
    assert len({given.answer for given in told[0].values()}) > 1


def test_recorded_seconds_are_kept(make_set):
    folder = make_set()
    (folder / "answers.csv").write_text("item_id,reviewer,answer,seconds\ni-0,,b,3.5\n")

    assert Crowd(1, {}).answer(a_case(folder), "t", "anna").seconds == pytest.approx(3.5)
