"""A decline counts once, or says why it does not."""

from uuid import uuid4

import pytest
from tests.waiting import until


def kind_of(answer) -> str:
    return answer.json()["type"].rpartition("/")[2]


@pytest.fixture
async def anna(stack):
    return await stack.reviewer("anna")


async def decline(person, task, **more):
    return await person.post(f"/v1/reviews/{task['id']}/decline", {"token": task["token"], **more})


async def test_a_lease_that_has_ended_cannot_be_given_back(stack, anna):
    asked = (await stack.ask("person"))["id"]
    [task] = await anna.claim()
    await anna.post(f"/v1/reviews/{task['id']}/release", {"token": task["token"]})

    answer = await decline(anna, task)

    assert (answer.status_code, kind_of(answer)) == (409, "lease-ended")
    assert [event["kind"] for event in await stack.path(asked)] == ["asked"]
    await stack.admin.post(f"/v1/decisions/{asked}/cancel")


async def test_a_task_of_a_settled_decision_cannot_be_given_back(stack, anna):
    asked = (await stack.ask("person"))["id"]
    [task] = await anna.claim()
    await stack.admin.post(f"/v1/decisions/{asked}/cancel")

    answer = await decline(anna, task)

    assert (answer.status_code, kind_of(answer)) == (409, "decision-settled")


async def test_a_task_whose_question_went_on_to_others_is_not_said_to_be_settled(stack, anna):
    """The decision is open: experts are asked now."""
    asked = (await stack.ask("nobody.escalate"))["id"]
    [task] = await anna.claim(wait=2)
    await until(
        lambda: stack.value("SELECT state FROM review_task WHERE id = $1", task["id"]), lambda found: found == "closed"
    )

    answers = [await decline(anna, task), await anna.answer(task, "pay")]

    assert (await stack.read(asked))["status"] == "open"
    assert [(answer.status_code, kind_of(answer)) for answer in answers] == [(409, "lease-ended")] * 2
    await stack.admin.post(f"/v1/decisions/{asked}/cancel")


async def test_a_decline_said_twice_counts_once(stack, anna):
    """Its first reply was lost."""
    asked = (await stack.ask("person"))["id"]
    [task] = await anna.claim()

    answers = [await decline(anna, task) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [event["kind"] for event in await stack.path(asked)] == ["asked", "declined"]
    await stack.admin.post(f"/v1/decisions/{asked}/cancel")


async def test_a_token_that_never_was_declines_nothing(stack, anna):
    asked = (await stack.ask("person"))["id"]
    [task] = await anna.claim()

    answer = await decline(anna, {**task, "token": str(uuid4())})

    assert (answer.status_code, kind_of(answer)) == (404, "unknown-task")
    await stack.admin.post(f"/v1/decisions/{asked}/cancel")
