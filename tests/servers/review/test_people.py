"""Who answers for which pools, and who no longer does."""

import asyncio

import pytest
from tests.servers.review.test_claims import kind_of
from tests.stacks import Caller


async def added(stack, name: str, *pools: str):
    return await stack.admin.post("/v1/reviewers", {"name": name, "pools": pools})


async def keys_of(stack, name: str) -> list[str]:
    rows = await stack.rows("SELECT id FROM api_key WHERE reviewer = $1 AND revoked_at IS NULL", name)
    return [row["id"] for row in rows]


async def members(stack, pool: str) -> int:
    found = (await stack.admin.get("/v1/deciders")).json()["deciders"]
    return next(each["people"]["members"] for each in found if each["id"] == pool)


async def test_who_has_lost_a_key_comes_back_under_the_same_name(stack):
    """What is learnt of a person is theirs; until they are back nobody counts on them."""
    first = await added(stack, "gina", "agents")
    counted = await members(stack, "agents")
    taken = await added(stack, "gina", "agents")
    [key] = await keys_of(stack, "gina")
    await stack.admin("DELETE", f"/v1/keys/{key}")
    away = await members(stack, "agents")
    listed = {each["name"]: each["has_key"] for each in (await stack.admin.get("/v1/reviewers")).json()["reviewers"]}

    back = await added(stack, "gina", "agents", "experts")

    assert (first.status_code, taken.status_code, kind_of(taken)) == (201, 409, "already-exists")
    assert (away, listed["gina"]) == (counted - 1, False)
    assert (back.status_code, back.json()["pools"], back.json()["has_key"]) == (201, ["agents", "experts"], True)
    assert back.json()["key"] != first.json()["key"]
    assert (await Caller(stack.client, back.json()["key"]).post("/v1/reviews/claim")).status_code == 200
    assert await members(stack, "agents") == counted


async def test_who_is_moved_answers_in_the_new_pool_with_the_same_key(stack, monkeypatch):
    monkeypatch.setattr("adjudge.api.authentication.REMEMBERED_SECONDS", 0.0)
    vera = Caller(stack.client, (await added(stack, "vera", "closed")).json()["key"])
    asked = await stack.ask("person")
    assert await vera.claim() == []

    moved = await stack.admin("PUT", "/v1/reviewers/vera", {"pools": ["agents"]})

    assert (moved.status_code, moved.json()["pools"]) == (200, ["agents"])
    [task] = await vera.claim()
    await stack.admin.post(f"/v1/decisions/{asked['id']}/cancel")
    assert task["pool"] == "agents"


@pytest.mark.parametrize(
    ("name", "pools", "status"), [("nobody", ["agents"], 404), ("walt", ["agnts"], 422), ("walt", [], 422)]
)
async def test_a_move_of_nobody_or_to_nowhere_is_refused(stack, name, pools, status):
    await added(stack, "walt", "agents")

    assert (await stack.admin("PUT", f"/v1/reviewers/{name}", {"pools": pools})).status_code == status


async def test_a_bound_admin_moves_only_people_within_its_bounds(stack):
    bound = await stack.key("admin", pools=["agents", "brief"])
    await asyncio.gather(added(stack, "xena", "agents"), added(stack, "yuri", "agents", "experts"))

    answers = [
        await bound("PUT", f"/v1/reviewers/{name}", {"pools": pools})
        for name, pools in (("xena", ["brief"]), ("yuri", ["brief"]), ("xena", ["experts"]))
    ]

    assert [answer.status_code for answer in answers] == [200, 404, 403]
