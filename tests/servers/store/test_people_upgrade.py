"""From the schema before, with audits: they stand as they were, and set nothing apart that could be compared."""

import json
from dataclasses import replace
from uuid import uuid4

import asyncpg
from tests.stacks import database

from adjudge.store.automation import audited
from adjudge.store.migrations import upgrade

OF_BEFORE = """
    INSERT INTO audit (decision_id, number, type, location, slice, role, rate, policy, asked_at, truth, truth_by,
        expert_coin, votes, opinions, facts, prefixes)
    VALUES ($1, $2, 'claim', 'default', 'all', 'certify', 1, 1, now(), 'pay', 'expert', '{"rate": 1}', '[]', '{}', $3,
        '["p0"]')
"""
FACTS = {
    "type": "claim",
    "location": "default",
    "space": {"type": "labels", "labels": ["pay", "refuse"]},
    "deadline": "2026-11-28T12:00:00Z",
}
FILES = "SELECT relname, relfilenode FROM pg_class WHERE relname IN ('audit', 'epoch') ORDER BY relname"


async def test_audits_of_the_release_before_are_counted_as_they_were_and_compared_with_nobody(servers):
    async with database(servers.database_url, "template0", "people_upgrade") as url:
        await upgrade(url, "0008")
        connection = await asyncpg.connect(url)
        for number in range(1, 4):
            await connection.execute(OF_BEFORE, uuid4(), number, json.dumps(FACTS))
        before = await connection.fetch(FILES)

        await upgrade(url)
        await connection.execute(OF_BEFORE, uuid4(), 4, json.dumps(FACTS))  # a keeper of the release before lives on

        assert await connection.fetch(FILES) == before, "a table was rewritten, under a lock"
        which = audited.Selection(type="claim", slices=["all"], prefix="p0")
        assert await audited.counted(connection, which, 0) == audited.Counted(calibrate=0, certify=4)
        compared = replace(which, people=3)
        assert await audited.counted(connection, compared, 0) == audited.Counted(calibrate=0, certify=0)
        read = await audited.evidence(connection, which, 0, None, 10)
        assert [each.voted for each in read] == [()] * 4, "nothing is known of who voted in their plans"
        await connection.close()
