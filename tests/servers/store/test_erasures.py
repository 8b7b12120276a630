"""A subject can be erased: evidence and subject go, the figures stay, and that it was done is on record."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
from tests.configured import question
from tests.servers.labelled.recorded import record
from tests.stacks import build_stack
from tests.waiting import until

from adjudge.engine.keeping import erasing
from adjudge.store import erasures
from adjudge.store.scope import SYSTEM, Scope

__all__ = ["build_stack"]

JANE = {"customer": "jane", "visit": "v1"}
LOCAL = Scope("key_local", "admin", ("store-1",))


@pytest.fixture
async def connection(database_url) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url, timeout=10)
    yield connection
    await connection.close(timeout=10)


async def request(connection, subject=None, scope=SYSTEM):
    return await erasures.request(connection, scope, uuid4(), subject or {"customer": "jane"}, "request 7")


async def test_all_decisions_of_a_subject_lose_evidence_and_subject_and_nothing_else(connection, monkeypatch):
    monkeypatch.setattr(erasures, "WINDOW_ROWS", 3)
    hers = await record(connection, 5, subject=JANE)
    others = await record(connection, 5, first=5)
    before = await connection.fetch("SELECT to_jsonb(d) - 'subject' AS row FROM decision d ORDER BY id")
    asked = await request(connection)

    await erasing.work_off(connection)

    done = await erasures.get(connection, SYSTEM, asked.id)
    assert (done.erased, done.fields, done.done_at is not None) == (5, ["customer"], True)
    assert {row["decision_id"] for row in await connection.fetch("SELECT decision_id FROM evidence")} == set(others)
    subjects = await connection.fetch("SELECT id, subject FROM decision ORDER BY id")
    assert [row["subject"] for row in subjects[:5]] == ["{}"] * 5
    assert all("visit" in row["subject"] for row in subjects[5:])
    assert await connection.fetch("SELECT to_jsonb(d) - 'subject' AS row FROM decision d ORDER BY id") == before
    assert await connection.fetchval("SELECT count(*) FROM outcome") == 10
    events = await connection.fetch("SELECT decision_id, body FROM decision_event ORDER BY decision_id")
    assert [row["decision_id"] for row in events] == hers
    assert json.loads(events[0]["body"])["reason"] == "request 7"
    kept = await connection.fetch("SELECT erasure::text FROM erasure UNION ALL SELECT body::text FROM decision_event")
    assert not [row for row in kept if "jane" in row[0]]


NOTED = """
    INSERT INTO assignment (decision_id, token, reviewer, task_id, why, ended_at, ending, note)
    VALUES ($1, gen_random_uuid(), $2, gen_random_uuid(), 'next in queue', clock_timestamp(), 'declined', $3)
"""


@pytest.mark.parametrize("by_subject", [True, False])
async def test_what_people_noted_beside_a_reason_goes_too(connection, by_subject):
    [hers] = await record(connection, 1, subject=JANE)
    [other] = await record(connection, 1, first=1)
    for decision in (hers, other):
        await connection.execute(NOTED, decision, "anna", "conflict: I know Jane: she is my sister")
    await connection.execute(NOTED, hers, "ben", "unsure")

    if by_subject:
        await request(connection)
        await erasing.work_off(connection)
    else:
        async with connection.transaction():
            await erasures.erase_one(connection, SYSTEM, uuid4(), hers, "request 7")

    notes = {(row["decision_id"], row["note"]) for row in await connection.fetch("SELECT * FROM assignment")}
    assert notes == {(hers, "conflict"), (hers, "unsure"), (other, "conflict: I know Jane: she is my sister")}


async def test_it_is_gone_on_with_where_a_keeper_was_cut_off(connection, database_url, monkeypatch):
    monkeypatch.setattr(erasures, "WINDOW_ROWS", 2)
    await record(connection, 10, subject=JANE)
    asked = await request(connection)
    killed = await asyncpg.connect(database_url)
    async with killed.transaction():
        await erasures.erase_window(killed, await erasures.next_open(killed))
    transaction = killed.transaction()
    await transaction.start()
    await erasures.erase_window(killed, await erasures.next_open(killed))
    killed.terminate()

    async with asyncio.timeout(10):
        while (await erasures.get(connection, SYSTEM, asked.id)).done_at is None:
            await erasing.work_off(connection)

    assert (await erasures.get(connection, SYSTEM, asked.id)).erased == 10
    assert await connection.fetchval("SELECT count(*) FROM decision_event") == 10


async def test_several_keepers_do_it_once(connection, database_url, monkeypatch):
    monkeypatch.setattr(erasures, "WINDOW_ROWS", 2)
    await record(connection, 20, subject=JANE)
    asked = await request(connection)
    keepers = [await asyncpg.connect(database_url) for _ in range(3)]

    await asyncio.gather(*map(erasing.work_off, keepers))
    await erasing.work_off(connection)

    assert (await erasures.get(connection, SYSTEM, asked.id)).erased == 20
    assert await connection.fetchval("SELECT count(*) FROM decision_event") == 20
    for each in keepers:
        await each.close()


async def test_a_key_of_one_store_erases_and_sees_nothing_of_another(connection):
    await record(connection, 3, subject=JANE)
    [there] = await record(connection, 1, first=3, subject=JANE, location="store-2")
    everywhere, here = await request(connection, {"customer": "nobody"}), await request(connection, scope=LOCAL)

    await erasing.work_off(connection)

    assert await connection.fetchval("SELECT count(*) FROM evidence") == 1
    assert await erasures.get(connection, LOCAL, everywhere.id) is None
    assert [each.id for each in await erasures.listed(connection, LOCAL)] == [here.id]
    async with connection.transaction():
        assert await erasures.erase_one(connection, LOCAL, uuid4(), there, "r") is None
    assert await connection.fetchval("SELECT count(*) FROM evidence") == 1


@pytest.mark.parametrize(
    "change",
    [
        """UPDATE decision SET subject = '{"customer": "ben"}' WHERE id = $1""",
        "UPDATE decision SET subject = '{}', location = 'elsewhere' WHERE id = $1",
        "UPDATE decision SET subject = '{}' WHERE id <> $1",
        "DELETE FROM decision WHERE id = $1",
    ],
)
async def test_the_way_of_erasing_opens_no_other(connection, change):
    [decision, _] = await record(connection, 2, subject=JANE)

    async with connection.transaction():
        await connection.execute("SELECT set_config('adjudge.erasing', $1, true)", str(decision))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with connection.transaction():
                await connection.execute(change, decision)


async def test_the_record_of_it_cannot_be_removed(connection):
    await request(connection)

    for change in ("DELETE FROM erasure", "TRUNCATE erasure", "DELETE FROM retention"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(change)


async def test_it_is_asked_for_through_the_api_and_done_by_a_keeper(build_stack):
    stack = await build_stack("api", "worker", "keeper")
    [first, second, other] = [await asked_of(stack, name) for name in ("jane", "jane", "ben")]
    operator = await stack.key("operator")
    assert (await operator.post("/v1/erasures", {"subject": {"customer": "jane"}, "reason": "r"})).status_code == 403
    for body in ({"reason": "r"}, {"subject": {}, "reason": "r"}, {"subject": {"a": "b"}}):
        assert (await stack.admin.post("/v1/erasures", body)).status_code == 422

    asked = await stack.admin.post("/v1/erasures", {"subject": {"customer": "jane"}, "reason": "r"})

    assert asked.status_code == 202
    erasure = f"/v1/erasures/{asked.json()['id']}"
    done = await until(lambda: stack.admin.get(erasure), lambda answer: answer.json()["done_at"] is not None)
    assert done.json()["erased"] == 2
    assert [(await stack.read(each))["subject"] for each in (first, second, other)] == [{}, {}, {"customer": "ben"}]
    assert (await stack.path(first))[-1]["kind"] == "erased"
    one = await stack.admin.post("/v1/erasures", {"decision": other, "reason": "r"})
    assert (one.status_code, one.json()["erased"]) == (200, 1)
    assert len((await stack.admin.get("/v1/erasures")).json()["erasures"]) == 2


async def asked_of(stack, customer: str) -> str:
    body = {**question(), "subject": {"customer": customer}}
    answer = await stack.admin.post("/v1/decisions", body, Prefer="wait=10")
    assert answer.status_code == 200
    return answer.json()["id"]
