"""Who sees and changes which endpoint: whoever may see all that it is told, and nobody else."""

import pytest
from tests.servers.webhooks.conftest import added

REQUESTS = [
    ("POST", "/test", None),
    ("POST", "/rotate", {}),
    ("POST", "/redeliver", {}),
    ("GET", "/deliveries", None),
    ("DELETE", "", None),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS, ids=str)
async def test_an_endpoint_of_another_store_is_not_there(stack, receiver, method, path, body):
    webhook = await added(await stack.key(locations=["store-002"]), receiver)
    stranger = await stack.key(locations=["store-001"])

    answer = await stranger(method, f"/v1/webhooks/{webhook}{path}", body)

    assert answer.status_code == 404
    assert receiver.requests == []
    assert (await stranger.get("/v1/webhooks")).json() == {"webhooks": []}


async def test_the_whole_chain_s_endpoint_is_not_a_store_s(stack, receiver):
    webhook = await added(stack.admin, receiver)
    store = await stack.key(locations=["store-001"])

    assert (await store.get("/v1/webhooks")).json() == {"webhooks": []}
    assert (await store("DELETE", f"/v1/webhooks/{webhook}")).status_code == 404


async def test_another_key_of_the_same_store_takes_over(stack, receiver):
    webhook = await added(await stack.key(locations=["store-001"]), receiver)
    other = await stack.key(locations=["store-001", "store-002"])

    [listed] = (await other.get("/v1/webhooks")).json()["webhooks"]

    assert listed["id"] == webhook
    assert listed["locations"] == ["store-001"]


async def test_a_store_s_key_adds_endpoints_for_its_own_locations_alone(stack, receiver):
    store = await stack.key(locations=["store-001"])

    refused = await store.post("/v1/webhooks", {"url": receiver.url, "locations": ["store-001", "store-002"]})

    assert refused.status_code == 403
    assert refused.json()["errors"][0]["pointer"] == "#/locations/1"


@pytest.mark.parametrize(
    ("wanted", "kind"), [({"locations": ["nowhere"]}, "unknown-location"), ({"types": ["nothing"]}, "unknown-type")]
)
async def test_what_is_not_configured_cannot_be_wanted(stack, receiver, wanted, kind):
    refused = await stack.admin.post("/v1/webhooks", {"url": receiver.url, **wanted})

    assert refused.status_code == 422
    assert refused.json()["type"].endswith(f"/{kind}")


async def test_a_secret_is_shown_once(stack, receiver):
    webhook = await added(stack.admin, receiver)
    [secret] = receiver.secrets

    for path in ("/v1/webhooks", f"/v1/webhooks/{webhook}/deliveries"):
        assert secret not in (await stack.admin.get(path)).text


async def test_pages_of_deliveries_come_to_all_of_them(stack, receiver):
    webhook = await added(stack.admin, receiver)
    asked = await stack.ask_many(25)
    await receiver.until(25)

    found, cursor = [], ""
    while cursor is not None:
        page = (
            await stack.admin.get(f"/v1/webhooks/{webhook}/deliveries?limit=10{cursor and '&cursor='}{cursor}")
        ).json()
        found += [item["decision"] for item in page["items"]]
        cursor = page["next"]

    assert sorted(found) == sorted(asked)


@pytest.mark.parametrize("cursor", ["x", "01a2", "01a20b90-f2d7-7a01-8000-97173d40ce50.-1", "..", "%00"])
async def test_a_forged_cursor_is_refused(stack, receiver, cursor):
    webhook = await added(stack.admin, receiver)

    refused = await stack.admin.get(f"/v1/webhooks/{webhook}/deliveries?cursor={cursor}")

    assert refused.status_code == 422
    assert refused.json()["type"].endswith("/invalid-cursor")
