"""A decline counts once, or says why it does not."""

from uuid import uuid4

import pytest


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
