"""From the schema of the release before, with rows: its revisions stay what they are, and nothing is rewritten."""

import asyncpg
import pytest
from tests.stacks import database

from adjudge.store import controls
from adjudge.store.configuration import receipts, revisions
from adjudge.store.migrations import upgrade
from adjudge.store.scope import SYSTEM
from adjudge.store.work import revisions_in_use

OF_THE_RELEASE_BEFORE = (
    "INSERT INTO revision (number, hash, documents, author) VALUES (1, 'h1', '{\"all.yaml\": \"a\"}', 'api')",
    "INSERT INTO receipt (process, revision, applied) VALUES ('worker-host-7', 1, true)",
    "INSERT INTO control (scope, generation, state, reason, changed_by) VALUES ('decider:a@1', 3, 'off', 'r', 'key_1')",
)
FILES = "SELECT relname, relfilenode FROM pg_class WHERE relname IN ('revision', 'receipt', 'control') ORDER BY relname"


async def test_what_the_release_before_published_and_switched_stays_in_force(servers):
    async with database(servers.database_url, "template0", "configuration_upgrade") as url:
        await upgrade(url, "0005")
        connection = await asyncpg.connect(url)
        for statement in OF_THE_RELEASE_BEFORE:
            await connection.execute(statement)
        before = await connection.fetch(FILES)

        await upgrade(url)

        assert await connection.fetch(FILES) == before, "a table was rewritten, under a lock"
        found = await revisions.newest(connection)
        assert (found.number, found.rest, found.only_at, found.message) == (1, None, None, "")
        assert (await controls.read(connection)).switched_off == {"a@1"}
        assert (await controls.read(connection)).generations == {"decider:a@1": 3}
        assert await revisions_in_use(connection) == set()
        # as the release before goes on to write, beside this one
        await connection.execute("INSERT INTO revision (number, hash, documents, author) VALUES (2, 'h2', '{}', 'api')")
        await connection.execute("INSERT INTO receipt (process, revision, applied) VALUES ('worker-host-7', 2, true)")
        assert (await revisions.publish(connection, SYSTEM, "h3", {})).number == 3
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await connection.execute("UPDATE revision SET author = 'somebody else'")
        assert await receipts.fleet(connection) == []
        await connection.close()
