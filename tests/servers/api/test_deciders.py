"""The list of deciders: models, rules and pools of people, as they stand at the moment of reading."""

import json

STATE = """
    INSERT INTO decider_state (process, decider, body)
    SELECT 'worker-of-the-test', 'sure@1', $1::jsonb || jsonb_build_object('until', clock_timestamp() + $2::interval)
    ON CONFLICT (org, process, decider) DO UPDATE SET body = excluded.body, at = clock_timestamp()
"""
OPEN = json.dumps({"breaker": "open", "reason": "5 time-outs", "fault": "timeout", "since": "2026-11-28T09:00:00Z"})


async def listed(stack) -> dict[str, dict]:
    return {each["id"]: each for each in (await stack.admin.get("/v1/deciders")).json()["deciders"]}


async def test_a_breaker_whose_time_is_over_is_due_and_not_open(stack):
    """No question has come since: the next one is its probe."""
    try:
        await stack.value(STATE.replace("$2", "'1 minute'"), OPEN)
        still = (await listed(stack))["sure@1"]
        await stack.value(STATE.replace("$2", "'-1 second'"), OPEN)
        over = (await listed(stack))["sure@1"]
    finally:
        await stack.value("DELETE FROM decider_state WHERE process = 'worker-of-the-test'")

    assert still["breaker"]["state"] == "open"
    assert over["breaker"]["state"] == "due"
    assert (over["breaker"]["reason"], over["breaker"]["fault"]) == ("5 time-outs", "timeout")
    assert "due" in [worker["breaker"] for worker in over["workers"]]


async def test_a_bound_key_is_not_told_what_a_server_quotes_of_other_locations(stack):
    """A model server that fails on a question says so with the question in its answer."""
    quoting = json.dumps(
        json.loads(OPEN) | {"reason": 'error: HTTP 500: {"input": "anna of store-002"}', "fault": "error"}
    )
    bound = await stack.key("operator", locations=["store-001"])
    try:
        await stack.value(STATE.replace("$2", "'1 minute'"), quoting)
        told = await bound.get("/v1/deciders")
        unbound = (await listed(stack))["sure@1"]
    finally:
        await stack.value("DELETE FROM decider_state WHERE process = 'worker-of-the-test'")

    [found] = [each for each in told.json()["deciders"] if each["id"] == "sure@1"]
    assert "anna" not in told.text
    assert (found["breaker"]["state"], found["breaker"]["fault"]) == ("open", "error")
    assert found["breaker"]["reason"] == "error: its detail is for keys that are bound to no location"
    assert "anna" in unbound["breaker"]["reason"]


async def test_pools_are_deciders_with_people_and_without_a_breaker(stack):
    before = (await listed(stack))["agents"]
    await stack.ask("person")
    anna = await stack.reviewer("anna")
    task = (await anna.post("/v1/reviews/claim", Prefer="wait=5")).json()["tasks"][0]

    found = await listed(stack)

    assert (found["agents"]["kind"], found["agents"]["breaker"], found["agents"]["workers"]) == ("reviewers", None, [])
    assert found["agents"]["people"]["members"] == before["people"]["members"] + 1
    assert found["agents"]["people"]["at_work"] >= 1
    assert (found["agents"]["people"]["paused"], found["closed"]["people"]["paused"]) == (False, True)
    assert found["sure@1"]["people"] is None
    await anna.post(f"/v1/reviews/{task['id']}/answer", {"answer": "pay"})
