"""Votes that come after the fallback has answered: labels, and an amendment where the type says so."""

import asyncio

from tests.servers.review.test_claims import kind_of


async def settled_without_them(stack, kind="nobody.amends"):
    """Ask, let two people take it and say nothing in time; return the settled decision and their tasks."""
    people = [await stack.reviewer(name) for name in ("anna", "bob")]  # first: they have a moment from here on
    asked = await stack.ask(kind)
    tasks = [(await person.claim(wait=2))[0] for person in people]
    settled = await stack.read(asked["id"], wait=5)
    assert settled["outcome"]["source"] == "fallback"
    return settled, list(zip(people, tasks, strict=True))


async def test_votes_that_would_have_prevented_a_fallback_amend_it(stack):
    settled, [(anna, first), (bob, second)] = await settled_without_them(stack)

    one = await anna.answer(first, "pay")
    after_one = await stack.read(settled["id"])
    two = await bob.answer(second, "pay")
    amended = await stack.read(settled["id"])

    assert [(answer.status_code, kind_of(answer)) for answer in (one, two)] == [(409, "decision-settled")] * 2
    assert [answer.json()["amended"] for answer in (one, two)] == [False, True]
    assert after_one == settled
    outcome = amended["outcome"]
    assert (amended["status"], outcome["version"], outcome["answer"]) == ("amended", 2, "pay")
    assert (outcome["source"], outcome["reason"]) == ("reviewer", "said late: 2 of 2 agree")
    path = (await stack.admin.get(f"/v1/decisions/{settled['id']}/path")).json()
    assert [event["kind"] for event in path["events"]][-3:] == ["opinion", "opinion", "settled"]
    assert path["outcomes"][1]["votes"] == 2


async def test_late_votes_that_agree_with_the_fallback_or_not_with_each_other_amend_nothing(stack):
    for said in (("refuse", "refuse"), ("pay", "refuse")):
        settled, tasks = await settled_without_them(stack)

        answers = [await person.answer(task, value) for (person, task), value in zip(tasks, said, strict=True)]

        assert [answer.json()["amended"] for answer in answers] == [False, False]
        assert await stack.read(settled["id"]) == settled


async def test_a_late_answer_that_contradicts_the_first_is_not_said_to_be_kept(stack):
    settled, [(anna, task), _] = await settled_without_them(stack)
    first = await anna.answer(task, "pay")

    again, other = await anna.answer(task, "pay"), await anna.answer(task, "refuse")

    assert [(kind_of(answer), answer.json().get("recorded")) for answer in (first, again, other)] == [
        ("decision-settled", "label"),
        ("decision-settled", "label"),
        ("already-voted", None),
    ]
    assert await stack.value("SELECT answer FROM label WHERE decision_id = $1", settled["id"]) == "pay"


async def test_late_votes_at_once_amend_once(stack):
    settled, tasks = await settled_without_them(stack)

    answers = await asyncio.gather(*(person.answer(task, "pay") for person, task in tasks))

    assert {answer.status_code for answer in answers} == {409}
    assert any(answer.json()["amended"] for answer in answers)
    versions = await stack.rows(
        "SELECT version, kind FROM outcome WHERE decision_id = $1 ORDER BY version", settled["id"]
    )
    assert [tuple(row) for row in versions] == [(1, "final"), (2, "amended")]


async def test_late_votes_do_not_overrule_late_truth(stack):
    settled, tasks = await settled_without_them(stack)
    await stack.admin.post(f"/v1/decisions/{settled['id']}/truth", {"answer": "pay", "source": "appeal", "ref": "a"})
    await stack.admin.post(f"/v1/decisions/{settled['id']}/truth", {"answer": "refuse", "source": "court", "ref": "c"})

    answers = [await person.answer(task, "pay") for person, task in tasks]

    assert [answer.json()["amended"] for answer in answers] == [False, False]
    assert (await stack.read(settled["id"]))["outcome"]["reason"] == "court says so (c)"


async def test_late_votes_do_not_overrule_who_was_asked_after_them(stack):
    """The model settled what people had let pass: that answer is somebody's."""
    asked = await stack.ask("people.first")
    anna = await stack.reviewer("anna")
    [task] = await anna.claim(wait=2)
    settled = await stack.read(asked["id"], wait=5)

    late = await anna.answer(task, "refuse")

    assert (settled["outcome"]["source"], settled["outcome"]["answer"]) == ("model", "pay")
    assert (kind_of(late), late.json()["amended"]) == ("decision-settled", False)
    assert await stack.read(asked["id"]) == settled
