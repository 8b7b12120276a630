"""What must hold at the end of every test that ran a stack, whatever the test was about."""

import json
from typing import TYPE_CHECKING

from adjudge.config import compile_documents
from adjudge.core.events import Derived, Settled, read_events
from adjudge.core.pools import Snapshot
from adjudge.core.replaying import replay
from adjudge.store.automation import certificates, learning
from adjudge.store.work import read_case

if TYPE_CHECKING:
    from tests.stacks import Stack

RECORDED = """
    SELECT decision.type, decision.location, decision.revision, decision.plan_hash, decision.facts, work.history,
        ARRAY(SELECT path::text FROM outcome WHERE decision_id = decision.id ORDER BY version) AS paths
    FROM decision LEFT JOIN work ON work.decision_id = decision.id
"""


async def hold(stack: "Stack") -> None:
    """Every decision is settled once, and every path replays."""
    await settled_once(stack)
    await replay_all(stack)


async def settled_once(stack: "Stack") -> None:
    """No decision has two final outcomes, and none that is settled has work or open tasks."""
    assert not await stack.rows(
        "SELECT decision_id FROM outcome WHERE kind = 'final' GROUP BY decision_id HAVING count(*) > 1"
    )
    assert not await stack.rows(
        "SELECT decision_id FROM work JOIN outcome USING (decision_id) "
        "WHERE outcome.kind = 'final' AND work.purpose = 'decide'"
    )
    assert not await stack.rows(
        "SELECT review_task.id FROM review_task JOIN outcome USING (decision_id) "
        "WHERE outcome.kind = 'final' AND review_task.purpose = 'decide' AND state IN ('waiting', 'leased')"
    )


async def replay_all(stack: "Stack") -> None:
    """Put every recorded path through the core again (promise 7). Raises Diverged."""
    base = stack.folder / "config"
    rows = await stack.rows(RECORDED)
    compiled = {
        number: compile_documents(json.loads(documents), base=base)
        for number, documents in await stack.rows("SELECT number, documents FROM revision")
        if number in {row["revision"] for row in rows}
    }
    async with stack.db.acquire() as connection:
        ids = [row["id"] for row in await connection.fetch("SELECT id FROM certificate")]
        licences = {each.certificate: each for each in await certificates.licences(connection, ids)}
        snapshots: dict[str, dict[int, Snapshot]] = {}
        for kind, snapshot, _ in await learning.snapshots(connection):
            snapshots.setdefault(kind, {})[snapshot.number] = snapshot
    for row in rows:
        paths = [event for path in row["paths"] for event in read_events(path)]
        told = len(paths)
        settled = any(isinstance(event, Settled) and event.outcome == "final" for event in paths)
        rest = () if settled or row["history"] is None else read_events(row["history"])[told:]
        plan, path = compiled[row["revision"]].plan(row["location"], row["type"], row["plan_hash"]), (*paths, *rest)
        assert {event.plan for event in path if getattr(event, "plan", None)} <= {plan.mark}
        named = {id_ for event in path if isinstance(event, Derived) for id_ in event.licences}
        learnt = snapshots.get(row["type"], {})
        replay(plan, read_case(row["facts"]), path, {id_: licences[id_] for id_ in named}, learnt)
