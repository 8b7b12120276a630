"""What answers when nobody does, end to end: each typed fallback, its reason, and who may still be heard."""

import asyncio
from datetime import datetime, timedelta

import pytest
from tests.configured import question


@pytest.fixture
async def anna(stack):
    return await stack.reviewer("anna", "agents", "experts")


async def test_an_answer_settles_with_it(stack):
    outcome = (await stack.ask("nobody.answer", wait=5))["outcome"]

    assert (outcome["answer"], outcome["source"]) == ("refuse", "fallback")
    assert outcome["reason"] == "fallback: agents: 0 of 1 vote in time"
    assert outcome["deciders"] == []
    assert outcome["confidence"] is None


async def test_the_safe_side_is_the_types_own_answer(stack):
    assert (await stack.ask("nobody.safe", wait=5))["outcome"]["answer"] == "pay"


@pytest.mark.parametrize("safe", ["pay", "refuse"])
async def test_the_safe_side_may_be_read_from_the_evidence(stack, safe):
    assert (await stack.ask("nobody.told", wait=5, safe=safe))["outcome"]["answer"] == safe


async def test_evidence_without_a_safe_side_is_refused_at_once(stack):
    answer = await stack.admin.post("/v1/decisions", question("nobody.told", safe="perhaps"))

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/evidence")


async def test_a_provisional_answer_is_made_final_by_people_before_the_deadline(stack, anna):
    asked = await stack.ask("nobody.provisional")
    provisional = await stack.until(asked["id"], "provisional")
    [task] = await anna.claim(wait=5)
    await anna.answer(task, "pay")
    final = await stack.read(asked["id"], wait=5)

    assert (provisional["outcome"]["version"], provisional["outcome"]["answer"]) == (1, "refuse")
    assert provisional["outcome"]["source"] == "fallback"
    assert provisional["waiting_for"]["pool"] == "agents"
    assert datetime.fromisoformat(task["due_at"]) == datetime.fromisoformat(provisional["waiting_for"]["until"])
    assert (final["status"], final["outcome"]["version"]) == ("final", 2)
    assert (final["outcome"]["answer"], final["outcome"]["source"]) == ("pay", "reviewer")
    path = (await stack.admin.get(f"/v1/decisions/{asked['id']}/path")).json()
    assert [one["kind"] for one in path["outcomes"]] == ["provisional", "final"]
    assert [event["kind"] for event in path["events"]] == [
        "asked",
        "timed_out",
        "deferred",
        "fell_back",
        "settled",
        "opinion",
        "settled",
    ]


async def test_a_provisional_answer_is_made_final_by_its_deadline(stack):
    begun = datetime.fromisoformat((await stack.ask("model"))["asked_at"])
    body = {**question("nobody.provisional"), "deadline": (begun + timedelta(seconds=1.5)).isoformat()}
    asked = (await stack.admin.post("/v1/decisions", body)).json()

    provisional = await stack.until(asked["id"], "provisional")
    final = await stack.until(asked["id"], "final")

    assert [one["outcome"]["version"] for one in (provisional, final)] == [1, 2]
    assert (final["outcome"]["answer"], final["outcome"]["source"]) == ("refuse", "fallback")
    assert final["outcome"]["reason"] == "fallback: its deadline has passed"


async def test_an_escalation_asks_the_other_pool_and_the_first_is_asked_no_more(stack, anna):
    agent = await stack.reviewer("agent")
    asked = await stack.ask("nobody.escalate")
    [task] = await anna.claim(pools=["experts"], wait=5)

    assert await agent.claim() == []
    assert (await stack.read(asked["id"]))["waiting_for"]["pool"] == "experts"
    await anna.answer(task, "pay")
    outcome = (await stack.read(asked["id"], wait=5))["outcome"]
    assert (outcome["answer"], outcome["source"], outcome["deciders"]) == ("pay", "reviewer", ["experts"])


async def test_a_hold_answers_nothing_yet_and_then_what_follows_it(stack):
    asked = await stack.ask("nobody.hold")
    held = await stack.until(asked["id"], "held")
    final = await stack.until(asked["id"], "final")

    assert held["outcome"] is None
    assert held["waiting_for"]["held"] is True
    assert (final["outcome"]["answer"], final["outcome"]["source"]) == ("refuse", "fallback")


async def test_votes_that_arrive_while_it_is_held_settle(stack, anna):
    asked = await stack.ask("nobody.held")
    [task] = await anna.claim(wait=5)
    await stack.until(asked["id"], "held")

    voted = await anna.answer(task, "pay")

    assert voted.json() == {"recorded": "vote", "decision_status": "final"}
    outcome = (await stack.read(asked["id"]))["outcome"]
    assert (outcome["answer"], outcome["source"]) == ("pay", "reviewer")


async def test_a_deadline_ends_a_hold(stack):
    begun = datetime.fromisoformat((await stack.ask("model"))["asked_at"])
    body = {**question("nobody.held"), "deadline": (begun + timedelta(seconds=1.5)).isoformat()}
    asked = (await stack.admin.post("/v1/decisions", body)).json()
    await stack.until(asked["id"], "held")

    final = await stack.until(asked["id"], "final")

    assert final["outcome"]["reason"] == "fallback: its deadline has passed"


async def test_a_model_asked_after_people_leaves_no_task_of_theirs_behind(stack, anna):
    """Nobody is shown a question that a model has answered."""
    asked = await stack.ask("people.first", wait=5)

    assert asked["outcome"]["source"] == "model"
    assert not await stack.value(
        "SELECT count(*) FROM review_task WHERE decision_id = $1 AND state IN ('waiting', 'leased')", asked["id"]
    )
    assert await anna.claim() == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("slow", "slow@1 did not answer in time"),
        ("garbage", "garbage@1 gave a malformed answer"),
        ("failing", "failing@1 failed"),
    ],
)
async def test_a_model_that_does_not_answer_properly_defers(stack, kind, said):
    """Promise 3: any doubt defers."""
    outcome = (await stack.ask(kind, wait=10))["outcome"]

    assert (outcome["answer"], outcome["source"]) == ("refuse", "fallback")
    assert said in outcome["reason"]


async def test_an_open_breaker_is_seen_with_its_reason_and_its_questions_defer_at_once(stack):
    for n in range(4):
        await stack.ask("failing", n=n, wait=10)

    last = (await stack.ask("failing", wait=10))["outcome"]["reason"]
    shown = await breaker_of(stack, "failing@1")

    assert "its breaker is open" in last
    assert shown["state"] == "open"
    assert "no weights" in shown["reason"]
    assert datetime.fromisoformat(shown["until"]) > datetime.fromisoformat(shown["since"])
    assert (await breaker_of(stack, "sure@1"))["state"] == "closed"


async def breaker_of(stack, decider: str) -> dict:
    """Workers report once a second."""
    async with asyncio.timeout(10):
        while True:
            listed = (await stack.admin.get("/v1/deciders")).json()["deciders"]
            [found] = [one for one in listed if one["id"] == decider]
            if found["breaker"] and (decider == "sure@1" or found["breaker"]["state"] == "open"):
                return found["breaker"]
            await asyncio.sleep(0.1)


async def test_the_figures_have_their_names_and_no_label_without_bound(stack):
    await stack.ask("model", wait=5)
    await stack.ask("nobody.answer", wait=5)

    text = (await stack.client.get("/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("adjudge_")]

    for promised in (
        'adjudge_decisions_accepted_total{lane="standard",type="model"}',
        'adjudge_decisions_settled_total{code="by-hand",source="model",type="model"}',
        'adjudge_fallbacks_total{reason="no-reviewer",type="nobody.answer"}',
        'adjudge_opinions_total{decider="sure@1",result="answered"}',
        'adjudge_time_to_outcome_seconds_count{source="model"}',
        'adjudge_ask_duration_seconds_count{decider_kind="python"}',
        'adjudge_breaker_open{decider="failing@1"}',
        'adjudge_open_decisions{lane="standard"}',
        'adjudge_queue_waiting{pool="agents"}',
        "adjudge_intake_duration_seconds_count",
    ):
        assert any(line.startswith(promised) for line in lines), promised
    seen = {row["id"].hex for row in await stack.rows("SELECT id FROM decision")}
    assert not [line for line in lines if "-" in line and any(one in line.replace("-", "") for one in seen)]
    assert "anna" not in "".join(lines)
