"""What certificates read of audits."""

import json
from uuid import uuid4

import asyncpg

from adjudge.store import audited

ROW = """
    INSERT INTO audit (decision_id, number, type, location, slice, role, rate, policy, asked_at, truth, truth_by,
        unanimous, why, expert_coin, votes, opinions, facts, prefixes)
    VALUES ($1, $2, 'claim', 'default', 'all', 'certify', 1, 1, now(), $3, $4, $5, $6, $7, '[]', '{}', '{}', '[]')
"""
CHECKED, NOT_CHECKED = json.dumps({"rate": 0.2, "drawn": True}), json.dumps({"rate": 0.2, "drawn": False})


async def test_an_experts_check_of_unanimity_that_was_lost_counts_as_wrong(database_url):
    """Left out, the bound on unanimity would be too low."""
    connection = await asyncpg.connect(database_url)
    rows = [
        ("pay", "expert", "pay", "share", CHECKED),
        ("refuse", "expert", "pay", "share", CHECKED),
        (None, "lost", "pay", "declined", CHECKED),
        ("pay", "unanimity", "pay", "", NOT_CHECKED),
        ("pay", "expert", None, "split", CHECKED),
        (None, "lost", None, "declined", NOT_CHECKED),
    ]
    for number, row in enumerate(rows):
        await connection.execute(ROW, uuid4(), number, *row)

    assert await audited.unanimity(connection, "claim") == (3, 2)
    await connection.close()
