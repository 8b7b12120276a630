"""The kill switch: in every process within a moment, and exactly where outcomes are written."""

import asyncio
from uuid import UUID

import pytest
from tests.configured import ACCEPT, PLANS, of_people

from adjudge.core.events import Opinion
from adjudge.engine.deciding import stepping

PLACES = {
    "default": {},
    "store-001": {"groups": ["eu"]},
    "store-002": {},
}


@pytest.fixture(scope="module", autouse=True)
async def with_people_behind(stack):
    """A plan whose model has people behind it, and a store in a group."""
    claims = {
        "stages": [{"ask": "gated@1", "accept": ACCEPT, "timeout": "60s"}, of_people()],
        "fallback": {"answer": "refuse"},
    }
    published = await stack.publish(plans={**PLANS, "gated": claims}, groups={"eu": {}}, locations=PLACES)
    await stack.until_run(published.number)


async def switch(stack, on: bool, kind: str, name: str = "", **more) -> dict:
    body = {"kind": kind, "name": name, "on": on, "reason": "recall", **more}
    answer = await stack.admin.post("/v1/controls", body)
    assert answer.status_code == 200, answer.text
    switched = answer.json()
    async with asyncio.timeout(10):
        while (switched["scope"].removeprefix("decider:") in seen(stack)) == on:
            await asyncio.sleep(0.005)
    return switched


def seen(stack) -> frozenset[str]:
    """What the API knows to be off: it is told by a hint, as all are."""
    return stack.services.lookout._controls.now().switched_off


@pytest.mark.parametrize(
    ("kind", "name", "more"),
    [
        ("group", "eu", {}),
        ("type", "model", {}),
        ("type", "model", {"at": "store-001"}),
        ("location", "store-001", {}),
        ("everywhere", "", {}),
    ],
)
async def test_switched_off_nothing_is_automated_there_and_every_decision_says_so(stack, kind, name, more):
    off = await switch(stack, False, kind, name, **more)
    here = await stack.ask("model", location="store-001", wait=10)
    path = await stack.path(here["id"])
    await switch(stack, True, kind, name, **more)
    again = await stack.ask("model", location="store-001", wait=10)

    assert here["outcome"]["source"] == "fallback"
    assert f"automation is off, {off['scope']}" in here["outcome"]["reason"]
    assert [event["switched_off"] for event in path] == [[off["scope"]]] * len(path)
    assert again["outcome"]["source"] == "model"


async def test_elsewhere_goes_on_as_before(stack):
    await switch(stack, False, "group", "eu")

    other = await stack.ask("model", location="store-002", wait=10)

    await switch(stack, True, "group", "eu")
    assert other["outcome"]["source"] == "model"


async def test_what_a_model_is_being_asked_goes_to_people_when_it_answers(stack):
    """Its answer comes after the switch: it is on record, and nobody acts on it."""
    anna = await stack.reviewer("anna")
    stack.shut_gate()
    asked = (await stack.ask("gated", location="store-001"))["id"]
    await stack.until_asked("gated@1")
    await switch(stack, False, "group", "eu")
    stack.open_gate()

    await anna.vote("refuse", wait=10)
    settled, path = await stack.read(asked, wait=10), await stack.path(asked)
    await switch(stack, True, "group", "eu")

    assert (settled["outcome"]["answer"], settled["outcome"]["source"]) == ("refuse", "reviewer")
    assert [event["kind"] for event in path] == ["asked", "opinion", "deferred", "asked", "opinion", "settled"]


async def test_its_time_over_it_is_on_again_by_itself(stack):
    off = await switch(stack, False, "type", "model", for_seconds=0.3)
    async with asyncio.timeout(10):
        while (await stack.ask("model", wait=10))["outcome"]["source"] != "model":
            pass

    [listed] = [each for each in (await stack.admin.get("/v1/controls")).json()["switches"] if each["kind"] == "type"]

    assert off["until"] is not None
    assert (listed["state"], listed["reason"]) == ("expired", "recall")


async def test_a_name_that_nothing_has_is_refused(stack):
    """A slip of the pen would switch nothing off."""
    for kind, name, more in (
        ("group", "ue", {}),
        ("decider", "sure", {}),
        ("type", "modle", {}),
        ("type", "model", {"at": "store-999"}),
    ):
        body = {"kind": kind, "name": name, "on": False, "reason": "x", **more}
        assert (await stack.admin.post("/v1/controls", body)).status_code == 404


async def test_a_bound_key_switches_its_own_locations_alone_and_it_is_in_the_journal(stack):
    bound = await stack.key("operator", locations=["store-002"])

    async def tried(kind: str, name: str, on: bool = True, **more) -> int:
        body = {"kind": kind, "name": name, "on": on, "reason": "mine", **more}
        return (await bound.post("/v1/controls", body)).status_code

    assert await tried("location", "store-002") == 200
    assert await tried("type", "model", at="store-002") == 200
    assert [
        await tried("location", "store-001"),
        await tried("group", "eu"),
        await tried("type", "model"),
        await tried("decider", "sure@1"),
        await tried("everywhere", ""),
    ] == [403] * 5
    journal = (await stack.admin.get("/v1/journal?action=automation.switched&limit=1")).json()["items"]
    assert (journal[0]["subject"], journal[0]["location"]) == ("type:model@store-002", "store-002")


async def test_a_step_that_read_the_controls_before_a_switch_takes_the_switch_into_account(stack, monkeypatch):
    """Between reading and writing, under the lock of the decision, the switch falls: the statement refuses."""
    stack.shut_gate()
    asked = await stack.ask("gated", location="store-001")
    await stack.until_asked("gated@1")
    read, calls = stepping.controls.read, []

    async def and_then_it_falls(connection):
        found = await read(connection)
        if not connection.is_in_transaction():
            return found  # somebody who only looks
        calls.append(found)
        if len(calls) == 1:
            await switch(stack, False, "group", "eu")
        return found

    monkeypatch.setattr(stepping.controls, "read", and_then_it_falls)
    said = Opinion(at=stack.services.clock(), stage=0, by="gated@1", source="model", answer="pay", confidence=0.99)
    async with stack.db.acquire() as connection, connection.transaction():
        effects = await stack.services.stepper.step(connection, {UUID(asked["id"]): [said]})
    monkeypatch.undo()
    stack.open_gate()
    await switch(stack, True, "group", "eu")

    assert len(calls) == 2
    assert effects.finished == []
    assert (await stack.read(asked["id"]))["waiting_for"]["pool"] == "agents"
    await stack.admin.post(f"/v1/decisions/{asked['id']}/cancel")
