"""What certificates read of audits."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
from msgspec.json import encode

from adjudge.core.answers import Labels
from adjudge.core.history import Case
from adjudge.store.automation import audited

ROW = """
    INSERT INTO audit (decision_id, number, type, location, slice, role, rate, policy, asked_at, truth, truth_by,
        unanimous, why, expert_coin, votes, opinions, facts, prefixes)
    VALUES ($1, $2, 'claim', 'default', 'all', 'certify', 1, 1, now(), $3, $4, $5, $6, $7, '[]', '{}', $8, $9)
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
        await connection.execute(ROW, uuid4(), number, *row, "{}", "[]")

    assert await audited.unanimity(connection, "claim") == (3, 2)
    await connection.close()


async def test_that_three_who_agree_are_right_says_nothing_of_one_alone(database_url):
    """After `votes: 3` became `votes: 1`, checks of before would else bound errors that they never saw."""
    connection = await asyncpg.connect(database_url)
    text = ROW.replace("'[]'", "$10")

    def votes(count: int, *, checked: bool) -> str:
        pools = ["agents"] * count + ["experts"] * checked
        said = [
            {"reviewer": f"r{n}", "pool": pool, "purpose": "truth", "answer": "pay"} for n, pool in enumerate(pools)
        ]
        return json.dumps([*said, {**said[0], "reviewer": "apart", "purpose": "people"}])

    rows = [
        *[("pay", "expert", "pay", "share", CHECKED, votes(3, checked=True))] * 4,
        ("refuse", "expert", "pay", "share", CHECKED, votes(1, checked=True)),
        (None, "lost", "pay", "declined", CHECKED, votes(1, checked=False)),
        (None, "lost", "pay", "declined", CHECKED, votes(2, checked=False)),
    ]
    for number, row in enumerate(rows):
        await connection.execute(text, uuid4(), number, *row[:5], "{}", "[]", row[5])

    assert await audited.unanimity(connection, "claim", 1) == (2, 2)
    assert await audited.unanimity(connection, "claim", 3) == (4, 0)
    assert await audited.unanimity(connection, "claim") == (7, 3)
    await connection.close()


async def test_what_was_audited_under_other_plans_is_no_evidence(database_url):
    """A version may have been trained on it, or chosen by it: under its own plan it is asked afterwards."""
    connection = await asyncpg.connect(database_url)
    case = encode(Case(type="claim", location="default", space=Labels(("pay",)), deadline=datetime.now(UTC))).decode()
    for number, prefix in enumerate(["trained-on", "own", "chosen-by", "own"], 1):
        lost = (None, "lost", None, "declined", NOT_CHECKED)
        await connection.execute(ROW, uuid4(), number, *lost, case, json.dumps([prefix]))

    own = audited.Selection(type="claim", slices=["all"], prefix="own")
    found = await audited.evidence(connection, own, 0, None, 100)
    counted = await audited.counted(connection, own, 0)

    assert [each.number for each in found] == [2, 4]
    assert counted.certify == 2
    assert await audited.lost(connection, own, 0) == {"declined": 2}
    assert await audited.newest(connection, own, 1) == 2
    await connection.close()


OF_SLICE = """
    INSERT INTO audit (decision_id, number, type, location, slice, role, rate, policy, asked_at, truth, truth_by, why,
        expert_coin, votes, opinions, facts, prefixes)
    VALUES ($1, $2, 'claim', 'default', $3, $4, 1, 1, now(), $5, $6, $7, '{}', '[]', '{}', '{}', '["p0"]')
"""


async def test_of_a_slice_that_joined_a_group_nothing_counts_from_before(database_url):
    """Neither towards how many audits its design is chosen by, nor among those that are told as lost."""
    connection = await asyncpg.connect(database_url)
    for number, slice_, role, truth in [
        (1, "there", "calibrate", "pay"),
        (2, "there", "certify", None),
        (3, "comes", "calibrate", "pay"),
        (4, "comes", "certify", None),
        (5, "comes", "certify", None),
        (6, "comes", "calibrate", "pay"),
    ]:
        by, why = ("expert", "share") if truth else ("lost", "declined")
        await connection.execute(OF_SLICE, uuid4(), number, slice_, role, truth, by, why)
    here = audited.Selection(type="claim", slices=["there", "comes"], prefix="p0", joined=[0, 4])

    counted = await audited.counted(connection, here, 0)
    assert (counted.calibrate, counted.certify) == (2, 2)
    assert await audited.lost(connection, here, 0) == {"declined": 2}
    assert await audited.newest(connection, here, 2) == 2
    await connection.close()


OF_LONG = """
    INSERT INTO audit (decision_id, number, type, location, slice, role, rate, policy, asked_at, closed_at, truth,
        truth_by, expert_coin, votes, opinions, facts, prefixes)
    SELECT gen_random_uuid(), each, 'claim', 'default', 'all', 'certify', 0.5, 1, now() - each * interval '1 hour',
        now() - each * interval '1 hour', 'pay', 'expert', '{}', '[]', '{}', '{}', '[]'
    FROM generate_series(1, 20000) AS each
"""


async def test_how_many_decisions_come_is_counted_without_a_look_at_every_audit_there_ever_was(database_url):
    """Each keeper counts them every two seconds."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(OF_LONG)
    await connection.execute("ANALYZE audit")

    plan = await connection.fetch(f"EXPLAIN {audited.VOLUME}", timedelta(days=1))
    found = await audited.volumes(connection, timedelta(days=1))
    of_week = await audited.volumes(connection, timedelta(days=7))

    assert "audit_closed" in "".join(line for (line,) in plan)
    assert found[("claim", "all")].decisions == 2 * 23
    assert of_week[("claim", "all")].decisions == 2 * (7 * 24 - 1)
    assert of_week[("claim", "all")].second == 2 * 24
    await connection.close()
