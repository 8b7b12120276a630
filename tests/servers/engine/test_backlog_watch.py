"""What admission is told of the backlogs of deciders."""

import asyncio

from tests.configured import question
from tests.stacks import build_stack
from tests.waiting import until

__all__ = ["build_stack"]


async def test_a_burst_is_seen_long_before_the_next_look_at_everything(build_stack, monkeypatch):
    """Within a second thousands would be let in for a model that answers a hundred."""
    monkeypatch.setattr("adjudge.engine.admission.measuring.EVERY_SECONDS", 600)
    stack = await build_stack("api")  # nobody answers
    admission = stack.services.admission
    assert admission.seconds_behind("bulk", ["sure@1"]) == 0.0

    items = [question("model", n=n, idempotency_key=f"k{n}") for n in range(150)]
    assert (await stack.admin.post("/v1/decisions/bulk", {"items": items})).status_code == 200

    await until(lambda: admission.seconds_behind("bulk", ["sure@1"]))


async def test_what_one_store_asks_beyond_its_share_is_taken_as_bulk_and_nobody_elses(build_stack):
    """A lane is a line: what a burst has put into it is before everybody's questions."""
    stack = await build_stack("api")  # nobody answers

    async def asked(location: str, number: int) -> None:
        bodies = [question("model", location=location, n=n) for n in range(number)]
        answers = await asyncio.gather(*(stack.admin.post("/v1/decisions", body) for body in bodies))
        assert {answer.status_code for answer in answers} == {202}

    await asked("store-002", 1)
    await asked("store-001", 60)
    await asked("store-002", 3)

    rows = await stack.rows("SELECT location, lane, count(*) FROM decision GROUP BY 1, 2")
    counted = {(row["location"], row["lane"]): row["count"] for row in rows}
    assert counted["store-002", "standard"] == 4
    assert counted["store-001", "standard"] < 20
    assert counted["store-001", "bulk"] > 40
