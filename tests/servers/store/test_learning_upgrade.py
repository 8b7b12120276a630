"""From the schema before, with rows: snapshots stand as they were published, and cannot be changed from then on."""

import asyncpg
import pytest
from tests.stacks import database

from adjudge.store import controls
from adjudge.store.automation import learning, parameters
from adjudge.store.migrations import upgrade

FILES = "SELECT relname, relfilenode FROM pg_class WHERE relname IN ('parameter_snapshot', 'audit') ORDER BY relname"


async def test_snapshots_of_the_release_before_stand_and_are_changed_no_more(servers):
    async with database(servers.database_url, "template0", "learning_upgrade") as url:
        await upgrade(url, "0007")
        connection = await asyncpg.connect(url)
        await parameters.publish(connection, "audit-rates", [["model", "all", 0.1]])
        before = await connection.fetch(FILES)

        await upgrade(url)

        assert await connection.fetch(FILES) == before, "a table was rewritten, under a lock"
        assert await parameters.newest(connection, "audit-rates") == (1, '[["model", "all", 0.1]]')
        assert await parameters.publish(connection, "audit-rates", []) == 2
        for change in (
            "UPDATE parameter_snapshot SET body = '{}'",
            "DELETE FROM parameter_snapshot",
            "TRUNCATE parameter_snapshot",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await connection.execute(change)
        assert (await controls.read(connection)).learnt == {}
        assert await learning.newest(connection, "model") is None
        await connection.close()
