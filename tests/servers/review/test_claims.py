"""Who is shown what: each task to one person, no decision twice to anybody, nothing of models or peers."""

import asyncio
import json
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from tests.configured import question
from tests.waiting import until


def kind_of(answer) -> str:
    return answer.json()["type"].rpartition("/")[2]


@pytest.fixture(autouse=True)
async def nothing_waits(stack):
    """Each test begins and ends with empty queues."""
    yield
    for row in await stack.rows("SELECT DISTINCT decision_id FROM work"):
        await stack.admin.post(f"/v1/decisions/{row['decision_id']}/cancel")


async def test_fifty_claimants_of_ten_tasks_get_ten_different_ones(stack):
    people = [await stack.reviewer(f"racer-{n}") for n in range(50)]
    asked = [(await stack.ask("person", n=n))["id"] for n in range(10)]

    claimed = await asyncio.gather(*(person.claim() for person in people))

    tasks = [task for tasks in claimed for task in tasks]
    assert len(tasks) == len({task["id"] for task in tasks}) == len(asked)
    shown = {task["evidence"]["n"] for task in tasks}
    assert shown == set(range(10))


async def test_one_person_claiming_many_times_at_once_is_never_given_a_decision_twice(stack):
    """Two seats of one decision wait at the same moment; the index arbitrates."""
    for n in range(5):
        await stack.ask("together", n=n)
    anna = await stack.reviewer("anna")

    claimed = await asyncio.gather(*(anna.claim(count=3) for _ in range(10)))

    shown = [task["evidence"]["n"] for tasks in claimed for task in tasks]
    assert sorted(shown) == list(range(5))


@pytest.mark.parametrize("ending", ["answered", "declined", "expired"])
async def test_nobody_gets_the_same_decision_twice(stack, ending):
    """Not after an answer, a decline or a lease that ran out, nor on another seat of the decision."""
    anna, bob = await stack.reviewer("anna", "agents", "brief"), await stack.reviewer("bob", "agents", "brief")
    await stack.ask("brief" if ending == "expired" else "majority")
    [task] = await anna.claim()
    if ending == "answered":
        assert (await anna.answer(task, "pay")).status_code == 200
    elif ending == "declined":
        await anna.post(f"/v1/reviews/{task['id']}/decline", {"token": task["token"], "reason": "no_evidence"})
    else:
        await until_waiting(stack, task["id"])

    again = await anna.post("/v1/reviews/claim", {})

    assert again.json()["tasks"] == []
    assert again.json()["empty"]["reason"] == "all_seen"
    [for_bob] = await bob.claim()
    assert for_bob["token"] != task["token"]


async def until_waiting(stack, task: str) -> None:
    await until(
        lambda: stack.value("SELECT state FROM review_task WHERE id = $1", task), lambda found: found == "waiting"
    )


async def test_a_released_task_may_come_again(stack):
    anna = await stack.reviewer("anna")
    await stack.ask("person")
    [task] = await anna.claim()

    released = await anna.post(f"/v1/reviews/{task['id']}/release", {"token": task["token"]})
    [again] = await anna.claim()
    late = await anna.post(f"/v1/reviews/{task['id']}/release", {"token": task["token"]})

    assert released.json() == {"released": True}
    assert again["id"] == task["id"]
    assert again["token"] != task["token"]
    assert late.json() == {"released": False}
    assert (await anna.answer(again, "pay")).status_code == 200


def leaves(value):
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


async def test_what_a_reviewer_is_shown_tells_nothing_of_models_and_peers(stack):
    """Blind: the second voter of a decision whose model was unsure sees what a first one sees."""
    anna, bob = await stack.reviewer("anna"), await stack.reviewer("bob")
    await stack.ask("claims", say="refuse")
    [first] = await anna.claim(wait=5)
    await anna.answer(first, "pay")
    await stack.ask("majority", say="refuse")
    await anna.vote("pay")
    [second] = await bob.claim(wait=5)

    known = {
        *("id", "token", "pool", "type", "title", "guidelines", "location", "evidence", "media", "answers", "show"),
        *("stake", "asked_at", "due_at", "lease_until"),
    }
    for task in (first, second):
        assert task.keys() == known
        assert task["evidence"] == {"amount": "30.00", "say": "refuse"}
        assert task["answers"] == ["pay", "refuse"]
        said = {str(leaf) for leaf in leaves({name: task[name] for name in known - {"evidence"}})}
        assert not {leaf for leaf in said if "unsure" in leaf or "anna" in leaf or leaf in ("0.6", "0.4")}
    assert "decision" not in json.dumps(second)


async def test_an_empty_claim_says_why(stack):
    anna = await stack.reviewer("anna", "agents", "closed")
    bob, expert = await stack.reviewer("bob"), await stack.reviewer("expert", "experts")

    async def why(person, **body):
        found = (await person.post("/v1/reviews/claim", body)).json()
        assert found["tasks"] == []
        assert found["empty"]["detail"]
        return found["empty"]["reason"]

    assert await why(bob) == "none_waiting"
    assert await why(anna, pools=["closed"]) == "paused"
    assert await why(expert, pools=["agents"]) == "wrong_pool"
    await stack.ask("person")
    [task] = await bob.claim()
    assert await why(anna) == "all_leased"
    await bob.post(f"/v1/reviews/{task['id']}/decline", {"token": task["token"]})
    assert await why(bob) == "all_seen"


async def test_nobody_decides_about_evidence_that_was_erased(stack):
    """A vote on it would count like any other. The plan's fallback answers; whoever saw it before may still answer."""
    anna, bob = await stack.reviewer("anna"), await stack.reviewer("bob")
    seen, unseen = [(await stack.ask("person", n=n))["id"] for n in (1, 2)]
    [task] = await anna.claim()

    for decision in (seen, unseen):
        await stack.admin.post("/v1/erasures", {"decision": decision, "reason": "request 7"})

    found = (await bob.post("/v1/reviews/claim", {})).json()
    assert (found["tasks"], found["empty"]["reason"]) == ([], "all_leased")
    assert (await anna.answer(task, "pay")).json()["decision_status"] == "final"
    assert (await bob.post("/v1/reviews/claim", {})).json()["empty"]["reason"] == "none_waiting"
    viewed = "SELECT count(*) FROM journal WHERE action = 'evidence.viewed' AND subject = $1"
    assert [await stack.value(viewed, decision) for decision in (seen, unseen)] == [1, 0]


async def test_a_claim_that_waits_is_given_the_task_when_it_comes(stack):
    anna = await stack.reviewer("anna")
    claiming = asyncio.create_task(anna.claim(wait=10))
    await stack.ask("person", n=7)

    [task] = await claiming

    assert task["evidence"]["n"] == 7


async def test_a_claim_that_waits_ends_with_its_key(stack, monkeypatch):
    """Nobody is shown evidence who has been sent away; the task waits for others."""
    monkeypatch.setattr("adjudge.api.authentication.REMEMBERED_SECONDS", 0.0)
    anna, bob = await stack.reviewer("anna"), await stack.reviewer("bob")
    annas = await stack.value("SELECT id FROM api_key WHERE reviewer LIKE 'anna-%' ORDER BY created_at DESC LIMIT 1")
    claiming = asyncio.create_task(anna.post("/v1/reviews/claim", {}, Prefer="wait=20"))
    await asyncio.sleep(0)

    await stack.admin("DELETE", f"/v1/keys/{annas}")
    await stack.ask("person")

    assert (await claiming).status_code == 401
    assert len(await bob.claim(wait=2)) == 1


async def test_a_claim_that_waits_is_given_nothing_of_a_pool_that_was_paused_meanwhile(stack):
    anna = await stack.reviewer("anna")
    claiming = asyncio.create_task(anna.post("/v1/reviews/claim", {}, Prefer="wait=20"))
    published = await stack.publish(
        pools={"agents": {"paused": True}, "experts": {}, "brief": {}, "few": {}, "closed": {}}
    )
    await stack.until_run(published.number, "api")
    try:
        await stack.ask("person")
        answer = await claiming
    finally:
        restored = await stack.publish()
        await stack.until_run(restored.number)

    assert answer.json() == {"tasks": [], "empty": {"reason": "paused", "detail": "agents: paused"}}


@pytest.mark.parametrize("act", ["release", "decline"])
async def test_what_is_given_back_after_the_lease_is_no_longer_ones_own(stack, act):
    """Whether or not a keeper has swept by then: nobody gets the same decision twice."""
    await stack.stop("keeper")
    anna = await stack.reviewer("anna", "brief")
    await stack.ask("brief")
    [task] = await anna.claim()
    await until(
        lambda: stack.value("SELECT lease_until > clock_timestamp() FROM review_task WHERE id = $1", task["id"]),
        lambda found: not found,
        seconds=5,
    )

    answer = await anna.post(f"/v1/reviews/{task['id']}/{act}", {"token": task["token"]})
    again = await anna.claim()
    await stack.start("keeper")

    if act == "release":
        assert answer.json() == {"released": False}
    else:
        assert (answer.status_code, kind_of(answer)) == (409, "lease-ended")
    assert again == []


async def test_a_heartbeat_prolongs_the_lease_until_it_has_ended(stack):
    anna = await stack.reviewer("anna", "brief")
    await stack.ask("brief")
    [task] = await anna.claim()

    beats = [datetime.fromisoformat(task["lease_until"])]
    for _ in range(3):
        beat = await anna.post(f"/v1/reviews/{task['id']}/heartbeat", {"token": task["token"]})
        beats.append(datetime.fromisoformat(beat.json()["lease_until"]))
    await until_waiting(stack, task["id"])
    ended = await anna.post(f"/v1/reviews/{task['id']}/heartbeat", {"token": task["token"]})

    assert all(earlier < later for earlier, later in pairwise(beats))
    assert (ended.status_code, kind_of(ended)) == (409, "lease-ended")


async def test_candidates_are_drawn_for_each_task_and_the_order_is_on_record(stack):
    labels = [f"sku-{n}" for n in range(8)]
    for n in range(6):
        await stack.admin.post("/v1/decisions", {**question("pick", n=n), "candidates": labels})
    anna, bob = await stack.reviewer("anna"), await stack.reviewer("bob")

    shown = {task["id"]: task["answers"] for _ in range(3) for task in [*await anna.claim(), *await bob.claim()]}

    assert len(shown) == 6
    assert all(sorted(answers) == sorted([*labels, "other"]) for answers in shown.values())
    assert len({tuple(answers) for answers in shown.values()}) > 1
    recorded = {str(row["id"]): row["candidates"] for row in await stack.rows("SELECT id, candidates FROM review_task")}
    assert {task: recorded[task] for task in shown} == shown


async def test_the_order_of_declared_labels_stays(stack):
    """Hands learn where they are."""
    anna = await stack.reviewer("anna")
    for n in range(6):
        await stack.ask("person", n=n)

    shown = [task["answers"] for task in [*await anna.claim(3), *await anna.claim(3)]]

    assert shown == [["pay", "refuse"]] * 6


async def test_what_is_due_first_is_shown_first(stack):
    anna = await stack.reviewer("anna")
    soon = (datetime.fromisoformat((await stack.ask("person", n=1))["asked_at"]) + timedelta(minutes=1)).isoformat()
    await stack.admin.post("/v1/decisions", {**question("person", n=2), "deadline": soon})

    assert [task["evidence"]["n"] for task in await anna.claim(2)] == [2, 1]


async def test_a_queue_tells_what_waits_and_who_works(stack):
    anna = await stack.reviewer("anna", "experts")
    for n in range(3):
        await stack.ask("expert", n=n)
    await anna.vote("pay")
    await anna.claim()

    queues = (await stack.admin.get("/v1/reviews/queues")).json()["queues"]
    [queue] = [queue for queue in queues if queue["pool"] == "experts"]

    assert (queue["waiting"], queue["leased"], queue["at_work"], queue["votes_per_hour"]) == (1, 1, 1, 1)
    assert queue["oldest_seconds"] >= 0
    assert queue["median_seconds"] >= 0
    assert next(queue for queue in queues if queue["pool"] == "closed")["paused"]


async def test_more_at_stake_is_given_out_before_what_is_due_a_little_earlier(stack):
    async def ask(amount: str) -> str:
        body = {**question("few"), "stake": {"amount": amount, "currency": "USD"}}
        return (await stack.admin.post("/v1/decisions", body)).json()["id"]

    little, much = await ask("1.00"), await ask("400.00")
    vera = await stack.reviewer("vera", "few")

    came = [task["stake"]["amount"] for _ in range(2) for task in await vera.claim()]

    assert came == ["400.00", "1.00"]
    for asked in (little, much):
        await stack.admin.post(f"/v1/decisions/{asked}/cancel")
    [name] = [
        each["name"]
        for each in (await stack.admin.get("/v1/reviewers")).json()["reviewers"]
        if each["pools"] == ["few"]
    ]
    await stack.admin("PUT", f"/v1/reviewers/{name}", {"pools": ["agents"]})
