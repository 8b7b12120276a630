"""A task as a line."""

from datetime import timedelta

from adjudge.cli.reviewing.wording import before, introduction, pages, prompt


def test_the_line_is_the_one_that_was_promised(a_task, noon):
    assert prompt(a_task(), noon) == (
        'claim.pay  amount 50.00  "fell off the shelf"  due in 9:41      [1] pay  [2] refuse  [s]kip  [u]ndo  [q]uit > '
    )


def test_figures_come_before_prose_however_evidence_is_stored(a_task, noon):
    task = a_task(evidence={"text": "fell off the shelf", "amount": "50.00"})

    assert prompt(task, noon).startswith('claim.pay  amount 50.00  "fell off the shelf"  due in')


def test_only_fields_to_be_shown_are_shown_in_their_order(a_task, noon):
    task = a_task(show=["text"], stake={"amount": "2.49", "currency": "USD"})

    assert prompt(task, noon).startswith('claim.pay  "fell off the shelf"  stake 2.49 USD  due in')


def test_more_than_an_hour_has_hours(a_task, noon):
    assert "due in 1:09:05  " in prompt(a_task(due_at=noon + timedelta(hours=1, minutes=9, seconds=5)), noon)
    assert "due in no time  " in prompt(a_task(due_at=noon - timedelta(seconds=5)), noon)


def test_evidence_cannot_move_the_cursor(a_task, noon):
    task = a_task(evidence={"text": "ok\x1b[2J\nrefuse"}, answers=["pay\x1b[8m", "no"])

    assert "\x1b" not in prompt(task, noon)
    assert "\n" not in prompt(task, noon)


def test_media_that_do_not_open_say_why(a_task):
    task = a_task(media=[{"url": None, "fault": "no evidence: there is no such file"}])

    assert before(task, 0) == ["  evidence: no evidence: there is no such file"]


def test_media_are_shown_by_their_addresses(a_task):
    task = a_task(media=[{"name": "front", "url": "https://cdn.example/a.jpg", "type": "image/jpeg"}])

    assert before(task, 0) == ["  front: https://cdn.example/a.jpg"]


def test_many_answers_are_shown_by_the_page(a_task, noon):
    task = a_task(answers=[f"product {number}" for number in range(1, 46)])

    assert pages(task) == 3
    assert before(task, 2) == [f"   {number} product {number}" for number in range(41, 46)]
    assert "number + Enter  [m]ore  [s]kip" in prompt(task, noon)


def test_other_answers_say_what_to_type(a_task, noon):
    assert "[1] yes  [2] no" in prompt(a_task(answers={"boolean": True}), noon)
    assert "0 to 12 + Enter" in prompt(a_task(answers={"integer": {"min": 0, "max": 12}}), noon)
    assert "JSON + Enter" in prompt(a_task(answers={"schema": {}}), noon)


def test_guidelines_come_before_the_first_task(a_task):
    assert introduction(a_task(title="Pay?", guidelines="Look\nwell.")) == ["Pay?", "Look", "well."]
