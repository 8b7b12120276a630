"""Who may see and do what: deny by default, and nobody sees past their locations."""

import asyncio
import re
import time
from itertools import count

import pytest
from tests.stacks import Caller, question

from adjudge.api.authentication import REMEMBERED_SECONDS

OPEN = {("get", "/livez"), ("get", "/readyz"), ("get", "/metrics")}
EVERYBODY = frozenset({"client", "reviewer", "operator", "admin"})
ALLOWED = {
    ("post", "/v1/decisions"): {"client"},
    ("post", "/v1/decisions/bulk"): {"client"},
    ("get", "/v1/decisions"): {"client", "operator"},
    ("get", "/v1/decisions/{decision}"): {"client", "operator"},
    ("get", "/v1/decisions/{decision}/path"): {"client", "operator"},
    ("post", "/v1/decisions/{decision}/cancel"): {"client", "operator"},
    ("post", "/v1/decisions/{decision}/truth"): {"client", "operator"},
    ("post", "/v1/reviews/claim"): {"reviewer"},
    ("post", "/v1/reviews/{task}/answer"): {"reviewer"},
    ("post", "/v1/reviews/{task}/decline"): {"reviewer"},
    ("post", "/v1/reviews/{task}/release"): {"reviewer"},
    ("post", "/v1/reviews/{task}/heartbeat"): {"reviewer"},
    ("get", "/v1/reviews/queues"): {"operator", "reviewer"},
    ("post", "/v1/keys"): set(),
    ("get", "/v1/keys"): set(),
    ("delete", "/v1/keys/{key}"): set(),
    ("post", "/v1/reviewers"): set(),
    ("get", "/v1/reviewers"): {"operator"},
    ("get", "/v1/deciders"): {"operator"},
    ("post", "/v1/deciders/{decider}/switch"): {"operator"},
    ("get", "/v1/config"): {"operator"},
}
"""Who but an admin; an admin may do all but a person's work. A route that is missing here fails the test."""
NOBODYS = "01a20a26-015a-7642-9637-b849ed8571b2"
numbers = count()


def body_of(document: dict, operation: dict) -> object:
    """A body that passes validation, so that it is the role that is refused."""
    if "requestBody" not in operation:
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    reference = re.search(r"schemas/(\w+)", str(schema))
    assert reference, schema
    examples = {
        "KeyBody": {"name": f"k-{next(numbers)}", "role": "client"},
        "ReviewerBody": {"name": f"r-{next(numbers)}", "pools": ["agents"]},
        "Question": question(),
        "Questions": {"items": [question()]},
        "TruthBody": {"answer": "pay", "source": "x"},
        "SwitchBody": {"on": True, "reason": "x"},
        "AnswerBody": {"answer": "pay"},
        "DeclineBody": {"reason": "unsure"},
    }
    return examples.get(reference[1], {})


@pytest.fixture(scope="module")
async def callers(stack) -> dict[str, Caller]:
    return {
        "nobody": Caller(stack.client, None),
        "stranger": Caller(stack.client, "adj_forged"),
        "client": await stack.key("client"),
        "operator": await stack.key("operator"),
        "admin": stack.admin,
        "reviewer": await stack.reviewer("anna"),
    }


async def test_every_route_is_denied_to_whoever_is_not_named(stack, callers):
    document = (await stack.client.get("/openapi.json")).json()
    routes = {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert routes.keys() == ALLOWED.keys() | OPEN

    for (method, path), operation in routes.items():
        for who, caller in callers.items():
            where = re.sub(r"\{\w+\}", NOBODYS, path)
            answer = await caller(method.upper(), where, body_of(document, operation))
            told = f"{who}: {method} {path}: {answer.status_code} {answer.text[:100]}"
            if (method, path) in OPEN:
                assert answer.status_code == 200, told
            elif who in ("nobody", "stranger"):
                assert answer.status_code == 401, told
                assert answer.headers["www-authenticate"] == "Bearer", told
            elif who in ALLOWED[method, path] or (who == "admin" and ALLOWED[method, path] != {"reviewer"}):
                assert answer.status_code not in (401, 403), told
                assert answer.status_code < 500, told
            else:
                assert answer.status_code == 403, told
                assert answer.json()["type"].endswith("/forbidden"), told


async def test_a_key_of_one_store_sees_nothing_of_another(stack):
    """Answers about the other store's decisions are those about decisions that do not exist."""
    mine = await stack.key("client", locations=["store-001"])
    own = await stack.ask("model", location="store-001", wait=5)
    others = [await stack.ask("model", location=place, wait=5) for place in ("store-002", "default")]
    hidden = others[0]["id"]

    reached = [
        await mine.get(f"/v1/decisions/{hidden}"),
        await mine.get(f"/v1/decisions/{hidden}", Prefer="wait=1"),
        await mine.get(f"/v1/decisions/{hidden}/path"),
        await mine.post(f"/v1/decisions/{hidden}/cancel"),
        await mine.post(f"/v1/decisions/{hidden}/truth", {"answer": "pay", "source": "spy"}),
    ]
    unknown = await mine.get(f"/v1/decisions/{NOBODYS}")
    pages = [
        (await mine.get(f"/v1/decisions{query}")).json()["items"]
        for query in ("", "?location=store-002", "?type=model", f"?cursor={'f' * 8}-ffff-7fff-bfff-{'f' * 12}")
    ]
    posted = await mine.post("/v1/decisions", question(location="store-002"))
    invented = await mine.post("/v1/decisions", question(location="store-999"))
    bulk = await mine.post("/v1/decisions/bulk", {"items": [question(location="store-002")]})

    assert (await mine.get(f"/v1/decisions/{own['id']}")).json() == own
    assert [answer.status_code for answer in reached] == [404] * 5
    assert {answer.json()["type"] for answer in reached} == {unknown.json()["type"]}
    assert {one["location"] for page in pages for one in page} == {"store-001"}
    assert pages[1] == []
    assert (posted.status_code, invented.status_code) == (422, 422)
    assert posted.json()["type"] == invented.json()["type"]
    assert bulk.json()["items"][0]["status"] == 422
    assert not await stack.value("SELECT count(*) FROM label WHERE source = 'spy'")


async def test_a_key_used_again_in_another_store_does_not_reach_its_decision(stack):
    """Idempotency keys are the caller's own, whatever their text."""
    mine, theirs = [await stack.key("client", locations=[place]) for place in ("store-001", "store-002")]
    first = await theirs.post("/v1/decisions", question(location="store-002"), Idempotency_Key="visit-1")

    second = await mine.post("/v1/decisions", question(location="store-001"), Idempotency_Key="visit-1")

    assert second.status_code == 202
    assert second.json()["id"] != first.json()["id"]


async def test_a_revoked_key_ends_within_three_seconds(stack):
    key = (await stack.admin.post("/v1/keys", {"name": "leaving", "role": "client"})).json()
    caller = Caller(stack.client, key["key"])
    assert (await caller.get("/v1/decisions?limit=1")).status_code == 200

    assert (await stack.admin("DELETE", f"/v1/keys/{key['id']}")).status_code == 204
    revoked_at = time.monotonic()
    async with asyncio.timeout(10):
        while (await caller.get("/v1/decisions?limit=1")).status_code == 200:
            await asyncio.sleep(0.05)

    assert time.monotonic() - revoked_at < REMEMBERED_SECONDS + 1
    assert REMEMBERED_SECONDS <= 3
    assert (await stack.admin("DELETE", f"/v1/keys/{key['id']}")).status_code == 404


async def test_a_key_is_shown_once_and_never_stored(stack):
    made = (await stack.admin.post("/v1/keys", {"name": "shown-once", "role": "client"})).json()
    listed = (await stack.admin.get("/v1/keys")).text
    stored = await stack.value("SELECT string_agg(api_key::text, ' ') FROM api_key")

    assert made["id"] in listed
    assert made["key"] not in listed + stored


async def test_reviewers_see_only_their_pools(stack):
    decision = await stack.ask("expert")
    agent, expert = await stack.reviewer("agent", "agents"), await stack.reviewer("expert", "experts")

    nothing = (await agent.post("/v1/reviews/claim", {"pools": ["experts"]})).json()
    [task] = await expert.claim()
    queues = (await agent.get("/v1/reviews/queues")).json()["queues"]
    reached = [
        await agent.post(f"/v1/reviews/{task['id']}/{act}", {"token": task["token"], **more})
        for act, more in {
            "answer": {"answer": "pay"},
            "decline": {},
            "release": {},
            "heartbeat": {},
        }.items()
    ]
    await expert.answer(task, "pay")

    assert nothing["empty"]["reason"] == "wrong_pool"
    assert [queue["pool"] for queue in queues] == ["agents"]
    assert [answer.status_code for answer in reached] == [404] * 4
    assert (await stack.read(decision["id"]))["outcome"]["answer"] == "pay"


async def test_a_bound_operator_sees_the_queues_of_their_locations_only(stack):
    bound = await stack.key("operator", locations=["store-001"])
    anna, bob = await stack.reviewer("anna", "experts"), await stack.reviewer("bob", "experts")
    mine = [await stack.ask("expert", location="store-001") for _ in range(2)]
    others = [await stack.ask("expert", location="store-002") for _ in range(3)]

    async def experts(caller):
        queues = (await caller.get("/v1/reviews/queues")).json()["queues"]
        return next(queue for queue in queues if queue["pool"] == "experts")

    before = await experts(bound)
    for person in (anna, bob):  # oldest first: those of store-001
        await person.vote("pay")
    votes = await experts(bound)
    [leased] = await anna.claim()
    after, all_of_them = await experts(bound), await experts(stack.admin)

    assert (before["waiting"], before["leased"], before["votes_per_hour"]) == (2, 0, 0)
    assert (votes["waiting"], votes["oldest_seconds"], votes["votes_per_hour"], votes["at_work"]) == (0, None, 2, 2)
    assert leased["location"] == "store-002"
    assert after == votes
    assert (all_of_them["waiting"], all_of_them["leased"]) == (2, 1)
    assert all_of_them["votes_per_hour"] >= 2
    for asked in others:
        await stack.admin.post(f"/v1/decisions/{asked['id']}/cancel")
    assert {(await stack.read(one["id"]))["status"] for one in mine} == {"final"}


async def test_callers_learn_that_people_decided_but_not_who(stack):
    """Declines are on the path, too."""
    shy, bob = await stack.reviewer("shy"), await stack.reviewer("bob")
    decision = await stack.ask("person")
    [task] = await shy.claim()
    await shy.post(f"/v1/reviews/{task['id']}/decline", {"token": task["token"], "reason": "unsure"})
    await bob.vote("pay")
    caller = await stack.key("client")

    shown = (await caller.get(f"/v1/decisions/{decision['id']}/path")).text
    known = (await stack.admin.get(f"/v1/decisions/{decision['id']}/path")).text

    assert "shy-" in known
    assert "bob-" in known
    assert "shy-" not in shown
    assert "bob-" not in shown


async def test_a_heartbeat_of_a_task_that_never_was_is_404(stack):
    anna = await stack.reviewer("anna")

    answer = await anna.post(f"/v1/reviews/{NOBODYS}/heartbeat", {"token": NOBODYS})

    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (404, "unknown-task")
