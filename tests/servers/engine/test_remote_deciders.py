"""Models behind an address, end to end: asked by a worker, believed or deferred, paid, and shown."""

import pytest
from tests.configured import configuration
from tests.servers.deciders.model_server import ModelServer, problem
from tests.stacks import build_stack
from tests.waiting import until

__all__ = ["build_stack"]

PERMITTED = {"outbound_allow": "127.0.0.1"}


async def sure(request, body):
    return {"label": "pay", "score": 0.99}


@pytest.fixture
async def server():
    async with ModelServer(sure).running() as running:
        yield running


def documents(url: str) -> dict[str, object]:
    whole = configuration()
    model = {"http": {"url": url, "response": {"answer": "/label", "confidence": "/score"}}}
    return {"deciders": {**whole["deciders"], "sure@1": {**model, "timeout": "5s", "cost": "0.002 USD"}}}


async def test_a_decision_is_settled_by_a_model_server_and_pays_for_it(build_stack, server):
    stack = await build_stack("api", "worker", "keeper", documents=documents(server.url), **PERMITTED)

    decision = await stack.ask(wait=10)

    assert (decision["outcome"]["answer"], decision["outcome"]["deciders"]) == ("pay", ["sure@1"])
    opinion = next(event for event in await stack.path(decision["id"]) if event["kind"] == "opinion")
    assert (opinion["by"], opinion["cost_micros"]) == ("sure@1", 2_000)
    assert server.asked[0][2]["id"] == decision["id"]


async def test_questions_that_come_apart_share_a_request_where_they_may_linger(build_stack, server):
    async def all_sure(request, body):
        return [{"label": "pay", "score": 0.99} for _ in body]

    server.answer = all_sure
    changed = documents(server.url)
    decider = changed["deciders"]["sure@1"]
    decider["http"]["many"] = {"requests": "", "responses": ""}
    decider["linger"] = "500ms"
    stack = await build_stack("api", "worker", "keeper", documents=changed, **PERMITTED)

    decisions = [await stack.ask() for _ in range(3)]
    await stack.settled([decision["id"] for decision in decisions])

    assert [len(body) for _, _, body in server.asked] == [3]


async def test_a_quota_that_is_used_up_defers_and_operators_see_until_when(build_stack, server):
    async def spent(request, body):
        return problem(429, **{"Retry-After": "60"})

    server.answer = spent
    stack = await build_stack("api", "worker", "keeper", documents=documents(server.url), **PERMITTED)

    first, second = await stack.ask(wait=10), await stack.ask(wait=10)

    assert first["outcome"]["reason"] == "fallback: sure@1 has no quota left: HTTP 429"
    assert second["outcome"]["reason"] == "fallback: sure@1 was not asked, its breaker is open: quota"
    assert len(server.asked) == 1
    found = await until(
        lambda: told(stack, "sure@1"),
        lambda found: found["breaker"] is not None and found["breaker"]["state"] == "open",
    )
    assert (found["kind"], found["breaker"]["fault"]) == ("http", "quota")
    assert found["breaker"]["until"] > found["breaker"]["since"]


async def test_no_decision_tells_what_a_server_said_of_another(build_stack, server):
    """They share a call, and a breaker: a key of one store must not read the evidence of the next in a reason."""

    async def repeated(request, body):
        return problem(500, body)

    server.answer = repeated
    changed = documents(server.url)
    decider = changed["deciders"]["sure@1"]
    decider["http"]["many"] = {"requests": "", "responses": ""}
    decider |= {"linger": "300ms", "breaker": {"failures": 1, "for": "30s"}}
    stack = await build_stack("api", "worker", "keeper", documents=changed, **PERMITTED)

    together = [await stack.ask(text="Mrs Smith") for _ in range(2)]
    await stack.settled([decision["id"] for decision in together])
    shut_out = await stack.ask(wait=10)

    assert shut_out["outcome"]["reason"] == "fallback: sure@1 was not asked, its breaker is open: error"
    rows = await stack.rows("SELECT reason, path::text AS path FROM outcome")
    assert len(rows) == 3
    assert not any("Smith" in row["reason"] or "Smith" in row["path"] for row in rows)


async def test_a_private_address_is_not_asked_where_no_operator_lists_it(build_stack, server):
    stack = await build_stack("api", "worker", "keeper", documents=documents(server.url))

    decision = await stack.ask(wait=10)

    assert "ADJUDGE_OUTBOUND_ALLOW" in decision["outcome"]["reason"]
    assert server.asked == []


async def told(stack, decider):
    listed = (await stack.admin.get("/v1/deciders")).json()["deciders"]
    return next(each for each in listed if each["id"] == decider)
