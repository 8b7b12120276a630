"""A decline counts once, or says why it does not."""

from uuid import uuid4

import pytest
from tests.waiting import until


def kind_of(answer) -> str:
    return answer.json()["type"].rpartition("/")[2]


@pytest.fixture
async def anna(stack):
    return await stack.reviewer("anna")


@pytest.fixture
async def few(stack):
    """Anna and Ben, who are a whole pool."""
    people = [await stack.reviewer(name, "few") for name in ("anna", "ben")]
    yield people
    for person in (await stack.admin.get("/v1/reviewers")).json()["reviewers"]:
        if person["pools"] == ["few"]:
            await stack.admin("PUT", f"/v1/reviewers/{person['name']}", {"pools": ["agents"]})


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


async def test_when_all_of_a_pool_have_declined_the_decision_goes_on_at_once(stack, few):
    """It waited for its stage's ten minutes, although nobody could answer any more."""
    asked = (await stack.ask("few"))["id"]
    for person in few:
        assert (await stack.read(asked))["status"] == "open"
        [task] = await person.claim()
        await decline(person, task)

    outcome = (await stack.read(asked))["outcome"]

    assert (outcome["source"], outcome["answer"]) == ("fallback", "refuse")
    assert outcome["reason"] == "fallback: few: 0 of 1 vote, and nobody is left to ask"


async def test_a_colleague_who_is_bound_to_another_place_is_not_waited_for(stack, few):
    """The question could never be theirs, and waited for its stage's ten minutes all the same."""
    elsewhere = await stack.key("admin", locations=["store-002"], pools=["few"])
    added = await elsewhere.post("/v1/reviewers", {"name": f"cara-{uuid4()}", "pools": ["few"]})
    assert added.status_code == 201
    asked = (await stack.ask("few"))["id"]
    for person in few:
        assert (await stack.read(asked))["status"] == "open"
        [task] = await person.claim()
        await decline(person, task)

    outcome = (await stack.read(asked))["outcome"]

    assert outcome["reason"] == "fallback: few: 0 of 1 vote, and nobody is left to ask"


async def test_a_colleague_who_has_the_task_is_waited_for_and_is_the_last(stack, few):
    asked = (await stack.ask("few.two"))["id"]
    anna, ben = few
    [hers], [his] = await anna.claim(), await ben.claim()

    await decline(anna, hers)
    before = (await stack.read(asked))["status"]
    await ben.answer(his, "pay")

    outcome = (await stack.read(asked))["outcome"]
    assert before == "open"
    assert outcome["reason"] == "fallback: few: 1 of 2 votes, and nobody is left to ask"


async def test_a_colleague_who_had_the_task_and_went_away_is_the_last_when_the_lease_ends(stack, few):
    """Nobody could be given it any more, and it waited for its stage's ten minutes all the same."""
    asked = (await stack.ask("few.two"))["id"]
    anna, ben = few
    [hers], [his] = await anna.claim(), await ben.claim()
    await decline(anna, hers)

    await stack.rows("UPDATE review_task SET lease_until = clock_timestamp() WHERE id = $1", his["id"])

    outcome = (await stack.until(asked, "final"))["outcome"]
    assert outcome["reason"] == "fallback: few: 0 of 2 votes, and nobody is left to ask"


async def test_where_nobody_has_declined_a_lease_that_ends_leaves_time_for_more_people(stack, few):
    asked = (await stack.ask("few.two"))["id"]
    for person in few:
        await person.claim()
    await stack.rows("UPDATE review_task SET lease_until = clock_timestamp() WHERE decision_id = $1", asked)
    await until(
        lambda: stack.value("SELECT count(*) FROM review_task WHERE decision_id = $1 AND state = 'waiting'", asked),
        lambda found: found == 2,
    )

    late = await stack.reviewer("cara", "few")

    assert len(await late.claim()) == 1
    assert (await stack.read(asked))["status"] == "open"
    await stack.admin.post(f"/v1/decisions/{asked}/cancel")


async def test_what_was_given_back_unseen_may_come_again_so_somebody_is_left(stack, few):
    asked = (await stack.ask("few"))["id"]
    anna, ben = few
    [hers] = await anna.claim()
    await anna.post(f"/v1/reviews/{hers['id']}/release", {"token": hers["token"]})
    [his] = await ben.claim()

    await decline(ben, his)

    assert (await stack.read(asked))["status"] == "open"
    await stack.admin.post(f"/v1/decisions/{asked}/cancel")
