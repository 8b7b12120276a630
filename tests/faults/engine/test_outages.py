"""What breaks and comes back: whatever was acknowledged settles, once, without anybody's help."""

import asyncio
import time
from uuid import UUID

import httpx
import pytest
from redis.asyncio import Redis
from tests.configured import question
from tests.waiting import until

from adjudge.store.migrations import upgrade

LEASE = 1.0
CUT_ALL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND datname = current_database()
"""


CUT_WAITING = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'adjudge worker%' AND wait_event_type = 'Lock'
"""


async def test_postgresql_gone_for_five_seconds_loses_nothing_and_everything_recovers_alone(
    private_postgres, build_stack
):
    """503 with Retry-After while it is gone; what was acknowledged before settles after."""
    postgres = await private_postgres()
    await upgrade(postgres.url)
    stack = await build_stack("api", "worker", "keeper", database_url=postgres.url)
    before = await stack.ask_many(50, "model") + await stack.ask_many(20, "nobody.answer")
    await postgres.kill()
    gone_at, acknowledged = time.monotonic(), []

    async def post(n: int):
        body = {**question("model"), "subject": {"post": str(n)}}
        answer = await stack.admin.post("/v1/decisions", body, Idempotency_Key=f"k-{n}")
        if answer.status_code in (200, 202):
            acknowledged.append(answer.json()["id"])
        return answer

    during = await asyncio.gather(*(post(n) for n in range(20)))
    reads = await stack.admin.get("/v1/decisions")
    ready = await stack.client.get("/readyz")
    await asyncio.sleep(max(0.0, 5 - (time.monotonic() - gone_at)))
    await postgres.start()
    back_at = time.monotonic()
    await until(lambda: post(0), lambda found: found.status_code != 503)
    recovered = time.monotonic() - back_at
    await asyncio.gather(*(post(n) for n in range(20)))
    await stack.settled({*before, *acknowledged}, seconds=30)

    for answer in (*during, reads):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["type"].endswith("/unavailable")
    assert ready.status_code == 503
    assert recovered < 10
    assert await stack.value("SELECT count(*) FROM decision WHERE subject ? 'post'") == 20
    assert len(set(acknowledged)) == 20


async def test_connections_made_to_a_server_that_only_reads_are_not_kept(private_postgres, build_stack):
    """A failover leads to the old writer for a moment. Its sessions would only read for as long as they live."""
    postgres = await private_postgres()
    await upgrade(postgres.url)
    stack = await build_stack("api", "worker", "keeper", database_url=postgres.url)
    before = await stack.ask_many(20, "model")
    async with stack.db.acquire() as operator:
        database = await operator.fetchval("SELECT quote_ident(current_database())")
        await operator.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        await operator.execute(CUT_ALL)
        await until(lambda: stack.client.get("/readyz"), lambda found: found.status_code == 503)
        during = await stack.admin.post("/v1/decisions", question("model"))
        await operator.execute("SET default_transaction_read_only = off")
        await operator.execute(f"ALTER DATABASE {database} RESET default_transaction_read_only")
    await until(lambda: stack.client.get("/readyz"), lambda found: found.status_code == 200)

    assert during.status_code == 503
    await stack.settled({*before, *await stack.ask_many(20, "model")}, seconds=20)


async def test_a_role_whose_connection_is_cut_as_it_begins_begins_again(private_postgres, build_stack):
    postgres = await private_postgres()
    await upgrade(postgres.url)
    stack = await build_stack("api", database_url=postgres.url)
    async with stack.db.acquire() as operator, operator.transaction():
        await operator.execute("LOCK TABLE revision IN ACCESS EXCLUSIVE MODE")
        await stack.start("worker")
        await until(lambda: stack.db.fetchval(CUT_WAITING))

    await stack.settled(await stack.ask_many(20, "model"), seconds=20)


@pytest.mark.parametrize("loss", ["killed", "flushed", "killed and emptied"])
async def test_valkey_lost_with_2000_open_loses_none_and_all_settle_within_ten_seconds(
    private_valkey, build_stack, loss
):
    """Promise 1: Valkey is transport. Intake goes on without it."""
    valkey = await private_valkey()
    stack = await build_stack("api", "worker", "keeper", redis_url=valkey.url)
    await stack.ask("model", wait=10)
    await stack.stop("worker")
    asked = await stack.ask_many(2_000, "model")
    async with Redis.from_url(valkey.url) as redis:
        if loss == "killed and emptied":
            await redis.flushall()
    if loss != "flushed":
        await valkey.kill()
        meanwhile = await stack.ask("model")
        asked.append(meanwhile["id"])
        await stack.start("worker")
        await valkey.start()
    else:
        await stack.start("worker")
        async with Redis.from_url(valkey.url) as redis:
            await redis.flushall()

    seconds = await stack.settled(asked, seconds=30)

    assert seconds < 10
    assert await stack.count_final([UUID(decision) for decision in asked]) == len(asked)
    times = [stack.asked("sure@1").count(decision) for decision in asked[:200]]
    assert max(times) <= 2


async def test_a_deadline_is_kept_while_valkey_is_gone(private_valkey, build_stack):
    valkey = await private_valkey()
    stack = await build_stack("api", "worker", "keeper", redis_url=valkey.url)
    await valkey.kill()

    asked = await stack.ask("nobody.answer")
    outcome = (await stack.read(asked["id"], wait=10))["outcome"]

    assert outcome["source"] == "fallback"
    await valkey.start()


async def test_a_worker_killed_in_the_midst_of_a_batch_leaves_nothing_behind(build_stack):
    """Resumed elsewhere within the lease and two seconds."""
    stack = await build_stack("api", "keeper", lease_seconds=LEASE)
    first = await stack.spawn("worker")
    asked = await stack.ask_many(100, "gated")
    await stack.until_asked("gated@1", 2)
    await stack.start("worker")
    await stack.ask("model", wait=10)
    stack.open_gate()
    await first.kill()

    seconds = await stack.settled(asked, seconds=30)

    assert seconds < LEASE + 2
    outcomes = await stack.rows("SELECT source, count(*) AS n FROM outcome WHERE code <> '' GROUP BY source")
    assert {row["source"] for row in outcomes} == {"model"}
    assert all(stack.asked("gated@1").count(decision) <= 2 for decision in asked)


async def test_a_message_that_kills_its_workers_ends_in_the_dead_letters_and_its_decision_goes_on(build_stack):
    """`os._exit` in the decider: the decision is deferred to people, its neighbours are settled by the model."""
    stack = await build_stack("api", "keeper", lease_seconds=0.3)
    innocent = [await stack.ask("deadly", n=n) for n in range(5)]
    poison = await stack.ask("deadly", die=True)
    innocent += [await stack.ask("deadly", n=n) for n in range(5)]

    async def keep_workers() -> None:
        while True:
            worker = await stack.spawn("worker")
            await worker.ended()

    keeping = asyncio.create_task(keep_workers())
    await until(
        lambda: stack.path(poison["id"]), lambda found: "deferred" in [event["kind"] for event in found], seconds=60
    )
    await stack.settled([one["id"] for one in innocent], seconds=30)
    keeping.cancel()

    path = await stack.path(poison["id"])
    assert [event.get("fault") for event in path if event["kind"] == "fault"] == ["dead-letter"]
    waiting = (await stack.read(poison["id"]))["waiting_for"]
    assert waiting["pool"] == "agents"
    async with Redis.from_url(stack.redis_url) as redis:
        dead = [key async for key in redis.scan_iter("*deadly@1*dead*")]
    assert dead
    sources = {(await stack.read(one["id"]))["outcome"]["source"] for one in innocent}
    assert sources == {"model"}
    await stack.admin.post(f"/v1/decisions/{poison['id']}/cancel")


async def until_recorded(stack, count):
    """Wait until so many open decisions have an opinion on record."""
    recorded = "SELECT count(*) FROM work WHERE jsonb_path_exists(history, '$[*] ? (@.kind == \"opinion\")')"
    await until(lambda: stack.value(recorded), lambda found: found >= count)


async def test_a_flush_within_a_cascade_asks_no_model_again_whose_answer_is_recorded(private_valkey, build_stack):
    """The first model's opinion is in the work row; only the second question was in the stream."""
    valkey = await private_valkey()
    stack = await build_stack("api", "worker", "keeper", redis_url=valkey.url)
    asked = await stack.ask_many(40, "cascade")
    await until_recorded(stack, 40)
    async with Redis.from_url(valkey.url) as redis:
        await redis.flushall()
    stack.open_gate()

    await stack.settled(asked, seconds=20)

    assert {stack.asked("unsure@1").count(decision) for decision in asked} == {1}
    assert max(stack.asked("gated@1").count(decision) for decision in asked) <= 2
    sources = await stack.rows("SELECT DISTINCT source FROM outcome")
    assert [row["source"] for row in sources] == ["model"]


async def test_a_flush_within_a_stage_of_two_keeps_the_answer_that_is_recorded(private_valkey, build_stack):
    valkey = await private_valkey()
    stack = await build_stack("api", "worker", "keeper", redis_url=valkey.url)
    asked = await stack.ask_many(40, "both")
    await until_recorded(stack, 40)
    async with Redis.from_url(valkey.url) as redis:
        await redis.flushall()
    stack.open_gate()

    await stack.settled(asked, seconds=20)

    assert {stack.asked("sure@1").count(decision) for decision in asked} == {1}
    assert max(stack.asked("gated@1").count(decision) for decision in asked) <= 2


async def test_a_killed_keeper_is_replaced_without_a_trace(build_stack):
    """What was due to the dead one is due to the next."""
    stack = await build_stack("api", "worker")
    keeper = await stack.spawn("keeper")
    asked = await stack.ask_many(30, "nobody.answer")
    await until(lambda: stack.value("SELECT count(*) FROM review_task"), lambda found: found >= 30)
    await keeper.kill()
    await stack.start("keeper")

    await stack.settled(asked)


async def test_a_killed_api_has_lost_nothing_that_it_acknowledged(build_stack, unused_tcp_port):
    stack = await build_stack("worker", "keeper")
    url = f"http://127.0.0.1:{unused_tcp_port}"
    api = await stack.spawn("api", ADJUDGE_PORT=str(unused_tcp_port))
    await stack.reach(url)
    acknowledged: list[str] = []

    async def post(n: int) -> None:
        try:
            acknowledged.append((await stack.ask("model", n=n))["id"])
        except httpx.TransportError:  # not acknowledged
            return

    posting = [asyncio.create_task(post(n)) for n in range(400)]
    async with asyncio.timeout(20):
        while len(acknowledged) < 50:
            await asyncio.sleep(0.005)
    await api.kill()
    await asyncio.gather(*posting)

    await stack.settled(acknowledged, seconds=20)
    stored = await stack.value("SELECT count(*) FROM decision")
    assert 50 <= len(acknowledged) <= stored < 400
    open_ = await stack.rows("SELECT decision_id FROM work")
    await stack.settled([str(row["decision_id"]) for row in open_], seconds=20)


@pytest.mark.soak
async def test_a_burst_beyond_capacity_is_shed_and_the_other_store_hardly_notices(build_stack, unused_tcp_port):
    """A capacity of some 200 a second meets ten times that from one store; another asks as it always does.

    Another question of the same model waits for the batches in hand, a tenth of a second each, and not for a second
    of two hundred questions.
    """
    stack = await build_stack()
    for role in ("api", "worker", "keeper"):
        await stack.spawn(role, ADJUDGE_PORT=str(unused_tcp_port))
    await stack.reach(f"http://127.0.0.1:{unused_tcp_port}")
    await stack.ask("model", wait=20)
    stores = [await stack.key("client", locations=[name]) for name in ("store-001", "store-002")]

    async def latency(kind: str = "model") -> float:
        started = time.monotonic()
        answer = await stores[1].post("/v1/decisions", question(kind, location="store-002"), Prefer="wait=20")
        assert answer.status_code == 200, answer.text
        return time.monotonic() - started

    quiet = sorted([await latency() for _ in range(40)])[37]
    answers, stop = [], time.monotonic() + 10

    async def burst() -> None:
        while time.monotonic() < stop:
            items = [question("paced", location="store-001", n=i) for i in range(50)]
            answers.extend((await stores[0].post("/v1/decisions/bulk", {"items": items})).json()["items"])

    bursting = [asyncio.create_task(burst()) for _ in range(4)]
    await asyncio.sleep(2)
    loaded = sorted([await latency() for _ in range(40)])[37]
    shared = sorted([await latency("paced") for _ in range(10)])[5]
    await asyncio.gather(*bursting)
    accepted = [item["decision"]["id"] for item in answers if "decision" in item]
    refused = [item["problem"] for item in answers if "problem" in item]
    await stack.settled(accepted, seconds=90)

    assert {problem["type"].rpartition("/")[2] for problem in refused} <= {"overloaded", "unavailable"}
    assert refused
    # a twentieth of a second for the clients of the burst, which take the same cores here
    assert loaded < 2 * quiet + 0.05, f"p95 {quiet:.3f} s alone, {loaded:.3f} s beside the burst"
    assert shared < 200 * 0.005 / 2, f"median {shared:.3f} s where a whole batch of 200 takes 1 s"
