"""Slices of one group: they inherit, leave and lose together what the group has; and families share one budget."""

import asyncio
import math
from collections import Counter
from typing import Any

import pytest
from tests.commands import served, typed
from tests.servers.audits.auditing import staffed
from tests.servers.audits.evidence import certified, record, record_of_two
from tests.servers.audits.test_certificates import waiting_for_people
from tests.servers.audits.test_money import STAKES, at_stake, of_money
from tests.waiting import until

from adjudge.core.licences import Licence, prefix_of
from adjudge.engine import audit_rates
from adjudge.engine.certificates import inheriting
from adjudge.engine.coins import POLICY
from adjudge.store.automation import certificates, inheritances, parameters


async def held(stack) -> dict[str, str]:
    """Return the certificates in force, by slice."""
    rows = await stack.rows("SELECT scope, certificate FROM control WHERE certificate IS NOT NULL")
    return {row["scope"].split(":")[2]: row["certificate"] for row in rows}


async def until_held(stack, *slices: str) -> dict[str, str]:
    return await until(lambda: held(stack), lambda found: set(found) == set(slices), seconds=40)


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
    assert f"inherits {found['all=all']} from its group until it has its own: 0 audits closed" in why

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
    await until(lambda: stack.value(looks), lambda found: (found or before) > before, seconds=40)
    assert set(await held(stack)) == {"all=all", "default", "store-001"}, "who has left stays away"
    known = await read_by_group(stack)
    await record(stack, 100, wrong=range(100), slice_="store-002")
    await record(stack, 50, slice_="default")
    await until(lambda: read_by_group(stack), lambda found: found != known, seconds=40)
    assert await read_by_group(stack) == known + 40, "its group is judged without it from then on"

    scope = await stack.value("SELECT scope FROM control WHERE scope LIKE 'certificate:model:all=all:%'")
    refused = await stack.admin.post("/v1/automation/suspend", {"scope": scope, "reason": "a product was recalled"})
    assert refused.status_code == 200
    assert await held(stack) == {}, "with the group's, at once"
    await until(
        lambda: why_at(stack, "default"),
        lambda found: "certificate of its group is suspended (a product was recalled); " in found,
        seconds=40,
    )


async def read_by_group(stack) -> int:
    return int(await stack.value("SELECT standing -> 'audits' FROM epoch WHERE scope LIKE '%:all=all:%'"))


async def why_at(stack, location: str) -> str:
    return str((await stack.admin.get(f"/v1/automation/why?location={location}&type=model")).json()["why"])


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
    """Three stores in a family of two: half of the budget each for the first two, and none for the last.

    Also where one look finds audits enough of all three.
    """
    documents = certified(slices="location")
    documents["plans"]["model"]["stages"][0]["accept"] = {"certified": {"target": 0.05, "family": 2}}
    stack = await build_stack("api", documents=documents)
    for name in ("default", "store-001", "store-002"):
        await record(stack, 900, slice_=name, wrong=range(0, 200, 2))  # the least sure ones: no sequence is done

    await stack.start("keeper")
    found = await until(lambda: held(stack), lambda found: len(found) >= 2, seconds=40)
    bodies = [(await stack.admin.get(f"/v1/automation/certificates/{each}")).json()["body"] for each in found.values()]
    seen = (await stack.admin.get("/v1/automation")).json()

    first = 0.1 * 6 / math.pi**2
    assert min(body["delta"] for body in bodies) == pytest.approx(first / 2)
    assert seen["expected_false"] <= 0.1
    [none] = [each for each in seen["slices"] if each["state"] == "none"]
    assert "an error budget for 2 slices" in none["reason"]
    assert len(found) == 2


async def test_a_place_in_a_family_is_held_by_who_is_tested_for_good(build_stack):
    """A store that never has audits enough holds none; one that has closed keeps the one that it had."""

    def documents(*stores: str) -> dict[str, Any]:
        found = certified(slices="location")
        found["plans"]["model"]["stages"][0]["accept"] = {"certified": {"target": 0.05, "family": 2}}
        return {**found, "locations": {store: {} for store in stores}}

    stores = ["default", "store-000", "store-001", "store-002", "store-003"]
    stack = await build_stack("api", "keeper", documents=documents(*stores))
    await until(lambda: stack.value("SELECT count(*) FROM epoch"), lambda found: found == len(stores), seconds=40)
    for store in stores[3:]:
        await record(stack, 900, slice_=store, wrong=range(0, 200, 2))
    await until_held(stack, "store-002", "store-003")

    await stack.publish(**documents(*stores[:4]))
    await until_held(stack, "store-002")
    await record(stack, 900, slice_="store-001", wrong=range(0, 200, 2))

    reason = "SELECT standing ->> 'reason' FROM epoch WHERE scope LIKE '%:store-001:%'"
    await until(lambda: stack.value(reason), lambda found: "and so many were tested before" in found, seconds=40)
    looked = "SELECT looked_at FROM epoch WHERE scope LIKE '%:store-001:%'"
    before = await stack.value(looked)
    await until(lambda: stack.value(looked), lambda found: found > before, seconds=40)
    assert set(await held(stack)) == {"store-002"}


async def test_a_later_stage_is_inherited_where_the_earlier_one_is_and_lost_with_it(build_stack):
    """Its group's certificate speaks of what the group's earlier stage leaves over."""
    documents = certified("unsure@1", rate=0, slices="location", inherit="all")
    second = {"ask": "second@1", "accept": {"certified": {"target": 0.05}}}
    documents["plans"]["model"]["stages"].insert(1, second)
    stack = await build_stack("api", "worker", documents=documents)
    await record_of_two(stack, 1_000, first_by="unsure@1", slice_="store-001")
    await stack.start("keeper")
    await in_force_at(stack, "store-002", stages=1)
    await record_of_two(stack, 1_000, first_by="unsure@1", slice_="store-001")
    first, later = await in_force_at(stack, "store-002", stages=2)

    decided = await decided_by(stack, later.certificate, "store-002")

    assert decided["outcome"]["deciders"] == ["second@1"]
    body = (await stack.admin.get(f"/v1/automation/certificates/{later.certificate}")).json()["body"]
    assert [each["scope"] for each in body["behind"]] == [first.scope]
    suspended = await stack.admin.post("/v1/automation/suspend", {"scope": first.scope, "reason": "a new shelf"})
    assert suspended.status_code == 200
    reason = "SELECT reason FROM control WHERE scope = $1 AND certificate IS NULL"
    why = await until(lambda: stack.value(reason, later.scope), lambda found: found is not None, seconds=40)
    assert why == "an earlier stage accepts otherwise here than in its group"
    assert len(await in_force_at(stack, "default", stages=2)) == 2


async def in_force_at(stack, slice_: str, stages: int) -> list[Licence]:
    """Return the licences of a slice, stage by stage, once it has so many."""
    sql = "SELECT certificate FROM control WHERE certificate IS NOT NULL AND scope LIKE $1"
    found = await until(
        lambda: stack.rows(sql, f"certificate:model:{slice_}:%"), lambda found: len(found) >= stages, seconds=40
    )
    prefixes = stack.services.revisions.current.plan("default", "model").prefixes
    async with stack.db.acquire() as connection:
        licences = await certificates.licences(connection, [row["certificate"] for row in found])
    return sorted(licences, key=lambda one: prefixes.index(prefix_of(one.scope)))


async def test_a_slice_inherits_what_its_group_has_shown_of_money_and_is_watched_by_money(build_stack, monkeypatch):
    """And what it has is verified from the command line with its group's record."""
    stack = await build_stack("api", "worker", "keeper", documents=of_money(slices="location", inherit="all"))
    [expert] = await staffed(stack, "experts", count=1)
    await record(stack, 900, slice_="store-001", stakes=STAKES)
    found = await until_held(stack, "all=all", "default", "store-001", "store-002")
    copy = found["store-002"]

    for location, amount, answer, count in (
        ("default", "450.00", "pay", 12),
        ("store-002", "1.00", "refuse", 6),
        ("store-002", "450.00", "refuse", 4),
    ):
        for _ in range(count):
            await at_stake_decided(stack, found[location], amount, location)
        for _ in range(count):
            await expert.answer((await expert.claim(wait=5))[0], answer)
        if amount == "1.00":
            await watched(stack, "store-002", audits=6)
            assert (await held(stack))["store-002"] == copy, "six wrong answers on small change say little"
    left = await until_held(stack, "all=all", "default", "store-001")

    async with served(stack._app) as url:
        adjudge = typed(url, stack.admin.key, monkeypatch)
        status, said = await adjudge("automation", "verify", copy)
        _, shown = await adjudge("automation", "show", copy)
    assert (status, "hash      holds" in said, "900 audits" in said) == (0, True, True), said
    assert "at most 5% of the stake wrong, of stakes up to 500.00 USD" in shown
    assert f"that of {left['all=all']}, of its group model:all=all:" in shown


@pytest.mark.parametrize(("is_of_money", "rarest"), [(False, 0.3), (True, 0.6)])
async def test_what_a_budget_draws_more_of_one_slice_is_no_more_of_the_groups_evidence(
    build_stack, is_of_money, rarest
):
    """Thinned, or of money weighed, to the rarest of that moment: the set of rates under which the coins fell.

    And each database has its own sets, though they have the same numbers.
    """
    audits = {"slices": "location", "inherit": "all", "budget": 40}
    stack = await build_stack("api", documents=(of_money if is_of_money else certified)(**audits))
    async with stack.db.acquire() as connection:
        rates = [("model", "default", 0.9), ("model", "store-001", rarest)]
        policy = POLICY + await parameters.publish(connection, audit_rates.KIND, rates)
    for _, name, rate in rates:
        await record(stack, int(1_000 * rate), slice_=name, stakes=STAKES, rate=rate, policy=policy)

    await stack.start("keeper")
    certificate = await first_of(stack, "all=all")

    inputs = (await stack.admin.get(f"/v1/automation/certificates/{certificate}")).json()["body"]["inputs"]
    if is_of_money:
        weights = Counter(round(each["weight"], 4) for each in inputs)
        assert weights == {0.04: 400, 0.8: 200, 0.0267: 600, 0.5333: 300}
    else:
        assert 520 < len(inputs) < 680, "300 of one, and as many of 900"


async def test_where_audits_become_rarer_than_money_was_weighed_by_everything_begins_anew(build_stack):
    """What weighs 1 is fixed beforehand: else a dear mistake would weigh too little, or a bet lose more than there is.

    Of a slice that inherits by its own rates, which may fall while its group's lowest stays what it was.
    """

    def at_rates(others: float, rarest: float) -> dict[str, Any]:
        documents = of_money(rate=others, slices="location", inherit="all")
        own = {"types": {"model": {"audits": {"rate": rarest}}}}
        locations = {"default": {}, "store-001": {}, "store-002": own}
        return {**documents, "locations": locations}

    stack = await build_stack("api", "keeper", documents=at_rates(1, 0.2))
    await record(stack, 3_000, slice_="store-001", stakes=STAKES)
    await until_held(stack, "all=all", "default", "store-001", "store-002")

    await stack.publish(**at_rates(0.5, 0.2))
    replaced = "SELECT scope FROM epoch WHERE ended_why = 'replaced'"
    await until(
        lambda: stack.rows(replaced),
        lambda found: {row["scope"].split(":")[2] for row in found} == {"default", "store-001"},
        seconds=40,
    )
    await stack.publish(**at_rates(0.5, 0.1))
    await until(lambda: held(stack), lambda found: "all=all" not in found, seconds=40)


async def test_at_a_dated_look_a_member_leaves_that_its_own_watch_still_bears(build_stack):
    """By the exact test of its audits among those of its siblings; people take over as at any suspension."""
    stack = await build_stack("api", "worker", "keeper", documents=certified(slices="location", inherit="all"))
    [expert] = await staffed(stack, "experts", count=1)
    await record(stack, 500, slice_="store-001")
    found = await until_held(stack, "all=all", "default", "store-001", "store-002")
    for location, answers in (("default", "r" * 15), ("store-002", "rrwrrwrrwrrw")):
        for _ in answers:
            await decided_by(stack, found[location], location)
        for each in answers:
            await expert.answer((await expert.claim(wait=5))[0], "refuse" if each == "w" else "pay")
        await watched(stack, location, len(answers))
    assert (await held(stack))["store-002"] == found["store-002"], "the watch alone has not shown it"
    generation = await stack.value("SELECT generation FROM control WHERE certificate = $1", found["store-002"])

    await stack.rows("UPDATE epoch SET began_at = began_at - interval '8 days' WHERE scope LIKE '%:all=all:%'")
    left = await until_held(stack, "all=all", "default", "store-001")

    assert left["default"] == found["default"]
    [alarm] = await stack.rows("SELECT name, detail FROM alarm")
    assert ":store-002:" in alarm["name"]
    assert "4 of 12 audited automated decisions were wrong by look 1 at all members of its group" in alarm["detail"]
    assert "of probability 0.0022, and 0.015 is allowed: it inherits no more from" in alarm["detail"]
    control = "SELECT generation, certificate FROM control WHERE scope LIKE '%:store-002:%'"
    [after] = await stack.rows(control)
    assert (after["generation"], after["certificate"]) == (generation + 1, None), "what was accepted is refused"
    ended = await stack.rows("SELECT ended_why FROM epoch WHERE scope LIKE '%:store-002:%' ORDER BY number")
    assert [row["ended_why"] for row in ended] == ["siblings", None]
    async with stack.db.acquire() as connection:
        assert await inheritances.has_left(connection, alarm["name"].removeprefix("suspended:")), "it inherits no more"
    why = (await stack.admin.get("/v1/automation/why?location=store-002&type=model")).json()["why"]
    assert "4 of 12 audited automated decisions were wrong by look 1" in why
    async with asyncio.timeout(40):
        while (asked := await stack.ask(wait=1, location="store-002"))["outcome"] is not None:
            pass
    assert (await waiting_for_people(stack, asked["id"]))["waiting_for"]["pool"] == "agents"


async def first_of(stack, slice_: str) -> str:
    """Return the certificate of a slice, or group, once it has one."""
    sql = "SELECT certificate FROM control WHERE certificate IS NOT NULL AND scope LIKE $1"
    return await until(
        lambda: stack.value(sql, f"certificate:model:{slice_}:%"), lambda found: found is not None, seconds=40
    )


async def at_stake_decided(stack, certificate: str, amount: str, location: str) -> None:
    async with asyncio.timeout(40):
        while (asked := await at_stake(stack, amount, wait=1, location=location))["outcome"] is None:
            pass
    assert asked["outcome"]["certificate"] == certificate


async def watched(stack, slice_: str, audits: int) -> None:
    """Wait until the watch over what a slice inherits has read so many audits."""
    sql = "SELECT inherited #>> '{watch,audits}' FROM epoch WHERE ended_at IS NULL AND scope LIKE $1"
    await until(lambda: stack.value(sql, f"%:{slice_}:%"), lambda found: found == str(audits), seconds=40)
