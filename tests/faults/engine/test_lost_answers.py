"""COMMIT's answer is lost: nothing is lost, nothing is doubled."""

import asyncio
import random

from tests.faults.engine.conftest import COMMITTED
from tests.stacks import question


async def once_each(stack, posts: int) -> None:
    """One decision for each subject."""
    counts = await stack.rows("SELECT count(*) AS n FROM decision GROUP BY subject ->> 'post'")
    assert [row["n"] for row in counts] == [1] * posts


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
    await once_each_of(stack)
    people = [decision for n, decision in enumerate(asked) if n % 3 == 1]
    await stack.settled(set(asked) - set(people), seconds=40)
    async with asyncio.timeout(40):
        while await stack.value("SELECT count(DISTINCT decision_id) FROM review_task WHERE state = 'waiting'") < 40:
            await asyncio.sleep(0.05)
    for decision in people:
        await stack.admin.post(f"/v1/decisions/{decision}/cancel")


async def once_each_of(stack) -> None:
    twice = "SELECT subject FROM decision WHERE subject ? 'post' GROUP BY subject HAVING count(*) > 1"
    assert not await stack.rows(twice)


async def test_an_acknowledgement_without_a_key_is_of_one_decision(relay, build_stack):
    """The retry after a lost COMMIT finds its own row by its id."""
    line, url = relay
    stack = await build_stack("api", database_url=url, through=line.url)
    await stack.ask("expert")
    line.loses = lambda answer: answer.endswith(COMMITTED) and b"SELECT 1" in answer and line.lost < 3

    asked = [await stack.ask("expert", n=n) for n in range(5)]

    assert line.lost == 3
    assert await stack.value("SELECT count(*) FROM decision") == 6
    assert len({one["id"] for one in asked}) == 5
    for one in asked:
        assert (await stack.read(one["id"]))["asked_at"] == one["asked_at"]


async def test_a_line_cut_while_the_insert_still_runs_doubles_nothing_and_is_no_fault_of_the_caller(relay, build_stack):
    """The retry meets its own row, committed only meanwhile."""
    line, url = relay
    stack = await build_stack("api", database_url=url, through=line.url)
    await stack.ask("expert")
    async with stack.db.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("LOCK TABLE evidence IN SHARE MODE")
        posts = [asyncio.create_task(stack.admin.post("/v1/decisions", question("expert", n=n))) for n in range(3)]
        await until_blocked(stack, 1)
        line.cut_all()
        await until_blocked(stack, 2)
        await transaction.rollback()

    answers = await asyncio.gather(*posts)

    assert [answer.status_code for answer in answers] == [202] * 3, [answer.text for answer in answers]
    assert await stack.value("SELECT count(*) FROM decision") == 4


async def until_blocked(stack, least: int) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(10):
        while await stack.value(waiting) < least:
            await asyncio.sleep(0.02)


async def test_a_settlement_whose_answer_is_lost_is_known_as_ours(relay, build_stack):
    """The attempt id tells; the waiting caller is told, and the model is asked once."""
    line, url = relay
    stack = await build_stack("api", "worker", "keeper", database_url=url, through=line.url)
    await stack.ask("model", wait=5)

    def loses(answer: bytes) -> bool:
        # the settle statement alone answers with (decision, settled_at)
        settle = b"settled_at" in answer or (answer.endswith(COMMITTED) and answer.count(b"\x00\x00\x00\x10") == 1)
        return armed and settle and line.lost < 2

    armed = False
    line.loses = loses
    armed = True
    asked = await stack.ask("model", wait=10)
    line.loses = lambda answer: False

    assert line.lost == 2
    assert asked["outcome"]["source"] == "model"
    assert stack.asked("sure@1").count(asked["id"]) == 1
