"""From the schema of the first release, with rows: controls and tasks stand as they did, and nothing is rewritten."""

import asyncpg
from tests.stacks import database

from adjudge.store import controls
from adjudge.store.migrations import upgrade
from adjudge.store.review import tasks

OF_THE_FIRST_RELEASE = (
    """
    INSERT INTO control (scope, generation, state, reason, changed_by) VALUES ('decider:a@1', 3, 'off', 'slow', 'key_1')
    """,
    """
    INSERT INTO review_task (id, decision_id, stage, seat, pool, type, location, priority, candidates, due_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 0, 0, 'agents', 't', 'default', 1, '{}', now()
    FROM generate_series(1, 100)
    """,
    "INSERT INTO certificate (id, slice, body) VALUES ('c1', '{}', '{}')",
)
FILES = """
    SELECT relname, relfilenode FROM pg_class WHERE relname IN ('control', 'review_task', 'certificate', 'work')
    ORDER BY relname
"""


async def test_what_the_first_release_wrote_is_as_it_was_and_audits_can_be_opened_and_closed(servers):
    async with database(servers.database_url, "template0", "automation_upgrade") as url:
        await upgrade(url, "0001")
        connection = await asyncpg.connect(url)
        for statement in OF_THE_FIRST_RELEASE:
            await connection.execute(statement)
        before = await connection.fetch(FILES)

        await upgrade(url)

        assert await connection.fetch(FILES) == before, "a table was rewritten, under a lock"
        assert (await controls.read(connection)).generations == {"decider:a@1": 3}
        task = await connection.fetchval("SELECT id FROM review_task LIMIT 1")
        async with connection.transaction():
            found = await tasks.lock(connection, task)
        assert (found.purpose, found.vote_purpose) == ("decide", "stage")
        assert await connection.fetchval("SELECT count(*) FROM audit") == 0
        check = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'audit_truth_by_check'"
        assert "late" in await connection.fetchval(check), "a truth that came of itself closes an audit"
        await connection.close()
