"""A question that takes one of several plans keeps it: when its model answers, its people vote, its time runs out."""

from tests.configured import PLANS, configuration, question
from tests.stacks import build_stack

from adjudge.engine.admission.backlogs import Length

__all__ = ["build_stack"]

BIG = {"stake": {"amount": "500", "currency": "USD"}}
PAY_AFTER_ALL = {
    "stages": [{"ask": "agents", "votes": {"min": 1, "max": 1}, "combine": "first", "timeout": "300ms"}],
    "fallback": {"answer": "pay"},
}
ROUTES = [
    {"type": "model", "plan": "hurried", "when": "facts.units > 10.0", "lane": "realtime"},
    {"type": "model", "plan": "claims", "when": "stake > 100.0"},
    *({"type": name, "plan": name} for name in PLANS),
]


def documents():
    types = configuration()["types"]
    facts = {"units": {"at": "/n", "type": "number"}}
    evidence = {"type": "object", "properties": {"n": {"type": "number"}}}
    return {
        "types": {**types, "model": {"answers": ["pay", "refuse"], "evidence": evidence, "facts": facts}},
        "plans": {**PLANS, "hurried": PAY_AFTER_ALL},
        "routes": ROUTES,
    }


async def asked(stack, n: int, wait: int = 10, **more):
    body = {**question("model", n=n), **more}
    answer = await stack.admin.post("/v1/decisions", body, Prefer=f"wait={wait}")
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


async def test_each_question_lives_by_the_plan_that_it_took(build_stack):
    """A model's answer, a vote and a time-out each find it by its hash; every path replays (see `build_stack`)."""
    stack = await build_stack("api", "worker", "keeper", documents=documents())
    agent = await stack.reviewer("anna", "agents")

    small, hurried = await asked(stack, 1, stake={"amount": "1", "currency": "USD"}), await asked(stack, 11, **BIG)
    big = await asked(stack, 1, wait=0, **BIG)
    await agent.vote("refuse")

    big = await stack.read(big["id"], wait=10)
    said = [(each["outcome"]["answer"], each["outcome"]["source"]) for each in (small, hurried, big)]
    assert said == [("pay", "model"), ("pay", "fallback"), ("refuse", "reviewer")]
    shown = [(await stack.admin.get(f"/v1/decisions/{each['id']}/path")).json() for each in (small, hurried, big)]
    assert [path["plan"]["name"] for path in shown] == ["model", "hurried", "claims"]
    rows = await stack.rows("SELECT facts::jsonb -> 'facts' ->> 'units' AS units, lane FROM decision ORDER BY id")
    assert [(row["units"], row["lane"]) for row in rows] == [
        ("1.0", "standard"),
        ("11.0", "realtime"),
        ("1.0", "standard"),
    ]


async def test_a_question_without_room_is_answered_by_the_fallback_for_that_and_asks_nobody(build_stack, monkeypatch):
    """Others are refused; this type would rather have the answer that it names."""
    whole = documents()
    whole["types"]["model"] = {**whole["types"]["model"], "fallbacks": {"shed": {"answer": "refuse"}}}
    monkeypatch.setattr("adjudge.engine.admission.measuring.EVERY_SECONDS", 600)
    stack = await build_stack("api", documents=whole)
    long = dict.fromkeys(("standard", "realtime"), Length(10**6, 10**6, 10**6, oldest_seconds=1_000.0))
    for decider in stack.services.revisions.serving():
        stack.services.admission.measured(decider, long, 10.0)

    shed = await asked(stack, 1, stake={"amount": "1", "currency": "USD"})
    refused = await stack.admin.post("/v1/decisions", question("both"))

    assert (shed["status"], shed["outcome"]["answer"], shed["outcome"]["source"]) == ("final", "refuse", "fallback")
    assert "more was asked than could be answered in time" in shed["outcome"]["reason"]
    assert refused.status_code == 429
    assert [event["kind"] for event in await stack.path(shed["id"])] == ["deferred", "settled"]
