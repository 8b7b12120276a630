"""What callers are told when somebody was faster, and what bound keys must not learn."""

import asyncio
from uuid import UUID

import pytest
from tests.configured import question
from tests.waiting import until

from adjudge.engine.deciding.cancelling import cancel


def kind_of(answer) -> str:
    return answer.json()["type"].rpartition("/")[2]


LEAKING = {
    "an unknown type": question("no.such.type", location="store-002"),
    "evidence that does not fit": {"type": "model", "location": "store-002", "evidence": {}},
    "a name nearly right": question(location="store-02"),
}


@pytest.mark.parametrize("what", LEAKING)
async def test_a_bound_key_learns_nothing_of_other_locations(stack, what):
    """Neither what fits there nor their names."""
    mine = await stack.key("client", locations=["store-001"])

    single = await mine.post("/v1/decisions", LEAKING[what])
    [item] = (await mine.post("/v1/decisions/bulk", {"items": [LEAKING[what]]})).json()["items"]

    assert (single.status_code, kind_of(single)) == (422, "unknown-location")
    assert item["problem"] == single.json()
    assert [error["pointer"] for error in single.json()["errors"]] == ["#/location"]
    assert "store-00" not in single.text.replace(LEAKING[what]["location"], "")


async def test_a_bound_key_whose_location_has_gone_is_not_told_of_others(stack):
    mine = await stack.key("client", locations=["store-001"])
    await stack.rows("UPDATE api_key SET locations = '{store-003}' WHERE locations = '{store-001}'")

    answer = await mine.post("/v1/decisions", question(location="store-003"))

    assert (answer.status_code, kind_of(answer)) == (422, "unknown-location")
    assert "store-00" not in answer.text.replace("store-003", "")


async def test_a_cancellation_that_comes_a_moment_too_late_is_told_the_outcome(stack):
    """Settled between being read and being locked."""
    asked = (await stack.ask("person"))["id"]
    services = stack.services
    async with stack.db.acquire() as connection:
        async with connection.transaction():
            backend = await connection.fetchval("SELECT pg_backend_pid()")
            await cancel(connection, {UUID(asked): "cancelled by faster"}, now=services.clock, new_id=services.new_id)
            late = asyncio.create_task(stack.admin.post(f"/v1/decisions/{asked}/cancel"))
            await until_somebody_waits_for(stack, backend)
        answer = await late

    assert (answer.status_code, kind_of(answer)) == (409, "already-settled")
    assert answer.json()["decision"]["id"] == asked
    assert answer.json()["decision"]["outcome"]["reason"] == "cancelled by faster"


async def until_somebody_waits_for(stack, backend: int) -> None:
    await until(
        lambda: stack.value("SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))", backend),
        seconds=5,
    )


async def test_a_path_is_read_at_one_moment(stack):
    """Settled between two statements of the reader, events would be in neither part."""
    asked = (await stack.ask("person"))["id"]
    services = stack.services
    async with stack.db.acquire() as connection:
        async with connection.transaction():
            backend = await connection.fetchval("SELECT pg_backend_pid()")
            await cancel(connection, {UUID(asked): "cancelled by faster"}, now=services.clock, new_id=services.new_id)
            await connection.execute("LOCK TABLE decision_event IN ACCESS EXCLUSIVE MODE")
            reading = asyncio.create_task(stack.admin.get(f"/v1/decisions/{asked}/path"))
            await until_somebody_waits_for(stack, backend)
        path = (await reading).json()

    assert (path["decision"]["status"], path["outcomes"]) == ("open", [])
    assert [event["kind"] for event in path["events"]] == ["asked"]


async def test_lists_by_status_and_time_hold_what_they_name(stack):
    waiting, held = (await stack.ask("person"))["id"], (await stack.ask("nobody.held"))["id"]
    provisional, final = (await stack.ask("nobody.provisional"))["id"], (await stack.ask("model", wait=5))["id"]
    for decision, status in ((held, "held"), (provisional, "provisional")):
        await stack.until(decision, status)
    moment = (await stack.read(final))["asked_at"].replace("+", "%2B")

    async def listed(query: str) -> set[str]:
        answer = await stack.admin.get(f"/v1/decisions?{query}")
        assert answer.status_code == 200, answer.text
        return {one["id"] for one in answer.json()["items"]} & {waiting, held, provisional, final}

    assert await listed("status=open") == {waiting}
    assert await listed("status=held") == {held}
    assert await listed("status=provisional") == {provisional}
    assert await listed("status=open&type=model") == set()
    assert await listed(f"status=final&since={moment}") == {final}
    assert await listed(f"until={moment}") == {waiting, held, provisional}
    assert await listed("since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59Z") == {waiting, held, provisional, final}
    assert await listed("until=1969-12-31T23:59:59Z") == set()
    for decision in (waiting, held, provisional):
        await stack.admin.post(f"/v1/decisions/{decision}/cancel")


UNSTORABLE = {
    "a filter": ("GET", "/v1/decisions?type=a%00b", None, "#/type (query)"),
    "a reason": ("POST", "/v1/decisions/{id}/cancel", {"reason": "a\0b"}, "#/reason"),
    "a source": ("POST", "/v1/decisions/{id}/truth", {"answer": "pay", "source": "a\0b"}, "#/source"),
    "a subject": ("POST", "/v1/erasures", {"subject": {"customer": "b\0"}, "reason": "x"}, "#/subject/customer"),
    "a switch": ("POST", "/v1/deciders/sure@1/switch", {"on": True, "reason": "\0"}, "#/reason"),
}


@pytest.mark.parametrize("what", UNSTORABLE)
async def test_what_cannot_be_stored_is_pointed_at_without_a_word_of_the_databases(stack, what):
    method, path, body, pointer = UNSTORABLE[what]
    asked = await stack.ask("person")

    answer = await stack.admin(method, path.format(id=asked["id"]), body)

    problem = answer.json()
    assert (answer.status_code, kind_of(answer)) == (422, "unstorable")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert not any(word in answer.text.lower() for word in ("utf8", "byte sequence", "$", "postgres", "asyncpg", "0x"))
    await stack.admin.post(f"/v1/decisions/{asked['id']}/cancel")


@pytest.mark.parametrize("route", ["decisions", "outcomes", "journal"])
@pytest.mark.parametrize("moment", ["2026", "1764547200", "1.5", "2026-11-29", "2026-11-29T00:00:00"])
async def test_an_instant_without_date_or_offset_is_refused(stack, route, moment):
    """A bare number would be taken for seconds since 1970, and a year be long ago."""
    answer = await stack.admin.get(f"/v1/{route}?since={moment}")

    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == "#/since (query)"
    assert not error["detail"].startswith("Value error")


async def test_a_field_that_is_none_or_lacks_is_told_alike_whoever_reads_the_body(stack):
    """Questions are read by other means than all else."""
    answers = [
        await stack.admin.post("/v1/decisions", {"location": "default", "evidence": {}}),
        await stack.admin.post("/v1/reviewers", {"name": "x"}),
        await stack.admin.post("/v1/decisions", {**question("model"), "colour": 1}),
        await stack.admin.post("/v1/reviewers", {"name": "x", "pools": ["agents"], "colour": 1}),
    ]

    assert [answer.status_code for answer in answers] == [422] * 4
    told = [answer.json()["errors"] for answer in answers]
    assert told[:2] == [[{"pointer": f"#/{field}", "detail": "is required"}] for field in ("type", "pools")]
    assert told[2] == told[3] == [{"pointer": "#/colour", "detail": "is no field of this object"}]
