"""COMMIT's answer is lost: nothing is lost, nothing is doubled."""

import asyncio
import random

from tests.configured import question
from tests.faults.engine.conftest import COMMITTED
from tests.waiting import until

from adjudge.store import intake, outcomes
from adjudge.telemetry import names

ID_AND_TIME = b"\x00\x02\x00\x00\x00\x10"
"""A row of two values, the first of 16 bytes: what the statements of intake and settlement answer."""


async def test_answers_lost_at_random_lose_and_double_nothing(relay, build_stack):
    """Everything of ours speaks through a line that loses one answer in twelve, after the commit."""
    line, url = relay
    stack = await build_stack("api", "worker", "keeper", database_url=url, through=line.url)
    await stack.ask("model", wait=5)
    rng = random.Random(1)
    line.loses = lambda answer: answer.endswith(COMMITTED) and rng.random() < 1 / 12

    async def post(n: int) -> str:
        body = {**question(("model", "claims", "nobody.answer")[n % 3]), "subject": {"post": str(n)}}
        while True:
            answer = await stack.admin.post("/v1/decisions", body, Idempotency_Key=f"post-{n}")
            if answer.status_code in (200, 202):
                return answer.json()["id"]
            assert answer.status_code == 503, answer.text

    async with asyncio.timeout(60):
        asked = await asyncio.gather(*(post(n) for n in range(120)))
    await asyncio.sleep(1)
    lost, line.loses = line.lost, lambda answer: False

    assert lost > 10
    assert len(set(asked)) == 120
    assert await stack.value("SELECT count(*) FROM decision WHERE subject ? 'post'") == 120
    people = [decision for n, decision in enumerate(asked) if n % 3 == 1]
    await stack.settled(set(asked) - set(people), seconds=40)
    await until(
        lambda: stack.value("SELECT count(DISTINCT decision_id) FROM review_task WHERE state = 'waiting'"),
        lambda found: found >= 40,
        seconds=40,
    )
    for decision in people:
        await stack.admin.post(f"/v1/decisions/{decision}/cancel")


async def test_an_acknowledgement_without_a_key_is_of_one_decision(relay, build_stack):
    """The retry after a lost COMMIT finds its own row by its id."""
    line, url = relay
    stack = await build_stack("api", database_url=url, through=line.url)
    await stack.ask("expert")
    line.loses = lambda answer: ID_AND_TIME in answer and answer.endswith(COMMITTED) and line.lost < 3

    asked = [await stack.ask("expert", n=n) for n in range(5)]

    assert line.lost == 3
    assert await stack.value("SELECT count(*) FROM decision") == 6
    assert len({one["id"] for one in asked}) == 5
    for one in asked:
        assert (await stack.read(one["id"]))["asked_at"] == one["asked_at"]


async def test_a_retry_that_meets_its_own_row_committed_only_meanwhile_blames_nobody(relay, build_stack, monkeypatch):
    """The line was cut while the insert still ran: when the retry looked, there was nothing yet."""
    line, url = relay
    stack = await build_stack("api", database_url=url, through=line.url)
    await stack.ask("expert")
    already, looks = intake.already, []

    async def too_early(connection, ids):
        looks.append(ids)
        return {} if len(looks) == 1 else await already(connection, ids)

    monkeypatch.setattr(intake, "already", too_early)
    line.loses = lambda answer: line.lost < 1 and ID_AND_TIME in answer and answer.endswith(COMMITTED)
    answer = await stack.admin.post("/v1/decisions", question("expert", n="met"))

    assert answer.status_code == 202, answer.text
    assert len(looks) == 2
    assert await stack.value("SELECT count(*) FROM decision") == 2


async def test_a_settlement_whose_answer_is_lost_is_known_as_ours(relay, build_stack, monkeypatch):
    """The attempt id tells; the waiting caller is told, and the model is asked once."""
    line, url = relay
    stack = await build_stack("api", "worker", "keeper", database_url=url, through=line.url)
    await stack.ask("model", wait=5)
    settle, settling, counted = outcomes.settle, False, settled_so_far()

    async def watched(connection, rows):
        nonlocal settling
        settling = True
        try:
            return await settle(connection, rows)
        finally:
            settling = False

    monkeypatch.setattr(outcomes, "settle", watched)
    line.loses = lambda answer: settling and line.lost < 1 and ID_AND_TIME in answer and answer.endswith(COMMITTED)
    asked = await stack.ask("model", wait=10)

    assert line.lost == 1
    assert asked["outcome"]["source"] == "model"
    assert stack.asked("sure@1").count(asked["id"]) == 1
    assert settled_so_far() == counted + 1


def settled_so_far() -> float:
    """Counted by whoever knows that he has won."""
    return names.SETTLED.labels("model", "model", "by-hand")._value.get()
