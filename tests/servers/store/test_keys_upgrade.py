"""From the schema of the first release, with rows: keys open as they did, and nothing is rewritten."""

import asyncpg
from tests.stacks import database

from adjudge.store import keys, measuring
from adjudge.store.migrations import upgrade
from adjudge.store.scope import SYSTEM, Limits

OF_THE_FIRST_RELEASE = (
    """
    INSERT INTO api_key (id, name, role, secret_hash, locations, pools, reviewer, created_by) VALUES
        ('key_1', 'till', 'client', $1, '{store-001}', NULL, NULL, 'key_0'),
        ('key_2', 'anna', 'reviewer', '\\x00', NULL, '{agents}', 'anna', 'key_0')
    """,
    "INSERT INTO reviewer (name, pools) VALUES ('anna', '{agents}')",
    """
    INSERT INTO work (decision_id, type, location, lane, revision, stage, due_at, due_kind, stage_until, deadline,
        history)
    SELECT gen_random_uuid(), 't', 'store-001', 'standard', 1, 0, now(), 'stage', now(), now(), '[]'
    FROM generate_series(1, 100)
    """,
)
FILES = "SELECT relname, relfilenode FROM pg_class WHERE relname IN ('api_key', 'work') ORDER BY relname"


async def test_keys_of_the_first_release_open_as_before_and_may_be_limited_and_rotated(servers):
    async with database(servers.database_url, "template0", "keys_upgrade") as url:
        await upgrade(url, "0001")
        connection = await asyncpg.connect(url)
        first, *rest = OF_THE_FIRST_RELEASE
        await connection.execute(first, keys.hashed("old"))
        for statement in rest:
            await connection.execute(statement)
        before = await connection.fetch(FILES)

        await upgrade(url)

        assert await connection.fetch(FILES) == before, "a table was rewritten, under a lock"
        scope = await keys.scope_of(connection, keys.hashed("old"))
        assert (scope.principal, scope.locations, scope.limits) == ("key_1", ("store-001",), None)
        assert await measuring.open_of(connection, "key_1") == 0
        assert await keys.limit(connection, SYSTEM, "key_1", Limits(open_decisions=3))
        assert await keys.rotate(connection, SYSTEM, "key_1", "new", 60)
        opened = [await keys.scope_of(connection, keys.hashed(secret)) for secret in ("old", "new")]
        assert [scope.limits for scope in opened] == [Limits(open_decisions=3)] * 2
        assert {key.id for key in await keys.listed(connection, SYSTEM)} == {"key_1", "key_2"}
        await connection.close()
