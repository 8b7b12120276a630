"""Deciders in shadow: asked on the side, on record, and nothing that is served looks at them (promise 6)."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from tests.configured import PLANS, configuration
from tests.waiting import until

from adjudge.store import shadows

MODELS = configuration()["deciders"]


def with_shadows(*names: str, plans: tuple[str, ...] = ("model",), **specs: object) -> dict[str, object]:
    """Documents in which these functions of `deciders.py` are asked on the side."""
    found = {f"{name}-aside@1": {"python": f"deciders:{name}", "role": "shadow"} for name in names}
    found |= {name.replace("_", "-") + "@1": spec for name, spec in specs.items()}
    return {
        "deciders": {**MODELS, **found},
        "plans": {**PLANS, **{plan: {**PLANS[plan], "shadow": list(found)} for plan in plans}},
    }


async def opinions(stack, decision, count=1):
    """Return what was said on the side, once that many opinions are on record."""
    return await until(lambda: _recorded(stack, decision), lambda found: len(found) >= count)


async def _recorded(stack, decision):
    async with stack.db.acquire() as connection:
        return await shadows.of_decision(connection, UUID(decision))


async def tally(stack, decider):
    """Return the tally of a decider up to this minute, whatever is counted so far written down."""
    async with stack.db.acquire() as connection:
        found = await shadows.tallied(connection, timedelta(minutes=5), timedelta(minutes=-1))
    return found.get(decider, shadows.Tally())


async def until_tallied(stack, decider, **wanted):
    async with asyncio.timeout(15):
        while True:
            found = await tally(stack, decider)
            if all(getattr(found, name) == value for name, value in wanted.items()):
                return found
            await asyncio.sleep(0.05)


async def test_an_opinion_in_shadow_is_recorded_and_never_in_the_belief(build_stack):
    stack = await build_stack("api", "worker", documents=with_shadows("unsure"))

    decided = await stack.ask(wait=10)

    [said] = await opinions(stack, decided["id"])
    assert (said["decider"], said["answer"], said["confidence"]) == ("unsure-aside@1", "pay", 0.6)
    assert said["fault"] is None
    assert decided["outcome"]["deciders"] == ["sure@1"]
    assert decided["outcome"]["confidence"] == 0.99
    assert {event.get("by") for event in await stack.path(decided["id"])} == {None, "sure@1"}
    found = await until_tallied(stack, "unsure-aside@1", expected=1, answered=1)
    assert (found.dropped, found.failed, found.missing) == (0, 0, 0)


async def test_where_people_decide_a_shadow_is_asked_all_the_same(build_stack):
    """So a model that nobody trusts yet is watched from the first day."""
    stack = await build_stack("api", "worker", documents=with_shadows("sure", plans=("person",)))

    decided = await stack.ask("person")

    [said] = await opinions(stack, decided["id"])
    assert said["answer"] == "pay"
    assert (await stack.read(decided["id"]))["status"] == "open"


async def test_a_shadow_that_is_switched_off_is_neither_asked_nor_expected(build_stack):
    stack = await build_stack("api", "worker", documents=with_shadows("sure", "second"))
    off = await stack.admin.post("/v1/deciders/second-aside@1/switch", {"on": False, "reason": "too dear"})
    assert off.status_code == 200
    await until(lambda: "second-aside@1" in stack.services.intake._controls.now().switched_off, seconds=5)

    decided = await stack.ask(wait=10)

    await opinions(stack, decided["id"])
    await until_tallied(stack, "sure-aside@1", expected=1, answered=1)
    assert (await tally(stack, "second-aside@1")).expected == 0


@pytest.mark.parametrize(("name", "fault"), [("failing", "error"), ("garbage", "garbage")])
async def test_a_shadow_that_fails_is_missing_and_on_record(build_stack, name, fault):
    stack = await build_stack("api", "worker", documents=with_shadows(name))

    decided = await stack.ask(wait=10)

    assert decided["status"] == "final"
    [said] = await opinions(stack, decided["id"])
    assert (said["fault"], said["answer"]) == (fault, None)
    found = await until_tallied(stack, f"{name}-aside@1", expected=1, failed=1)
    assert found.missing == 1


async def test_a_rule_in_shadow_is_asked_without_a_process(build_stack):
    rule = {"role": "shadow", "rule": [{"when": 'evidence.amount == "30.00"', "answer": "refuse"}]}
    stack = await build_stack("api", "worker", documents=with_shadows(small_claims=rule))

    decided = await stack.ask(wait=10)

    [said] = await opinions(stack, decided["id"])
    assert (said["answer"], said["confidence"]) == ("refuse", 1.0)
    assert decided["outcome"]["answer"] == "pay"


async def test_what_no_worker_asked_is_expected_and_missing(build_stack):
    """Promise 8: a shadow that does not run at all is seen all the same."""
    stack = await build_stack("api", documents=with_shadows("sure"))

    await stack.ask_many(20)

    found = await until_tallied(stack, "sure-aside@1", expected=20)
    assert found.missing == 20


async def test_operators_see_role_and_tally_and_what_was_said_and_clients_do_not(build_stack):
    stack = await build_stack("api", "worker", documents=with_shadows("unsure"))
    client = await stack.key("client")
    decided = await stack.ask(wait=10, by=client)
    await opinions(stack, decided["id"])
    await until_tallied(stack, "unsure-aside@1", expected=1, answered=1)

    listed = {each["id"]: each for each in (await stack.admin.get("/v1/deciders")).json()["deciders"]}
    shown = (await stack.admin.get(f"/v1/decisions/{decided['id']}/path")).json()
    to_client = (await client.get(f"/v1/decisions/{decided['id']}/path")).json()

    assert listed["unsure-aside@1"]["role"] == "shadow"
    assert listed["unsure-aside@1"]["shadow"] == {
        "expected": 1,
        "answered": 1,
        "failed": 0,
        "dropped": 0,
        "missing": 0,
    }
    assert (listed["sure@1"]["role"], listed["sure@1"]["shadow"]) == ("serving", None)
    [said] = shown["shadow"]
    assert (said["decider"], said["answer"], said["distribution"]) == (
        "unsure-aside@1",
        "pay",
        {"pay": 0.6, "refuse": 0.4},
    )
    assert said["cost"] == "0.00 USD"
    assert to_client["shadow"] is None
    await until(
        lambda: _workers(stack, "unsure-aside@1"),
        lambda found: any(worker["id"] == "unsure-aside@1" for worker in found),
    )


async def _workers(stack, decider):
    listed = (await stack.admin.get("/v1/deciders")).json()["deciders"]
    return next(each["workers"] for each in listed if each["id"] == decider)
