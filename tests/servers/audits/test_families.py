"""Slices of one group: they inherit, leave and lose together what the group has; and families share one budget."""

import asyncio
import math
from typing import Any

import pytest
from tests.servers.audits.auditing import staffed
from tests.servers.audits.evidence import certified, record

from adjudge.engine import inheriting


async def held(stack) -> dict[str, str]:
    """Return the certificates in force, by slice."""
    rows = await stack.rows("SELECT scope, certificate FROM control WHERE certificate IS NOT NULL")
    return {row["scope"].split(":")[2]: row["certificate"] for row in rows}


async def until_held(stack, *slices: str) -> dict[str, str]:
    async with asyncio.timeout(40):
        while set(found := await held(stack)) != set(slices):
            await asyncio.sleep(0.05)
    return found


async def decided_by(stack, certificate: str, location: str) -> dict[str, Any]:
    """Ask at a location until its certificate has decided."""
    async with asyncio.timeout(40):
        while (asked := await stack.ask(wait=1, location=location))["outcome"] is None:
            pass
    assert asked["outcome"]["certificate"] == certificate
    return asked


async def test_slices_inherit_from_their_group_and_leave_it_alone(build_stack):
    """A store without an audit of its own is automated by all stores' audits, until its own say otherwise."""
    stack = await build_stack("api", "worker", "keeper", documents=certified(slices="location", inherit="all"))
    [expert] = await staffed(stack, "experts", count=1)
    await record(stack, 250, slice_="default")
    await record(stack, 250, slice_="store-001")

    found = await until_held(stack, "all=all", "default", "store-001", "store-002")
    assert len(set(found.values())) == 4
    shown, group = [
        (await stack.admin.get(f"/v1/automation/certificates/{found[name]}")).json()["body"]
        for name in ("store-002", "all=all")
    ]
    assert (shown["inherits"], shown["siblings"]) == (found["all=all"], 3)
    verified = inheriting.verify(found["store-002"], shown, group)
    assert (verified.hash_holds, verified.licence_holds, verified.audits) == (True, True, 500)
    spoilt = inheriting.verify(found["store-002"], {**shown, "threshold": 0.1}, group)
    assert (spoilt.hash_holds, spoilt.licence_holds) == (False, False)
    why = (await stack.admin.get("/v1/automation/why?location=store-002&type=model")).json()["why"]
    assert f"inherits {found['all=all']} from its group until it has its own: 0 audits are closed" in why

    for answer, location, count in (("pay", "default", 15), ("refuse", "store-002", 5)):
        for _ in range(count):
            await decided_by(stack, found[location], location)
        for _ in range(count):
            [task] = await expert.claim(wait=5)
            await expert.answer(task, answer)

    left = await until_held(stack, "all=all", "default", "store-001")
    assert left["default"] == found["default"]
    [alarm] = await stack.rows("SELECT name, detail FROM alarm")
    assert ":store-002:" in alarm["name"]
    assert "it inherits no more from certificate:model:all=all:" in alarm["detail"]
    looks = "SELECT min(looked_at) FROM epoch WHERE ended_at IS NULL"
    before = await stack.value("SELECT max(looked_at) FROM epoch")
    async with asyncio.timeout(40):
        while (await stack.value(looks) or before) <= before:
            await asyncio.sleep(0.05)
    assert set(await held(stack)) == {"all=all", "default", "store-001"}, "who has left stays away"

    scope = await stack.value("SELECT scope FROM control WHERE scope LIKE 'certificate:model:all=all:%'")
    refused = await stack.admin.post("/v1/automation/suspend", {"scope": scope, "reason": "a product was recalled"})
    assert refused.status_code == 200
    assert await held(stack) == {}, "with the group's, at once"


async def test_a_slice_with_audits_enough_has_its_own_certificate(build_stack):
    stack = await build_stack("api", "keeper", documents=certified(slices="location", inherit="all"))
    await record(stack, 250, slice_="default")
    await record(stack, 600, slice_="store-001")

    found = await until_held(stack, "all=all", "default", "store-001", "store-002")
    async with asyncio.timeout(40):
        while True:
            body = (await stack.admin.get(f"/v1/automation/certificates/{found['store-001']}")).json()["body"]
            if "inherits" not in body:
                break
            found = await held(stack)
            await asyncio.sleep(0.05)

    assert body["audits"] > 0
    assert not await stack.value(
        "SELECT count(*) FROM epoch WHERE scope LIKE '%:store-001:%' AND inherited IS NOT NULL"
    )


async def test_a_family_shares_one_error_budget_and_has_room_for_so_many_slices(build_stack):
    """Three stores in a family of two: half of the budget each for the first two, and none for the last."""
    documents = certified(slices="location")
    documents["plans"]["model"]["stages"][0]["accept"] = {"certified": {"target": 0.05, "family": 2}}
    stack = await build_stack("api", "keeper", documents=documents)
    for name in ("default", "store-001", "store-002"):
        await record(stack, 900, slice_=name, wrong=range(0, 200, 2))  # the least sure ones: no sequence is done

    async with asyncio.timeout(40):
        while len(found := await held(stack)) < 2:
            await asyncio.sleep(0.05)
    bodies = [(await stack.admin.get(f"/v1/automation/certificates/{each}")).json()["body"] for each in found.values()]
    seen = (await stack.admin.get("/v1/automation")).json()

    first = 0.1 * 6 / math.pi**2
    assert min(body["delta"] for body in bodies) == pytest.approx(first / 2)
    assert seen["expected_false"] <= 0.1
    [none] = [each for each in seen["slices"] if each["state"] == "none"]
    assert "an error budget for 2 slices" in none["reason"]
    assert len(found) == 2
