"""Limits of keys: what is too much is 429 with Retry-After, and nobody else notices."""

import asyncio
import functools

import pytest
from prometheus_client import REGISTRY
from tests.configured import question
from tests.servers.api.test_contract import kind_of, until_somebody_waits_for
from tests.stacks import Caller
from tests.waiting import until

from adjudge.api.shapes.decisions import BulkResults
from adjudge.engine.admission import limiting
from adjudge.store.scope import Limits, Scope

ROUTES = {
    "the hot route": lambda caller: caller.post("/v1/decisions", question("person")),
    "a bulk post": lambda caller: caller.post("/v1/decisions/bulk", {"items": []}),
    "any other": lambda caller: caller.get("/v1/decisions?limit=1"),
}


def limit_of(answer) -> tuple[int, str, str]:
    return answer.status_code, kind_of(answer), answer.json()["limit"]


@pytest.mark.parametrize("route", ROUTES)
async def test_more_requests_than_a_key_may_have_are_429_and_other_keys_go_on(stack, route):
    limited = await stack.key(limits={"requests_per_second": 0.01})
    free = await stack.key()

    first, second = [await ROUTES[route](limited) for _ in range(2)]
    other = await ROUTES[route](free)

    assert first.status_code in (200, 202)
    assert limit_of(second) == (429, "limit-reached", "requests_per_second")
    assert second.json()["allowed"] == 0.01
    assert 90 <= int(second.headers["retry-after"]) <= 100
    assert other.status_code in (200, 202)


BODIES = {
    "the hot route": ("/v1/decisions", question("person", note="x" * 20_000)),
    "a bulk post": ("/v1/decisions/bulk", {"items": [question("person", note="x" * 20_000)]}),
    "any other": ("/v1/decisions/01a20a26-015a-7642-9637-b849ed8571b2/truth", {"answer": "x" * 20_000, "source": "x"}),
}


@pytest.mark.parametrize("route", BODIES)
async def test_more_bytes_than_a_key_may_send_are_paid_off_before_its_next_request(stack, route):
    """Whatever the body declares of itself."""
    limited = await stack.key(limits={"bytes_per_second": 1_000})
    path, body = BODIES[route]

    first = await limited.post(path, body)
    second = await limited.get("/v1/decisions?limit=1")

    assert first.status_code in (200, 202, 404)
    assert limit_of(second) == (429, "limit-reached", "bytes_per_second")
    assert 15 <= int(second.headers["retry-after"]) <= 21


async def test_no_more_decisions_are_open_than_a_key_may_have_and_a_settled_one_makes_room(stack):
    limited = await stack.key(limits={"open_decisions": 3})
    free = await stack.key()

    answers = await asyncio.gather(*(limited.post("/v1/decisions", question("person")) for _ in range(8)))
    accepted = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    [refused, *_] = [answer for answer in answers if answer.status_code != 202]
    bulk = await limited.post("/v1/decisions/bulk", {"items": [question("person")] * 2})
    other = await free.post("/v1/decisions", question("person"))
    await limited.post(f"/v1/decisions/{accepted[0]}/cancel")
    after = await until(  # counted again, but not each time
        lambda: limited.post("/v1/decisions", question("person")), lambda answer: answer.status_code != 429, seconds=5
    )

    assert len(accepted) == 3
    assert limit_of(refused) == (429, "limit-reached", "open_decisions")
    assert int(refused.headers["retry-after"]) >= 1
    assert [item["problem"]["limit"] for item in bulk.json()["items"]] == ["open_decisions"] * 2
    assert min(item["retry_after"] for item in bulk.json()["items"]) >= 1  # an item has no headers
    BulkResults.model_validate_json(bulk.content, strict=True)
    assert (other.status_code, after.status_code) == (202, 202)


async def test_a_repeated_post_is_given_its_decision_although_no_more_may_be_open(stack):
    """Its first answer was lost; it opens nothing."""
    limited = await stack.key(limits={"open_decisions": 1})
    first = await limited.post("/v1/decisions", question("person"), Idempotency_Key="lost")

    again = await limited.post("/v1/decisions", question("person"), Idempotency_Key="lost")
    other = await limited.post("/v1/decisions", question("model"), Idempotency_Key="lost")
    more = await limited.post("/v1/decisions", question("person"), Idempotency_Key="another")

    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, more.status_code) == (422, 429)
    await limited.post(f"/v1/decisions/{first.json()['id']}/cancel")


async def test_what_is_on_its_way_into_the_database_counts_already(stack):
    """No count of rows has it yet."""
    limited = await stack.key(limits={"open_decisions": 2})
    async with stack.db.acquire() as connection, connection.transaction():
        backend = await connection.fetchval("SELECT pg_backend_pid()")
        await connection.execute("LOCK TABLE decision IN EXCLUSIVE MODE")
        posted = [asyncio.create_task(limited.post("/v1/decisions", question("person"))) for _ in range(2)]
        await until_somebody_waits_for(stack, backend)
        await asyncio.sleep(2 * limiting.RECOUNT_SECONDS)  # so that the next is counted anew
        late = await limited.post("/v1/decisions", question("person"))

    assert [answer.status_code for answer in await asyncio.gather(*posted)] == [202] * 2
    assert late.status_code == 429


async def test_what_is_settled_at_once_never_fills_the_limit_of_open_decisions(stack):
    """Counted again where the count is at its limit: 24 in a row, never more than one open."""
    limited = await stack.key(limits={"open_decisions": 2})

    answers = []
    for _ in range(24):
        answers.append(await limited.post("/v1/decisions", question(), Prefer="wait=10"))
        if answers[-1].status_code == 429:
            await asyncio.sleep(limiting.RECOUNT_SECONDS)

    assert [answer.status_code for answer in answers].count(200) >= 12


async def test_a_limit_given_later_is_in_force_within_seconds_and_taken_away_as_soon(stack):
    made = (await stack.admin.post("/v1/keys", {"name": "later", "role": "client"})).json()
    caller = Caller(stack.client, made["key"])

    async def answers(status: int) -> None:
        look = functools.partial(caller.get, "/v1/decisions?limit=1")
        await until(look, lambda answer: answer.status_code == status, seconds=6)

    await answers(200)
    put = await stack.admin("PUT", f"/v1/keys/{made['id']}/limits", {"requests_per_second": 0.01})
    await answers(429)
    await stack.admin("PUT", f"/v1/keys/{made['id']}/limits", {})
    await answers(200)

    assert put.json()["limits"] == {"requests_per_second": 0.01, "bytes_per_second": None, "open_decisions": None}
    assert (await stack.admin("PUT", "/v1/keys/key_none/limits", {})).status_code == 404


async def test_refusals_are_counted(stack):
    limited = await stack.key(limits={"requests_per_second": 0.01})

    before = REGISTRY.get_sample_value("adjudge_requests_limited_total", {"limit": "requests_per_second"}) or 0
    for _ in range(4):
        await limited.get("/v1/decisions?limit=1")

    after = REGISTRY.get_sample_value("adjudge_requests_limited_total", {"limit": "requests_per_second"})
    assert after - before == 3


async def test_processes_share_a_limit_by_what_they_are_asked(stack):
    """Two API processes, one of them asked three times as often; then it is asked alone."""
    scope = Scope("key_shared", "client", limits=Limits(requests_per_second=1_000))
    now = [0.0]
    one, two = [limiting.Limiter(stack.services.pool, process=f"api-{n}", monotonic=lambda: now[0]) for n in "12"]

    def granted(limiter: limiting.Limiter, asked: int) -> int:
        count = 0
        for _ in range(asked):
            try:
                limiter.request(scope)
                count += 1
            except limiting.LimitReached:
                pass
        return count

    for _ in range(2):  # what the first said of itself, the second hears, and then the first
        granted(one, 3_000)
        granted(two, 1_000)
        await one.share()
        await two.share()
    now[0] += 10
    together = granted(one, 3_000), granted(two, 3_000)
    await stack.rows("UPDATE key_use SET at = at - interval '3 s' WHERE process = 'api-2'")
    await one.share()
    now[0] += 10
    alone = granted(one, 3_000)

    assert sum(together) == pytest.approx(1_000, abs=2)
    assert together[0] == pytest.approx(1_000 * (0.125 + 0.75 * 0.75), abs=2)
    assert alone == 1_000
