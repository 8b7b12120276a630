"""Lists read about what they show, however much was ever decided."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from adjudge.store import decisions
from adjudge.store.decisions import Filter
from adjudge.store.scope import SYSTEM

ROWS = 20_000
OPEN = 5
SEED = """
    CREATE TEMPORARY TABLE seed AS
    SELECT n, lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - n * 1000), 12, '0') AS time
    FROM generate_series(1, 20000) AS n;
    ALTER TABLE seed ADD id uuid;
    UPDATE seed
        SET id = (substr(time, 1, 8) || '-' || substr(time, 9) || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid;
    INSERT INTO decision (id, type, location, groups, lane, subject, facts, revision, plan_hash, principal, deadline,
            deadline_shown, evidence_hash, audit, audit_rate, audit_role, audit_key, audit_policy, asked_at)
        SELECT id, 't', 'store', '{}', 'standard', '{}', '{}', 1, '', 'key', now(), false, '', false, 0, '', '', 1,
            now() - n * interval '1 s' FROM seed;
    INSERT INTO outcome (decision_id, version, kind, source, deciders, reason, code, relied, attempt_id, votes,
            cost, path)
        SELECT id, 1, 'final', 'model', '{}', '', '', '[]', id, 0, '{}', '[]' FROM seed WHERE n <= 19995;
    INSERT INTO work (decision_id, type, location, lane, revision, stage, due_at, due_kind, stage_until, deadline,
            history)
        SELECT id, 't', 'store', 'standard', 1, 0, now(), 'stage', now(), now(), '[]' FROM seed WHERE n > 19995;
    ANALYZE decision, outcome, work
"""
READ = """
    SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::int FROM pg_stat_xact_user_tables
    WHERE relname ~ '^(decision|outcome)_[0-9]+$'
"""

READ_DECISIONS = READ.replace("(decision|outcome)", "decision")
AMEND = """
    INSERT INTO outcome (decision_id, version, kind, source, deciders, reason, code, relied, attempt_id, votes, cost,
        path)
    VALUES ($1, 2, 'amended', $2, '{}', '', '', '[]', gen_random_uuid(), 0, '{}', '[]')
"""


@pytest.fixture
async def connection(database_url) -> AsyncIterator[asyncpg.Connection]:
    """20,000 decisions of the last hours; the five oldest are open."""
    connection = await asyncpg.connect(database_url)
    for statement in SEED.split(";"):
        await connection.execute(statement)
    yield connection
    await connection.close()


async def rows_read(connection, wanted: Filter) -> tuple[int, int]:
    """Return how many decisions a page shows, and how many rows of decisions and outcomes were read for it."""
    async with connection.transaction():
        before = await connection.fetchval(READ)
        page = await decisions.page(connection, SYSTEM, wanted, None, 50)
        return len(page), await connection.fetchval(READ) - before


@pytest.mark.parametrize(("status", "shown"), [("open", OPEN), ("held", 0), ("provisional", 0)])
async def test_a_list_of_what_waits_does_not_read_what_is_settled(connection, status, shown):
    found, read = await rows_read(connection, Filter(status=status))

    assert found == shown
    assert read < 100


@pytest.mark.parametrize(("column", "name"), [("type", "t"), ("location", "store")])
async def test_whether_a_name_is_on_record_does_not_depend_on_how_much_there_is(connection, column, name):
    """A name that is not there was looked for in the whole table, once its statement had a generic plan."""
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    async with connection.transaction():
        before = await connection.fetchval(READ)
        found = [await decisions.is_on_record(connection, SYSTEM, column, each) for each in (name, "a", "sz", "x")]
        read = await connection.fetchval(READ) - before

    assert found == [True, False, False, False]
    assert read < 100


@pytest.mark.parametrize(
    ("wanted", "source"),
    [({"status": "cancelled"}, "cancel"), ({"status": "amended"}, "rule"), ({"source": "fallback"}, "fallback")],
)
async def test_a_list_of_what_is_rare_passes_over_outcomes_alone(connection, wanted, source):
    """With the decision of each it takes ten times as long: of a million none was found before the time was up."""
    rare = await connection.fetchval("SELECT id FROM decision ORDER BY id OFFSET 9000 LIMIT 1")
    await connection.execute(AMEND, rare, source)
    async with connection.transaction():
        before = await connection.fetchval(READ_DECISIONS)
        page = await decisions.page(connection, SYSTEM, Filter(**wanted), None, 50)
        read = await connection.fetchval(READ_DECISIONS) - before

    narrower = [Filter(**wanted, location="store"), Filter(**wanted, type="t")]
    narrowed = [await decisions.page(connection, SYSTEM, each, None, 50) for each in narrower]
    later = await decisions.page(connection, SYSTEM, Filter(**wanted), rare, 50)
    others = await decisions.page(connection, SYSTEM, Filter(source="model"), None, 50)

    assert [(seen.id, seen.version) for seen in page] == [(rare, 2)]
    assert narrowed == [page, page]
    assert (later, len(others)) == ([], 50)
    assert read < 100


@pytest.mark.parametrize(("status", "source"), [("cancelled", "cancel"), ("amended", "rule")])
async def test_a_list_of_what_is_always_rare_does_not_read_all_decisions_of_its_type(connection, status, source):
    """Nearly all decisions may be of one type."""
    rare = await connection.fetchval("SELECT id FROM decision ORDER BY id OFFSET 9000 LIMIT 1")
    await connection.execute(AMEND, rare, source)

    async with connection.transaction():
        before = await connection.fetchval(READ_DECISIONS)
        page = await decisions.page(connection, SYSTEM, Filter(status=status, type="t"), None, 50)
        read = await connection.fetchval(READ_DECISIONS) - before

    assert [seen.id for seen in page] == [rare]
    assert read < 100


async def test_a_list_of_a_span_of_time_does_not_read_the_rest(connection):
    """Newest first: what is asked for lies at the end of a scan, or ends one."""
    now = datetime.now(UTC)
    nothing = {"source": "fallback"}

    _, after = await rows_read(connection, Filter(since=now - timedelta(minutes=1), **nothing))
    _, before = await rows_read(connection, Filter(until=now - timedelta(seconds=19_900), **nothing))

    slack = 2 * decisions.MINTING.total_seconds()
    assert after < 60 + 2 * slack
    assert before < 100 + 2 * slack


async def test_a_look_up_of_one_decision_is_planned_for_its_own_partitions_alone(connection):
    """Planning for all of them takes longer than all the rest, for everybody who waits for an outcome."""
    asked = await connection.fetchval("SELECT id FROM decision LIMIT 1")

    plan = await connection.fetch(f"EXPLAIN {decisions.GET}", 1, None, asked)

    places = [row[0].partition(" on ")[2].split()[0] for row in plan if " on " in row[0]]
    assert sorted(re.sub(r"\d{8}", "", place) for place in places) == ["decision_", "outcome_", "work"]
