"""From the schema of the first release, with rows: nothing is touched, and all of it can be exported and erased."""

from uuid import uuid4

import asyncpg
from tests.servers.labelled.recorded import LABEL, START, VOTE, record
from tests.stacks import database

from adjudge.engine.keeping import erasing
from adjudge.labelled import exporting
from adjudge.store import erasures, shadows
from adjudge.store.extracting import Wanted
from adjudge.store.migrations import upgrade
from adjudge.store.scope import SYSTEM
from adjudge.store.shadows import ShadowOpinion


async def test_what_the_first_release_wrote_is_exported_amended_and_erased_after_the_upgrade(servers, tmp_path):
    async with database(servers.database_url, "template0", "data_upgrade") as url:
        await upgrade(url, "0001")
        connection = await asyncpg.connect(url)
        ids = await record(connection, 6, subject={"customer": "jane"})
        await connection.execute(VOTE, ids[0], "anna", "ale", START)
        await connection.execute(LABEL, ids[1], "appeal", "ale")
        files = await connection.fetch("SELECT relname, relfilenode FROM pg_class WHERE relname LIKE 'vote\\_%'")

        await upgrade(url)

        after = await connection.fetch("SELECT relname, relfilenode FROM pg_class WHERE relname LIKE 'vote\\_%'")
        assert set(files) <= set(after), "a table was rewritten, under a lock"
        assert (await _exported(connection, tmp_path)).decisions == 6
        await connection.execute(LABEL, ids[2], "appeal", "ale")
        assert (await _exported(connection, tmp_path)).decisions == 1
        await erasures.request(connection, SYSTEM, uuid4(), {"customer": "jane"}, "r")
        await erasing.work_off(connection)
        assert await connection.fetchval("SELECT count(*) FROM evidence") == 0
        await connection.close()


async def _exported(connection, folder):
    return await exporting.export(connection, folder, Wanted(type="shelf"), "csv", report=lambda *_: None)


async def test_a_decision_of_the_first_release_can_be_answered_in_shadow_after_the_upgrade(servers):
    """The tables are new, and have their partitions at once."""
    async with database(servers.database_url, "template0", "shadow_upgrade") as url:
        await upgrade(url, "0001")
        connection = await asyncpg.connect(url)
        now = await connection.fetchval("SELECT clock_timestamp()")
        [decision] = await record(connection, 1, start=now)

        await upgrade(url)

        said = ShadowOpinion(decision, "ale", 0.9, '{"ale": 0.9, "bread": 0.1}', None, "", 0.01, 5, "USD")
        await shadows.record(connection, "new@1", [said])
        [found] = await shadows.of_decision(connection, decision)
        assert (found["answer"], found["cost_micros"]) == ("ale", 5)
        await connection.close()


UNTIMED = """
    INSERT INTO vote (decision_id, reviewer, task_id, purpose, stage, seat, pool, answer, seconds, claimed_at,
        answered_at, why)
    VALUES ($1, 'carl', $1, 'stage', 0, 0, '', 'ale', NULL, $2, $2, 'imported')
"""


async def test_a_vote_from_elsewhere_needs_no_time_after_the_upgrade(servers):
    """In the weeks that are there as in those that come, and what the release before writes is taken as ever."""
    async with database(servers.database_url, "template0", "untimed_upgrade") as url:
        await upgrade(url, "0012")
        connection = await asyncpg.connect(url)
        [old] = await record(connection, 1)
        await connection.execute(VOTE, old, "anna", "ale", START)
        files = await connection.fetch("SELECT relname, relfilenode FROM pg_class WHERE relname LIKE 'vote\\_%'")

        await upgrade(url)

        after = await connection.fetch("SELECT relname, relfilenode FROM pg_class WHERE relname LIKE 'vote\\_%'")
        assert set(files) <= set(after), "a table was rewritten, under a lock"
        [new] = await record(connection, 1, first=60 * 24 * 7 * 9)
        await connection.execute(VOTE, old, "ben", "ale", START)
        for decision in (old, new):
            await connection.execute(UNTIMED, decision, START)
        assert await connection.fetchval("SELECT count(*) FROM vote WHERE seconds IS NULL") == 2
        assert await connection.fetchval("SELECT count(*) FROM vote WHERE seconds = 4.5") == 2
        await connection.close()
