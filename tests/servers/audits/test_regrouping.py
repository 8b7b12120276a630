"""Stores that move to another group, and groups under other names: what was audited counts where it was drawn."""

from typing import Any

from tests.servers.audits.evidence import EXPERTS, certified, record
from tests.servers.audits.test_families import first_of, held, until_held
from tests.waiting import until

from adjudge.engine import audit_rates
from adjudge.engine.certificates import records
from adjudge.engine.coins import POLICY
from adjudge.store.automation import parameters


def regions(**of: list[str]) -> dict[str, Any]:
    """Documents with these stores in these regions, whose certificates they inherit."""
    documents = certified(slices="location", inherit="region")
    documents["groups"] = {name: {"dimension": "region"} for name in of}
    documents["locations"] = {store: {"groups": [name]} for name, stores in of.items() for store in stores}
    return documents


async def test_a_group_under_another_name_has_neither_new_evidence_nor_a_new_error_budget(build_stack):
    """Audits of an epoch that has ended never license again: a suspension is not undone by reorganising regions."""
    stack = await build_stack("api", "keeper", documents=regions(north=["default", "store-001"]))
    for store in ("default", "store-001"):
        await record(stack, 250, slice_=store)
    await until_held(stack, "region=north", "default", "store-001")
    scope = await stack.value("SELECT scope FROM control WHERE scope LIKE '%:region=north:%'")
    suspended = await stack.admin.post("/v1/automation/suspend", {"scope": scope, "reason": "a new shelf"})
    assert suspended.status_code == 200

    await stack.publish(**regions(shore=["default", "store-001"]))
    looked = "SELECT looked_at FROM epoch WHERE scope LIKE '%:region=shore:%'"
    first = await until(lambda: stack.value(looked), lambda found: found is not None, seconds=40)
    await until(lambda: stack.value(looked), lambda found: found > first, seconds=40)

    assert await held(stack) == {}
    [ended] = await stack.rows("SELECT number, first_number FROM epoch WHERE scope = $1 AND number = 2", scope)
    [anew] = await stack.rows("SELECT number, first_number FROM epoch WHERE scope LIKE '%:region=shore:%'")
    assert (anew["number"], anew["first_number"]) == (ended["number"], ended["first_number"])
    assert anew["first_number"] >= 500


async def test_who_leaves_a_group_changes_nothing_of_how_its_audits_were_thinned(build_stack):
    """By the rates of who was in it, at the rates of that moment: else the record would be another at each reading."""

    def at(**of: list[str]) -> dict[str, Any]:
        documents = regions(**of)
        documents["types"]["model"]["audits"]["budget"] = 40
        return documents

    stack = await build_stack("api", documents=at(north=["default", "store-001"], south=["store-002"]))
    rates = [("model", "default", 0.9), ("model", "store-001", 0.3)]
    async with stack.db.acquire() as connection:
        policy = POLICY + await parameters.publish(connection, audit_rates.KIND, rates)
    for _, store, rate in rates:
        await record(stack, int(1_000 * rate), slice_=store, rate=rate, policy=policy)
    await stack.start("keeper")
    before = await first_of(stack, "region=north")
    scope = await stack.value("SELECT scope FROM control WHERE certificate = $1", before)

    await stack.publish(**at(north=["default"], south=["store-002", "store-001"]))
    members = "SELECT covers ->> 'members' FROM epoch WHERE scope = $1"
    await until(lambda: stack.value(members, scope), lambda found: found == '["default"]', seconds=40)
    await stack.admin.post("/v1/automation/renew", {"scope": scope, "reason": "another year"})
    renewed = await until(lambda: first_of(stack, "region=north"), lambda held: held != before, seconds=40)

    read = [await inputs_of(stack, each) for each in (before, renewed)]
    assert read[0] == read[1]
    assert 520 < len(read[0]) < 680, "300 of one, and as many of 900"


async def inputs_of(stack, certificate: str) -> list[str]:
    body = (await stack.admin.get(f"/v1/automation/certificates/{certificate}")).json()["body"]
    return sorted(each["decision"] for each in body["inputs"])


async def test_what_a_store_was_audited_before_it_moves_stays_with_the_group_that_it_leaves(build_stack):
    """So a certificate that is renewed says on what it rests; and the group to which it comes gets none of it."""
    north, south = ["default", "store-001"], ["store-002"]
    stack = await build_stack("api", "keeper", documents=regions(north=north, south=south))
    for store in north:
        await record(stack, 250, slice_=store)
    found = await until_held(stack, "region=north", *north)

    await stack.publish(**regions(north=north[:1], south=[*south, "store-001"]))
    await until_held(stack, "region=north", "default")
    await record(stack, 20, slice_="store-001")
    await record(stack, 10, slice_="default")
    scope = await stack.value("SELECT scope FROM control WHERE certificate = $1", found["region=north"])
    asked = await stack.admin.post("/v1/automation/renew", {"scope": scope, "reason": "another year"})
    assert asked.status_code == 200
    renewed = await until(
        lambda: first_of(stack, "region=north"), lambda held: held != found["region=north"], seconds=40
    )

    body = (await stack.admin.get(f"/v1/automation/certificates/{renewed}")).json()["body"]
    verified = records.verify(renewed, body)
    assert (verified.hash_holds, verified.licence_holds, verified.audits) == (True, True, 510)
    south_has = "SELECT standing ->> 'audits' FROM epoch WHERE scope LIKE '%:region=south:%'"
    assert await until(lambda: stack.value(south_has), lambda found: found != "0", seconds=40) == "20"


async def test_what_a_member_lost_in_its_group_stays_lost_after_it_has_moved(build_stack):
    """Its audits since its suspension were no evidence of the group: they are not read as that once it has gone."""
    north, south = ["default", "store-001"], ["store-002"]
    stack = await build_stack("api", "keeper", documents=regions(north=north, south=south))
    for store in north:
        await record(stack, 250, slice_=store)
    found = await until_held(stack, "region=north", *north)
    own = await stack.value("SELECT scope FROM control WHERE certificate = $1", found["store-001"])
    gone = await stack.admin.post("/v1/automation/suspend", {"scope": own, "reason": "a new shelf"})
    assert gone.status_code == 200
    await record(stack, 20, slice_="store-001")

    await stack.publish(**regions(north=north[:1], south=[*south, "store-001"]))
    await until_held(stack, "region=north", "default")
    await record(stack, 10, slice_="default")
    scope = await stack.value("SELECT scope FROM control WHERE certificate = $1", found["region=north"])
    await stack.admin.post("/v1/automation/renew", {"scope": scope, "reason": "another year"})
    renewed = await until(
        lambda: first_of(stack, "region=north"), lambda held: held != found["region=north"], seconds=40
    )

    body = (await stack.admin.get(f"/v1/automation/certificates/{renewed}")).json()["body"]
    assert records.verify(renewed, body).audits == 510


async def test_what_a_group_has_spent_in_tests_its_next_name_may_not_spend_again(build_stack):
    """Else with a new name every month the promise would be kept in every month, and not in the year."""
    stack = await build_stack("api", "keeper", documents=regions(north=["default", "store-001"]))
    for store in ("default", "store-001"):
        await record(stack, 250, slice_=store)
    await until_held(stack, "region=north", "default", "store-001")

    await stack.publish(**regions(shore=["default", "store-001"]))

    begun = "SELECT number FROM epoch WHERE scope LIKE '%:region=shore:%'"
    assert await until(lambda: stack.value(begun), seconds=40) == 2


async def test_a_group_counts_no_audits_from_before_its_stores_found_out_in_another_way_what_is_true(build_stack):
    """Else what agents said would certify by the word of experts, once somebody has stores inherit."""

    def at(audits: dict[str, Any], **more: str) -> dict[str, Any]:
        documents = regions(north=["default", "store-001"])
        documents["types"]["model"]["audits"] = {**audits, "slices": "location", **more}
        return documents

    stack = await build_stack("api", "keeper", documents=at({"rate": 1, "pool": "agents", "votes": 3}))
    for store in ("default", "store-001"):
        await record(stack, 30, slice_=store)
    await until(lambda: stack.value("SELECT count(*) FROM epoch"), lambda found: found == 2, seconds=40)
    for store in ("default", "store-001"):
        await record(stack, 60, slice_=store)
    last = await stack.value("SELECT max(number) FROM audit")
    await stack.publish(**at(EXPERTS))
    moved = "SELECT min(first_number) FROM epoch WHERE ended_at IS NULL"
    await until(lambda: stack.value(moved), lambda found: found >= last, seconds=40)

    await stack.publish(**at(EXPERTS, inherit="region"))
    of_group = "SELECT first_number FROM epoch WHERE scope LIKE '%:region=north:%'"

    assert await until(lambda: stack.value(of_group), lambda found: found is not None, seconds=40) >= last
