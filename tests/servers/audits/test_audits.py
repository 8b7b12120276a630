"""The live audit sample: answered blind, closed with its truth, and nothing that is decided waits for it or changes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.commands import served, typed
from tests.configured import question
from tests.servers.audits.auditing import closed, seen, staffed, until_seen
from tests.waiting import until

SEATS = "SELECT id, vote_purpose FROM review_task WHERE decision_id = $1"


async def test_an_audited_decision_is_settled_at_once_and_answered_blind_afterwards(stack):
    people = await staffed(stack, "agents")

    decided = await stack.ask(wait=10)
    tasks = [await person.vote("pay") for person in people]

    assert decided["outcome"]["source"] == "model"
    record = await closed(stack, decided["id"])
    assert (record["truth"], record["truth_by"], record["unanimous"]) == ("pay", "unanimity", "pay")
    assert record["role"] in ("calibrate", "certify")
    assert json.loads(record["opinions"])["sure@1"]["confidence"] == 0.99
    assert len({vote["reviewer"] for vote in json.loads(record["votes"])}) == 3
    assert all("purpose" not in task and "seat" not in task for task in tasks)
    [label] = await stack.rows("SELECT * FROM label WHERE decision_id = $1", UUID(decided["id"]))
    assert (label["source"], label["answer"], label["answer_could_influence"]) == ("audit", "pay", False)
    votes = await stack.rows("SELECT * FROM vote WHERE decision_id = $1", UUID(decided["id"]))
    assert {(vote["purpose"], vote["outcome_given"], vote["saw_model"]) for vote in votes} == {("truth", True, False)}
    assert await seen(stack, decided["id"]) is None
    assert (await stack.read(decided["id"]))["outcome"]["version"] == 1


async def test_where_people_differ_the_expert_says_what_is_true(stack):
    """A plain majority is never the truth: its mistakes would count as the model's."""
    people = await staffed(stack, "agents")
    [expert] = await staffed(stack, "experts", count=1)

    decided = await stack.ask(wait=10)
    await people[0].vote("pay")
    await people[1].vote("refuse")
    waiting = await until_seen(stack, decided["id"], "expert")

    assert waiting.why_expert == "split"
    assert await people[2].claim() == [], "the third vote would change nothing"
    await expert.vote("refuse")
    record = await closed(stack, decided["id"])
    assert (record["truth"], record["truth_by"], record["unanimous"], record["why"]) == (
        "refuse",
        "expert",
        None,
        "split",
    )


async def test_a_share_of_the_unanimous_goes_to_the_expert_too(stack):
    people = await staffed(stack, "agents", count=2)
    [expert] = await staffed(stack, "experts", count=1)

    decided = await stack.ask("late.ask", wait=10)
    for person in people:
        await person.vote("pay")
    await until_seen(stack, decided["id"], "expert")
    await expert.vote("refuse")

    record = await closed(stack, decided["id"])
    assert (record["truth"], record["truth_by"], record["unanimous"], record["why"]) == (
        "refuse",
        "expert",
        "pay",
        "share",
    )
    assert json.loads(record["expert_coin"])["rate"] == 1


async def test_nobody_who_decided_audits_the_same_decision(stack):
    first, second = await staffed(stack, "agents", count=2)

    decided = await stack.ask("person")
    await first.vote("pay")
    await until_seen(stack, decided["id"], "people")

    assert await first.claim() == []
    await second.vote("refuse")
    record = await closed(stack, decided["id"])
    assert record["truth"] == "refuse"
    assert (await stack.read(decided["id"]))["outcome"]["answer"] == "pay"


async def test_an_audit_waits_while_people_are_still_deciding(stack):
    """Otherwise a small pool would have been asked about the audit, and nobody were left to decide."""
    first, second = await staffed(stack, "agents", count=2)

    decided = await stack.ask("brief")

    assert (await until_seen(stack, decided["id"], "deciding")).votes == 0
    [task] = await first.claim(wait=5)
    assert await second.claim() == []
    assert (await first.answer(task, "pay")).json()["decision_status"] == "final"
    for _ in range(2):
        await (await stack.reviewer("another", "agents")).vote("pay")
    await closed(stack, decided["id"])


async def test_a_truth_that_came_of_itself_closes_an_audit_and_a_complaint_does_not(stack, monkeypatch):
    """Where the answer given had a part in its being observed, it is no fair sample of anything."""
    people = await staffed(stack, "agents")
    decided = await stack.ask(wait=10)
    await until_seen(stack, decided["id"], "people")
    await people[0].vote("pay")

    complaint = await told(stack, decided["id"], "refuse", source="complaint", answer_could_influence=True)
    before = await seen(stack, decided["id"])
    waits = "SELECT due_at > clock_timestamp() + interval '1 minute' FROM work WHERE decision_id = $1"
    await until(lambda: stack.value(waits, UUID(decided["id"])))
    async with served(stack._app) as url:
        adjudge = typed(url, stack.admin.key, monkeypatch)
        late = ("decisions", "truth", decided["id"], "pay", "--source", "bank", "--ref", "b-17", "--independent")
        told_of_itself, _ = await adjudge(*late)

    assert (complaint["label"]["recorded"], told_of_itself, before.votes) == (True, 0, 1)
    record = await closed(stack, decided["id"])
    assert (record["truth"], record["truth_by"], record["why"], record["unanimous"]) == ("pay", "late", "bank", None)
    assert [vote["answer"] for vote in json.loads(record["votes"])] == ["pay"]
    seats = await stack.rows("SELECT state FROM review_task WHERE decision_id = $1", UUID(decided["id"]))
    assert sorted(row["state"] for row in seats) == ["answered", "closed", "closed"]
    sources = await stack.rows("SELECT source FROM label WHERE decision_id = $1 ORDER BY 1", UUID(decided["id"]))
    assert [row["source"] for row in sources] == ["bank", "complaint"], "it is on record once"
    async with served(stack._app) as url:
        status, said = await typed(url, stack.admin.key, monkeypatch)("automation", "audits", decided["id"])
    assert status == 0
    assert "by          late (bank)" in said.splitlines()


async def told(stack, decision: str, answer: str, **more: Any) -> dict[str, Any]:
    answered = await stack.admin.post(f"/v1/decisions/{decision}/truth", {"answer": answer, **more})
    assert answered.status_code == 200, answered.text
    return answered.json()


async def test_where_two_sources_differ_people_are_asked_all_the_same(stack):
    people = await staffed(stack, "agents")
    decided = await stack.ask(wait=10)
    await until_seen(stack, decided["id"], "people")
    await stack.stop("keeper")
    for source, answer in (("bank", "refuse"), ("shop", "pay")):
        await told(stack, decided["id"], answer, source=source, answer_could_influence=False)
    await stack.start("keeper")

    for person in people:
        await person.vote("pay")

    assert (await closed(stack, decided["id"]))["truth_by"] == "unanimity"


async def test_a_truth_that_comes_while_people_decide_is_that_of_the_audit_afterwards(stack):
    [person] = await staffed(stack, "agents", count=1)
    decided = await stack.ask("person")
    await told(stack, decided["id"], "refuse", source="bank", answer_could_influence=False)

    await person.vote("pay")

    record = await closed(stack, decided["id"])
    assert (record["truth"], record["truth_by"], json.loads(record["votes"])) == ("refuse", "late", [])
    assert (await stack.read(decided["id"]))["outcome"]["answer"] == "pay", "it amends nothing here"


async def test_what_all_decline_is_lost_and_counts_as_wrong(stack):
    """All who are there: nobody waits for a person whose key was revoked, or is bound to another location."""
    [person] = await staffed(stack, "few", count=1)
    await staffed(stack, "few", count=1)
    leaving = "SELECT id FROM api_key WHERE reviewer IS NOT NULL ORDER BY created_at DESC LIMIT 1"
    assert (await stack.admin("DELETE", f"/v1/keys/{await stack.value(leaving)}")).status_code == 204
    elsewhere = await stack.key("admin", locations=["store-002"], pools=["few"])
    assert (await elsewhere.post("/v1/reviewers", {"name": "bound", "pools": ["few"]})).status_code == 201
    [expert] = await staffed(stack, "one", count=1)

    decided = await stack.ask("called", wait=10)
    for each in (person, expert):
        [task] = await each.claim(wait=10)
        declined = await each.post(f"/v1/reviews/{task['id']}/decline", {"token": task["token"], "reason": "unsure"})
        assert declined.status_code == 200

    record = await closed(stack, decided["id"])
    assert (record["truth"], record["truth_by"], record["why"]) == (None, "lost", "declined")
    assert not await stack.rows("SELECT FROM label WHERE decision_id = $1", UUID(decided["id"]))


async def test_an_audit_is_due_as_a_decision_is_and_says_no_more_of_when_it_was_asked(stack):
    """Whoever could tell the two apart could answer them differently."""
    [person] = await staffed(stack, "few", count=1)
    soon = datetime.now(UTC) + timedelta(seconds=90)
    body = {**question("called"), "deadline": soon.isoformat()}
    asked = await stack.admin.post("/v1/decisions", body, Prefer="wait=10")
    queue = await until(lambda: queue_of(stack, "few"), lambda found: found["waiting"])
    assert queue["due_5m"] == 0, "for operators it has no deadline: nothing is lost where it comes late"
    [task] = await person.claim(wait=20)

    times = [datetime.fromisoformat(task[name]) for name in ("asked_at", "due_at")]
    assert datetime.fromisoformat(asked.json()["asked_at"]) < times[0]
    assert timedelta(seconds=80) < times[1] - times[0] <= timedelta(seconds=91)

    await person.answer(task, "pay")
    await closed(stack, asked.json()["id"])


async def test_an_audit_that_has_waited_for_long_is_not_known_by_it(stack):
    """No decision waits for people beyond its time: what is overdue, or was asked long ago, would be an audit."""
    [person] = await staffed(stack, "few", count=1)
    body = {**question("called"), "deadline": (datetime.now(UTC) + timedelta(seconds=90)).isoformat()}
    decided = (await stack.admin.post("/v1/decisions", body, Prefer="wait=10")).json()
    await until(lambda: queue_of(stack, "few"), lambda found: found["waiting"])
    await stack.rows(
        "UPDATE review_task SET created_at = created_at - $2::interval, due_at = due_at - $2::interval "
        "WHERE decision_id = $1",
        UUID(decided["id"]),
        timedelta(hours=7),
    )

    [task] = await person.claim()

    asked, due = (datetime.fromisoformat(task[name]) for name in ("asked_at", "due_at"))
    assert asked <= datetime.now(UTC) < due
    assert timedelta(seconds=80) < due - asked <= timedelta(seconds=91)
    await person.answer(task, "pay")
    await closed(stack, decided["id"])


async def queue_of(stack, pool: str) -> dict[str, Any]:
    queues = (await stack.admin.get("/v1/reviews/queues")).json()["queues"]
    return next(queue for queue in queues if queue["pool"] == pool)


async def test_what_is_erased_before_anybody_saw_it_is_lost(stack):
    await stack.stop("keeper")
    decided = await stack.ask(wait=10)
    await stack.rows("SELECT erase_evidence($1)", UUID(decided["id"]))

    await stack.start("keeper")

    record = await closed(stack, decided["id"])
    assert (record["truth_by"], record["why"]) == ("lost", "evidence-gone")


async def test_a_vote_that_comes_when_the_audit_is_closed_is_a_label_and_amends_nothing(stack):
    people = await staffed(stack, "agents")
    [expert] = await staffed(stack, "experts", count=1)
    decided = await stack.ask(wait=10)
    [late] = await people[2].claim(wait=10)
    await people[0].vote("pay")
    await people[1].vote("refuse")
    await expert.vote("pay")
    await closed(stack, decided["id"])

    answered = await people[2].answer(late, "pay")

    assert answered.status_code == 409
    assert answered.json()["recorded"] == "label"
    assert answered.json()["amended"] is False
    sources = await stack.rows("SELECT source FROM label WHERE decision_id = $1 ORDER BY 1", UUID(decided["id"]))
    assert [row["source"] for row in sources] == ["audit", "late-audit-vote"]


async def test_models_that_the_plan_did_not_come_to_answer_audited_decisions_too(stack):
    """Otherwise nothing could be certified of them, nor of the plan if its first stage took less."""
    [person] = await staffed(stack, "agents", count=1)

    decided = await stack.ask("cascade", wait=10)
    await person.vote("pay")

    record = await closed(stack, decided["id"])
    assert decided["outcome"]["deciders"] == ["sure@1"]
    opinions = json.loads(record["opinions"])
    assert opinions["second@1"] == {
        "answer": "pay",
        "confidence": 0.98,
        "distribution": opinions["second@1"]["distribution"],
        "aside": True,
    }
    assert "aside" not in opinions["sure@1"]


async def test_without_a_word_of_audits_in_configuration_nobody_is_asked(stack):
    decided = await stack.ask("paced", wait=10)

    assert await stack.value("SELECT count(*) FROM work WHERE decision_id = $1", UUID(decided["id"])) == 0
    assert await stack.value("SELECT audit FROM decision WHERE id = $1", UUID(decided["id"]))


async def test_votes_set_apart_as_peoples_are_no_part_of_the_truth(stack):
    people = await staffed(stack, "agents", count=2)

    decided = await stack.ask("claims", wait=10)
    seats = await until(lambda: stack.rows(SEATS, UUID(decided["id"])), lambda found: len(found) >= 2)
    purposes = {row["id"]: row["vote_purpose"] for row in seats}
    for person in people:
        [task] = await person.claim(wait=5)
        await person.answer(task, {"truth": "pay", "people": "refuse"}[purposes[UUID(task["id"])]])

    record = await closed(stack, decided["id"])
    assert (record["truth"], record["truth_by"]) == ("pay", "unanimity")
    assert {vote["purpose"] for vote in json.loads(record["votes"])} == {"truth", "people"}
