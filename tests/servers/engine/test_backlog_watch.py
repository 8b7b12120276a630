"""What admission is told of the backlogs of deciders."""

import asyncio

from tests.configured import question
from tests.stacks import build_stack

__all__ = ["build_stack"]


async def test_a_burst_is_seen_long_before_the_next_look_at_everything(build_stack, monkeypatch):
    """Within a second thousands would be let in for a model that answers a hundred."""
    monkeypatch.setattr("adjudge.engine.backlog_watch.EVERY_SECONDS", 600)
    stack = await build_stack("api")  # nobody answers
    admission = stack.services.admission
    assert admission.seconds_behind("bulk", ["sure@1"]) == 0.0

    items = [question("model", n=n, idempotency_key=f"k{n}") for n in range(150)]
    assert (await stack.admin.post("/v1/decisions/bulk", {"items": items})).status_code == 200

    async with asyncio.timeout(10):
        while not admission.seconds_behind("bulk", ["sure@1"]):
            await asyncio.sleep(0.02)
