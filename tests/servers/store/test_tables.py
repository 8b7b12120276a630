"""The schema's own promises: what is written stays, partitions stand ready, operators' queries have indexes."""

import asyncio
import math
import re
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from tests.stacks import database

from adjudge.store import decisions, feed, measuring, partitions, work
from adjudge.store.migrations import current, newest, upgrade
from adjudge.store.review import claims, queues, tasks
from adjudge.store.scope import SYSTEM

INSERT_DECISION = """
    INSERT INTO decision (id, type, location, groups, lane, subject, facts, revision, plan_hash, principal, deadline,
        deadline_shown, evidence_hash, audit, audit_rate, audit_role, audit_key, audit_policy)
    VALUES ($1, 'claim.pay', 'default', '{}', 'standard', '{}', '{}', 1, '', 'key', now(), false, '', false, 0, '',
        '', 1)
"""
ROWS = {
    "decision": INSERT_DECISION,
    "evidence": "INSERT INTO evidence (decision_id, body) VALUES ($1, '{}')",
    "outcome": """
        INSERT INTO outcome (decision_id, version, kind, source, deciders, reason, code, relied, attempt_id, votes,
            cost, path)
        VALUES ($1, 1, 'final', 'model', '{}', '', '', '[]', gen_random_uuid(), 0, '{}', '[]')
    """,
    "decision_event": "INSERT INTO decision_event (decision_id, event_id, body) VALUES ($1, gen_random_uuid(), '{}')",
    "vote": """
        INSERT INTO vote (decision_id, reviewer, task_id, purpose, stage, seat, pool, answer, seconds, claimed_at, why)
        VALUES ($1, 'anna', gen_random_uuid(), 'stage', 0, 0, 'agents', 'pay', 1, now(), '')
    """,
    "label": """
        INSERT INTO label (decision_id, source, source_ref, answer, reporter, after_version, answer_could_influence)
        VALUES ($1, 'appeal', '', 'pay', 'key', 1, false)
    """,
    "shadow_opinion": """
        INSERT INTO shadow_opinion (decision_id, decider, answer, confidence, seconds, cost_micros, currency)
        VALUES ($1, 'new@1', 'pay', 0.9, 0.1, 0, 'USD')
    """,
}


def an_id(moment: datetime | None = None) -> UUID:
    first = UUID(partitions.first_id(moment or datetime.now(UTC)))
    return UUID(int=first.int | uuid4().int & ((1 << 80) - 1))


@pytest.fixture
async def connection(database_url) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_the_schema_is_brought_up_from_nothing_and_again_without_harm(servers):
    empty = database(servers.database_url, "template0", "from_nothing")
    async with empty as url:
        assert await current(url) is None

        await asyncio.gather(*(upgrade(url) for _ in range(3)))

        assert await current(url) == "0014"
        connection = await asyncpg.connect(url)
        assert await partitions.weeks_ahead(connection) == partitions.AHEAD
        await connection.close()


@pytest.mark.parametrize("table", ROWS)
async def test_what_is_written_can_be_neither_changed_nor_deleted_nor_truncated(connection, table):
    """By nobody, through the parent or a partition: REVOKE would not bind the owner."""
    decision = an_id()
    await connection.execute(ROWS[table], decision)
    key = partitions.TABLES[table]
    child = await connection.fetchval(f"SELECT tableoid::regclass::text FROM {table} WHERE {key} = $1", decision)

    for name in (table, child):
        for change in (f"UPDATE {name} SET {key} = {key}", f"DELETE FROM {name}", f"TRUNCATE {name}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change)

    assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 1


async def test_evidence_is_erased_by_the_one_function_and_by_nothing_else(connection):
    erased, kept = an_id(), an_id()
    for decision in (erased, kept):
        await connection.execute(ROWS["evidence"], decision)

    assert await connection.fetchval("SELECT erase_evidence($1)", erased)

    assert [row["decision_id"] for row in await connection.fetch("SELECT decision_id FROM evidence")] == [kept]
    async with connection.transaction():
        assert not await connection.fetchval("SELECT erase_evidence($1)", an_id())
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM evidence")


async def test_a_decision_has_one_final_outcome_and_its_versions_are_allotted_once(connection):
    decision = an_id()
    final = ROWS["outcome"]
    await connection.execute(final, decision)

    for again in (final, final.replace("$1, 1,", "$1, 2,")):
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(again, decision)

    await connection.execute(final.replace("$1, 1, 'final'", "$1, 2, 'amended'"), decision)


async def test_partitions_are_made_behind_an_open_reader_and_no_insert_waits(connection, database_url):
    """`CREATE TABLE … PARTITION OF` would queue behind the reader, and every insert behind it."""
    reader, writer = [await asyncpg.connect(database_url) for _ in range(2)]
    transaction = reader.transaction()
    await transaction.start()
    await reader.fetch("SELECT * FROM decision")

    async with asyncio.timeout(2):
        made = await partitions.ensure(connection, ahead=partitions.AHEAD + 2)
        await writer.execute(INSERT_DECISION, an_id())

    await transaction.rollback()
    assert len(made) == 2 * len(partitions.TABLES)
    far = datetime.now(UTC) + timedelta(weeks=partitions.AHEAD + 2)
    await writer.execute(INSERT_DECISION, an_id(far))
    with pytest.raises(asyncpg.CheckViolationError):
        await writer.execute(INSERT_DECISION, an_id(far + timedelta(weeks=2)))
    for one in (reader, writer):
        await one.close()


async def test_keepers_that_make_partitions_at_once_do_not_collide(database_url):
    connections = [await asyncpg.connect(database_url) for _ in range(4)]

    made = await asyncio.gather(*(partitions.ensure(one, ahead=partitions.AHEAD + 1) for one in connections))

    assert sorted(len(names) for names in made) == [0, 0, 0, len(partitions.TABLES)]
    for one in connections:
        await one.close()


async def test_a_schema_that_is_up_to_date_is_left_alone_without_loading_the_tool(database_url):
    """It takes a second to import, of the four that a warm start may take."""
    program = (
        "import asyncio, sys; from adjudge.store.migrations import upgrade; asyncio.run(upgrade(sys.argv[1]));"
        "print(sorted({'alembic', 'sqlalchemy'} & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, database_url), stdout=asyncio.subprocess.PIPE
    )

    async with asyncio.timeout(60):
        said, _ = await process.communicate()

    assert (process.returncode, said) == (0, b"[]\n")
    assert await current(database_url) == newest()


SEED = """
    CREATE TEMPORARY TABLE seed AS
    SELECT n, encode(int8send((extract(epoch FROM now()) * 1000)::bigint - n * 5), 'hex') AS time,
        lpad(to_hex(n), 12, '0') AS tail
    FROM generate_series(1, $rows) AS n;
    ALTER TABLE seed ADD id uuid;
    UPDATE seed SET id = (substr(time, 5, 8) || '-' || substr(time, 13, 4) || '-7000-8000-' || tail)::uuid;
    INSERT INTO decision (id, type, location, groups, lane, subject, facts, revision, plan_hash, principal, deadline,
            deadline_shown, evidence_hash, audit, audit_rate, audit_role, audit_key, audit_policy)
        SELECT id, 't' || n % 20, 'store-' || n % 120, '{}', 'standard', '{}', '{}', 1, '', 'key', now(), false, '',
            false, 0, '', '', 1 FROM seed;
    INSERT INTO outcome (decision_id, version, kind, source, deciders, reason, code, relied, attempt_id, votes,
            cost, path)
        SELECT id, 1, 'final', 'model', '{}', '', '', '[]', id, 0, '{}', '[]' FROM seed WHERE n > 2000;
    INSERT INTO work (decision_id, type, location, lane, revision, stage, due_at, due_kind, stage_until, deadline,
            history)
        SELECT id, 't', 'store', 'standard', 1, 0, now() + (n - 100) * interval '1 s', 'stage', now(), now(), '[]'
        FROM seed WHERE n <= 2000;
    INSERT INTO review_task (id, decision_id, stage, seat, pool, type, location, priority, candidates, due_at, state)
        SELECT id, id, 0, 0, 'pool-' || n % 5, 't', 'store', -n, '{}', now(),
            CASE WHEN n <= 2000 THEN 'waiting' ELSE 'closed' END FROM seed;
    INSERT INTO vote (decision_id, reviewer, task_id, purpose, stage, seat, pool, answer, seconds, claimed_at, why,
            answered_at)
        SELECT id, 'anna', id, 'stage', 0, 0, 'pool-' || n % 5, 'pay', 1, now(), '', now() - n * interval '1.8 s'
        FROM seed;
    ANALYZE decision, outcome, work, review_task, vote
"""


async def plan_of(connection, query, *arguments) -> str:
    """EXPLAIN as the statement is run: prepared, with its arguments."""
    rows = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {query}", *arguments)
    return "\n".join(row[0] for row in rows)


def indexes_of(plan: str) -> set[str]:
    return set(re.findall(r"Index (?:Only )?Scan (?:Backward )?(?:using|on) (\w+)", plan))


@pytest.mark.parametrize("rows", [60_000, pytest.param(1_000_000, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
async def test_the_queries_that_operators_run_have_their_indexes(connection, rows):
    """2,000 of the decisions are open, and as many votes are of the last hour."""
    for statement in SEED.replace("$rows", str(rows)).split(";"):
        await connection.execute(statement, timeout=600)
    newest = await connection.fetchval("SELECT id FROM decision ORDER BY id DESC OFFSET 500 LIMIT 1")
    nothing = (None,) * 6
    edge, everything = await feed.edge(connection), (1, None, None, None)
    page = (1, None, newest, *nothing, 50, decisions.FIRST)
    pages = feed.PAGES
    anything, lease = ("anna", None, math.inf, -math.inf), (1, 60.0, "key")
    plans = {
        "list": await plan_of(connection, decisions.PAGE, *page),
        "list of a store": await plan_of(
            connection, decisions.PAGE, 1, ["store-7"], newest, *nothing, 50, decisions.FIRST
        ),
        "list of a type": await plan_of(
            connection, decisions.PAGE, 1, None, newest, "t7", *nothing[1:], 50, decisions.FIRST
        ),
        "get": await plan_of(connection, decisions.GET, 1, None, newest),
        "due": await plan_of(connection, work.DUE, datetime.now(UTC) - timedelta(minutes=10), 100),
        "first pools": await plan_of(connection, claims.FIRST_POOLS, 1, ["pool-1", "pool-2"], *anything, 1),
        "claim": await plan_of(connection, claims.CLAIM, 1, "pool-1", *anything, *lease),
        "claim of an audit": await plan_of(
            connection, claims.CLAIM, 1, "pool-1", "anna", None, -tasks.BEHIND, -math.inf, *lease
        ),
        "queues": await plan_of(connection, queues.QUEUES, 1, ["pool-1", "pool-2"], None),
        "queues of a store": await plan_of(connection, queues.QUEUES, 1, ["pool-1"], ["store-7"]),
        "oldest open": await plan_of(connection, measuring.OPEN_BY_LANE, list(measuring.LANES)),
        "waiting for models": await plan_of(connection, measuring.WAITING_FOR_MODELS),
        "open of a key": await plan_of(connection, measuring.OPEN_OF, "key"),
        "expired leases": await plan_of(connection, tasks.EXPIRED, 200),
        "feed from its beginning": await plan_of(connection, pages[200], *feed.BEGINNING, *everything, 100),
        "feed at its end": await plan_of(connection, pages[1_000], *edge.position, *everything, 500),
        "feed of a store": await plan_of(connection, pages[1_000], *feed.BEGINNING, 1, ["store-7"], None, None, 100),
        "moment in the feed": await plan_of(connection, feed.PROBE, edge.position.xid - 1, edge.position.decision),
        "settled among": await plan_of(
            connection, "SELECT DISTINCT decision_id FROM outcome WHERE decision_id = ANY($1::uuid[])", [newest]
        ),
    }

    assert "work_due" in plans["due"], plans["due"]
    assert "work_limited" in plans["open of a key"], plans["open of a key"]
    for name in ("first pools", "claim", "claim of an audit"):
        assert "review_task_claim" in plans[name], plans[name]
    assert re.search(r"review_task_claim on review_task task \(actual rows=1\b", plans["claim"]), plans["claim"]
    assert re.search(r"review_task_claim on .* \(actual rows=1\S* loops=2\)", plans["first pools"]), plans[
        "first pools"
    ]
    assert "review_task_lease" in plans["expired leases"], plans["expired leases"]
    assert {"review_task_claim", "review_task_lease"} <= indexes_of(plans["queues"]), plans["queues"]
    for name in ("queues", "queues of a store"):
        assert any(re.fullmatch(r"vote_\d+_pool_answered_at_idx", index) for index in indexes_of(plans[name])), name
    open_alone = {"oldest open", "waiting for models"}  # a pass over all that is open, and over nothing else
    for name in open_alone:
        assert set(re.findall(r"Scan on (\w+)", plans[name])) - {"unnest"} == {"work"}, plans[name]
    for name in ("feed from its beginning", "feed at its end", "feed of a store", "moment in the feed"):
        assert any("xid_decision_id_version" in index for index in indexes_of(plans[name])), plans[name]
    for name in plans.keys() - open_alone:
        read = [line for line in plans[name].splitlines() if "Seq Scan on" in line and "never executed" not in line]
        assert not [line for line in read if "rows=0" not in line], f"{name}:\n{plans[name]}"
    async with asyncio.timeout(1):
        assert len(await decisions.page(connection, SYSTEM, decisions.Filter(), None, 50)) == 50
        assert len(await decisions.page(connection, SYSTEM, decisions.Filter(type="t7"), None, 50)) == 50
