"""What keys and lines mean."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adjudge.cli.reviewing.entering import Answered, Skipped, Typing, Wrong, entered, pressed

MANY = [f"product {number}" for number in range(1, 41)]


def test_one_key_is_an_answer(a_task):
    assert pressed(a_task(), "", "2") == Answered("refuse")


@pytest.mark.parametrize(("key", "meaning"), [("s", Skipped("unsure")), ("u", "undo"), ("q", "quit"), ("\x04", "quit")])
def test_each_key_means_its_command(a_task, key, meaning):
    assert pressed(a_task(), "", key) == meaning


def test_another_key_is_no_answer(a_task):
    assert pressed(a_task(), "", "x") == Typing("")
    assert isinstance(pressed(a_task(), "", "3"), Wrong)


def test_of_many_answers_one_is_chosen_by_number_and_enter(a_task):
    task = a_task(answers=MANY)

    assert pressed(task, "", "1") == Typing("1")
    assert pressed(task, "1", "2") == Typing("12")
    assert pressed(task, "12", "\x7f") == Typing("1")
    assert pressed(task, "12", "\r") == Answered("product 12")
    assert isinstance(pressed(task, "41", "\r"), Wrong)


def test_a_whole_line_may_name_the_answer(a_task):
    assert entered(a_task(), " refuse\n") == Answered("refuse")
    assert entered(a_task(), "2") == Answered("refuse")
    assert isinstance(entered(a_task(), "perhaps"), Wrong)


def test_a_skip_of_what_could_not_be_seen_says_so(a_task):
    unseen = a_task(media=[{"name": "shelf", "url": None, "fault": "no evidence: there is no such file"}])

    assert pressed(unseen, "", "s") == entered(unseen, "s") == Skipped("no_evidence")


def test_a_skip_may_say_why(a_task):
    assert entered(a_task(), "s conflict it is my own claim") == Skipped("conflict", "it is my own claim")
    assert isinstance(entered(a_task(), "s because"), Wrong)


def test_true_and_false_are_yes_and_no(a_task):
    task = a_task(answers={"boolean": True})

    assert pressed(task, "", "1") == Answered(True)
    assert pressed(task, "", "2") == Answered(False)
    assert entered(task, "no") == Answered(False)


@pytest.mark.parametrize("line", ["13", "-1", "1.5", "true", "many"])
def test_a_number_keeps_its_bounds(a_task, line):
    task = a_task(answers={"integer": {"min": 0, "max": 12}})

    assert entered(task, "12") == Answered(12)
    assert isinstance(entered(task, line), Wrong)


def test_a_structured_answer_is_typed_as_json(a_task):
    task = a_task(answers={"schema": {"type": "object"}})

    assert entered(task, '{"x": 1}') == Answered({"x": 1})
    assert entered(task, "{x") == Wrong("not JSON; a text stands in double quotes")


def test_a_structured_answer_that_does_not_fit_its_schema_is_told_before_it_is_sent(a_task):
    task = a_task(answers={"schema": {"type": "object", "required": ["x", "y"]}})

    assert entered(task, '{"x": 1}') == Wrong('"y" is a required property')


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.text(max_size=30))
def test_no_keys_ever_give_an_answer_outside_the_space(a_task, keys):
    task, buffer = a_task(answers=MANY), ""
    for key in keys:
        match pressed(task, buffer, key):
            case Typing(buffer):
                pass
            case Answered(answer):
                assert answer in MANY
            case _:
                buffer = ""
