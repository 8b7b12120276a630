"""Answers of people: votes while they may be, labels when they come too late, never both, never lost."""

import asyncio
import time

import pytest
from tests.configured import question
from tests.servers.review.test_claims import kind_of, until_waiting

SPACES = {
    "person": ("pay", ["maybe", 1, None, True, "pay\0"]),
    "pick": ("other", ["sku-9", "PAY", ["other"]]),
    "count": (12, [13, -1, 1.5, "12", True, None]),
    "form": ({"ok": True}, [{}, {"ok": "yes"}, [], "x", {"ok": True, "note": "\0"}]),
}


@pytest.mark.parametrize("kind", SPACES)
async def test_an_answer_outside_its_space_is_refused_and_the_lease_stays(stack, kind):
    anna = await stack.reviewer("anna")
    inside, outside = SPACES[kind]
    more = {"candidates": ["sku-1", "sku-2"]} if kind == "pick" else {}
    asked = (await stack.admin.post("/v1/decisions", {**question(kind), **more})).json()
    [task] = await anna.claim(wait=5)

    refused = [await anna.answer(task, value) for value in outside]
    accepted = await anna.answer(task, inside)

    assert [(answer.status_code, kind_of(answer)) for answer in refused] == [(422, "answer-outside-space")] * len(
        outside
    )
    assert accepted.json() == {"recorded": "vote", "decision_status": "final"}
    assert (await stack.read(asked["id"]))["outcome"]["answer"] == inside


async def test_a_structured_answer_is_refused_with_a_pointer_to_what_does_not_fit(stack):
    anna = await stack.reviewer("anna")
    asked = await stack.ask("form")
    [task] = await anna.claim(wait=5)

    votes = [await anna.answer(task, value) for value in ({"ok": "yes"}, {}, [])]
    truth = await stack.admin.post(f"/v1/decisions/{asked['id']}/truth", {"answer": {"ok": 1}, "source": "appeal"})

    assert [answer.json()["errors"][0]["pointer"] for answer in (*votes, truth)] == [
        "#/answer/ok",
        "#/answer/ok",
        "#/answer",
        "#/answer/ok",
    ]


async def test_an_answer_after_the_lease_is_a_label_and_changes_nothing(stack):
    anna, bob = await stack.reviewer("anna", "brief"), await stack.reviewer("bob", "brief")
    asked = await stack.ask("brief")
    [task] = await anna.claim()
    await until_waiting(stack, task["id"])

    late = await anna.answer(task, "pay")
    await bob.vote("refuse")

    assert (late.status_code, kind_of(late), late.json()["recorded"]) == (409, "lease-ended", "label")
    assert await stack.rows("SELECT answer, source FROM label WHERE decision_id = $1", asked["id"]) == [
        ("pay", "late-vote")
    ]
    outcome = (await stack.read(asked["id"]))["outcome"]
    assert (outcome["answer"], outcome["source"]) == ("refuse", "reviewer")


async def test_an_answer_after_settlement_is_a_label_and_the_outcome_stands(stack):
    """Part 12: a late vote still counts as label."""
    anna = await stack.reviewer("anna")
    asked = await stack.ask("nobody.answer")
    [task] = await anna.claim(wait=2)
    settled = await stack.read(asked["id"], wait=5)

    late = await anna.answer(task, "pay")

    assert settled["outcome"]["source"] == "fallback"
    assert (late.status_code, kind_of(late), late.json()["recorded"]) == (409, "decision-settled", "label")
    assert await stack.value("SELECT answer FROM label WHERE decision_id = $1", asked["id"]) == "pay"
    assert await stack.read(asked["id"]) == settled


async def test_an_answer_sent_again_is_harmless_and_another_one_is_not_taken(stack):
    anna = await stack.reviewer("anna")
    asked = await stack.ask("majority")
    [task] = await anna.claim()

    answers = [await anna.answer(task, value) for value in ("pay", "pay", "refuse")]

    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert kind_of(answers[2]) == "already-voted"
    assert await stack.value("SELECT count(*) FROM vote WHERE decision_id = $1", asked["id"]) == 1
    await stack.admin.post(f"/v1/decisions/{asked['id']}/cancel")


async def test_two_votes_at_once_settle_every_decision(stack):
    """Without the lock on the work row each would see its own vote only, and nobody would settle."""
    people = [await stack.reviewer(name) for name in ("anna", "bob")]
    asked = [(await stack.ask("together", n=n))["id"] for n in range(100)]
    tasks = []
    for person in people:
        while claimed := await person.claim(3):
            tasks += [(person, task) for task in claimed]
    pairs = sorted(tasks, key=lambda pair: pair[1]["evidence"]["n"])

    answers = []
    for start in range(0, len(pairs), 20):
        some = pairs[start : start + 20]
        answers += await asyncio.gather(*(person.answer(task, "pay") for person, task in some))
    await stack.settled(asked)

    assert len(pairs) == 200
    assert {answer.status_code for answer in answers} == {200}
    assert await stack.value("SELECT count(*) FROM vote WHERE decision_id = ANY($1::uuid[])", asked) == 200


async def test_two_hundred_votes_at_once_wait_for_eight_connections_and_all_count(stack):
    """A wait for a connection is bounded in time; none of these needs the time."""
    anna = await stack.reviewer("anna")
    asked = [(await stack.ask("person", n=n))["id"] for n in range(200)]
    tasks = []
    while claimed := await anna.claim(3):
        tasks += claimed

    started = time.monotonic()
    answers = await asyncio.gather(*(anna.answer(task, "pay") for task in tasks))
    print(f"200 votes in {time.monotonic() - started:.2f} s")

    assert [answer.status_code for answer in answers] == [200] * 200
    assert await stack.value("SELECT count(*) FROM vote WHERE decision_id = ANY($1::uuid[])", asked) == 200


async def test_seconds_at_work_are_measured_and_never_longer_than_the_lease_lasted(stack):
    anna = await stack.reviewer("anna")
    asked = [(await stack.ask("person", n=n))["id"] for n in range(2)]
    spent = []
    for claimed in (None, 5_000):
        started = time.monotonic()
        [task] = await anna.claim()
        await anna.answer(task, "pay", **({"seconds": claimed} if claimed else {}))
        spent.append(time.monotonic() - started)

    recorded = [await stack.value("SELECT seconds FROM vote WHERE decision_id = $1", decision) for decision in asked]
    assert all(0 <= seconds <= most + 0.05 for seconds, most in zip(recorded, spent, strict=True))
    opinion = (await stack.path(asked[0]))[1]
    assert opinion["pool"] == "agents"
    assert opinion.get("cost", "0.00 USD").endswith("USD")


async def test_a_majority_of_three_is_two_votes_or_a_third_that_breaks_the_tie(stack):
    anna, bob, carl = [await stack.reviewer(name) for name in ("anna", "bob", "carl")]
    quick = await stack.ask("majority")
    for person in (anna, bob):
        await person.vote("pay")
    tied = await stack.ask("majority")
    await anna.vote("pay")
    await bob.vote("refuse")
    assert (await stack.read(tied["id"]))["waiting_for"]["votes"] == 2
    await carl.vote("refuse")

    first, second = await stack.read(quick["id"]), await stack.read(tied["id"])
    assert (first["outcome"]["answer"], first["outcome"]["reason"]) == ("pay", "2 of 2 agree")
    assert (second["outcome"]["answer"], second["outcome"]["reason"]) == ("refuse", "2 of 3 agree")
    assert await stack.value("SELECT votes FROM outcome WHERE decision_id = $1", tied["id"]) == 3


async def test_people_who_cannot_agree_leave_it_to_the_fallback(stack):
    anna, bob = [await stack.reviewer(name) for name in ("anna", "bob")]
    asked = await stack.ask("tie")
    await anna.vote("pay")
    await bob.vote("refuse")

    outcome = (await stack.read(asked["id"], wait=5))["outcome"]

    assert (outcome["source"], outcome["answer"]) == ("fallback", "refuse")
    assert "none agreed on" in outcome["reason"]


async def test_seats_that_are_not_needed_close_when_two_together_agree(stack):
    anna, bob, carl = [await stack.reviewer(name) for name in ("anna", "bob", "carl")]
    asked = await stack.ask("together")
    [first], [second] = await anna.claim(), await bob.claim()
    assert await carl.claim() == []
    for person, task in ((anna, first), (bob, second)):
        assert (await person.answer(task, "refuse")).status_code == 200

    assert (await stack.read(asked["id"]))["outcome"]["answer"] == "refuse"
    assert await carl.claim() == []


async def test_a_declined_task_goes_to_somebody_else_and_is_no_vote(stack):
    anna, bob = await stack.reviewer("anna"), await stack.reviewer("bob")
    asked = await stack.ask("person")
    [task] = await anna.claim()
    declined = await anna.post(
        f"/v1/reviews/{task['id']}/decline", {"token": task["token"], "reason": "other", "note": "my own claim"}
    )
    await bob.vote("pay")

    assert declined.status_code == 200
    assert [event["kind"] for event in await stack.path(asked["id"])] == ["asked", "declined", "opinion", "settled"]
    assert await stack.value("SELECT note FROM assignment WHERE ending = 'declined' AND decision_id = $1", asked["id"])
    assert (await anna.answer(task, "refuse")).status_code == 409
