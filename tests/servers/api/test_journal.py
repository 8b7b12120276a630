"""The journal: who changed what stands above decisions, who looked at evidence; append-only."""

import asyncpg
import pytest
from tests.configured import question
from tests.stacks import Caller


async def entries(caller: Caller, **wanted: str) -> list[dict]:
    query = "&".join(f"{name}={value}" for name, value in wanted.items())
    answer = await caller.get(f"/v1/journal?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_every_change_of_a_key_is_noted_with_who_did_it(stack):
    admin = (await stack.admin.post("/v1/keys", {"name": "boss", "role": "admin"})).json()
    boss = Caller(stack.client, admin["key"])
    limits = {"requests_per_second": 5}

    made = (await boss.post("/v1/keys", {"name": "till", "role": "client", "limits": limits})).json()
    await boss.post(f"/v1/keys/{made['id']}/rotate", {"overlap_seconds": 60})
    await boss("PUT", f"/v1/keys/{made['id']}/limits", {"open_decisions": 9})
    await boss("DELETE", f"/v1/keys/{made['id']}")
    noted = await entries(stack.admin, subject=made["id"])

    assert [entry["action"] for entry in noted] == ["key.revoked", "key.limited", "key.rotated", "key.created"]
    assert {(entry["actor"], entry["actor_name"]) for entry in noted} == {(admin["id"], "boss")}
    assert noted[3]["detail"]["requests_per_second"] == 5
    assert noted[1]["detail"]["open_decisions"] == 9
    assert made["key"] not in str(noted)


async def test_switches_reviewers_and_configuration_are_noted(stack):
    await stack.admin.post("/v1/deciders/second@1/switch", {"on": False, "reason": "odd answers"})
    await stack.admin.post("/v1/deciders/second@1/switch", {"on": True, "reason": "mended"})
    person = (await stack.admin.post("/v1/reviewers", {"name": "noted", "pools": ["agents"]})).json()

    [on, off] = await entries(stack.admin, action="decider.switched", subject="second@1")
    [added] = await entries(stack.admin, action="reviewer.added", subject=person["name"])
    published = await entries(stack.admin, action="configuration.published")

    assert (off["detail"], on["detail"]) == (
        {"on": False, "until": None, "reason": "odd answers"},
        {"on": True, "until": None, "reason": "mended"},
    )
    assert added["detail"] == {"pools": ["agents"]}
    assert [entry["subject"] for entry in published] == ["1"]


async def test_webhooks_are_noted_without_what_their_address_may_hold(stack):
    made = (await stack.admin.post("/v1/webhooks", {"url": "https://example.com/hook?token=hush"})).json()
    await stack.admin.post(f"/v1/webhooks/{made['id']}/rotate", {})
    await stack.admin("DELETE", f"/v1/webhooks/{made['id']}")

    noted = await entries(stack.admin, subject=made["id"])

    assert [entry["action"] for entry in noted] == ["webhook.removed", "webhook.rotated", "webhook.added"]
    assert noted[2]["detail"]["host"] == "example.com"
    assert "hush" not in str(noted)
    assert made["secret"] not in str(noted)


async def test_who_was_shown_evidence_is_noted_with_the_claim(stack):
    asked = [await stack.ask("expert", location="store-001", note="secret") for _ in range(2)]
    anna = await stack.reviewer("anna", "experts")

    tasks = await anna.claim(count=2)
    noted = [entry for one in asked for entry in await entries(stack.admin, subject=one["id"])]

    assert [entry["action"] for entry in noted] == ["evidence.viewed"] * 2
    assert {entry["detail"]["task"] for entry in noted} == {task["id"] for task in tasks}
    assert {entry["detail"]["reviewer"].partition("-")[0] for entry in noted} == {"anna"}
    assert {entry["location"] for entry in noted} == {"store-001"}
    assert "secret" not in str(noted)
    for one in asked:
        await stack.admin.post(f"/v1/decisions/{one['id']}/cancel")


async def test_pages_of_the_journal_meet_without_a_gap_and_filters_hold(stack):
    for number in range(5):
        await stack.admin.post("/v1/keys", {"name": f"k-{number}", "role": "client"})
    whole = [entry["id"] for entry in await entries(stack.admin, limit="200")]

    paged, cursor = [], ""
    while cursor is not None:
        page = (await stack.admin.get(f"/v1/journal?limit=2{cursor and f'&cursor={cursor}'}")).json()
        paged += [entry["id"] for entry in page["items"]]
        cursor = page["next"]

    assert paged == whole
    assert len(set(whole)) == len(whole)
    assert {entry["action"] for entry in await entries(stack.admin, action="key.created")} == {"key.created"}
    assert await entries(stack.admin, actor="nobody") == []
    assert await entries(stack.admin, until="2026-01-01T00:00:00Z") == []
    assert len(await entries(stack.admin, since="2026-01-01T00:00:00Z", limit="200")) == len(whole)


async def test_a_bound_admin_reads_what_was_done_at_its_locations(stack):
    asked = {place: await stack.ask("expert", location=place) for place in ("store-001", "store-002")}
    await (await stack.reviewer("bob", "experts")).claim(count=2)
    bound = await stack.key("admin", locations=["store-001"])

    seen = await entries(bound, limit="200")
    foreign = await entries(bound, subject=asked["store-002"]["id"])

    assert {entry["location"] for entry in seen} == {"store-001"}
    assert asked["store-001"]["id"] in [entry["subject"] for entry in seen]
    assert foreign == []
    for one in asked.values():
        await stack.admin.post(f"/v1/decisions/{one['id']}/cancel")


@pytest.mark.parametrize("change", ["UPDATE journal SET actor = 'me'", "DELETE FROM journal", "TRUNCATE journal"])
async def test_the_journal_can_be_neither_changed_nor_shortened(stack, change):
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await stack.rows(change)


async def test_what_was_not_done_is_not_noted(stack):
    """Change and note are one transaction."""
    before = await stack.value("SELECT count(*) FROM journal")

    await stack.admin("DELETE", "/v1/keys/key_none")
    await stack.admin.post("/v1/keys", {"name": "x", "role": "client", "locations": ["store-999"]})
    await stack.admin.post("/v1/deciders/none@1/switch", {"on": True, "reason": "x"})
    nobody = await stack.reviewer("carl")
    await nobody.claim(pools=["experts"])
    await stack.admin.post("/v1/decisions", question())

    assert await stack.value("SELECT count(*) FROM journal WHERE action <> 'reviewer.added'") <= before + 1
