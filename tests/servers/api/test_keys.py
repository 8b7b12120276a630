"""Who may see and do what: deny by default, and nobody sees past their locations."""

import re
import time
from itertools import count

import pytest
from tests.configured import question
from tests.stacks import Caller
from tests.waiting import until

from adjudge.api.application import create_app
from adjudge.api.authentication import REMEMBERED_SECONDS

OPEN = {("get", path) for path in ("/livez", "/readyz", "/metrics", "/openapi.json", "/", "/docs", "/docs/{part}")}
SIGNED = {("get", "/v1/media/{signed:path}")}
"""Opened by an address that was signed, not by a key."""
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
    ("get", "/v1/outcomes"): {"client", "operator"},
    ("get", "/v1/overview"): {"operator"},
    ("post", "/v1/webhooks"): {"client", "operator"},
    ("get", "/v1/webhooks"): {"client", "operator"},
    ("delete", "/v1/webhooks/{webhook}"): {"client", "operator"},
    ("post", "/v1/webhooks/{webhook}/test"): {"client", "operator"},
    ("post", "/v1/webhooks/{webhook}/rotate"): {"client", "operator"},
    ("post", "/v1/webhooks/{webhook}/redeliver"): {"client", "operator"},
    ("get", "/v1/webhooks/{webhook}/deliveries"): {"client", "operator"},
    ("post", "/v1/erasures"): set(),
    ("get", "/v1/erasures"): set(),
    ("get", "/v1/erasures/{erasure}"): set(),
    ("get", "/v1/journal"): set(),
    ("post", "/v1/keys"): set(),
    ("get", "/v1/keys"): set(),
    ("post", "/v1/keys/{key}/rotate"): set(),
    ("put", "/v1/keys/{key}/limits"): set(),
    ("delete", "/v1/keys/{key}"): set(),
    ("post", "/v1/reviewers"): set(),
    ("get", "/v1/reviewers"): {"operator"},
    ("put", "/v1/reviewers/{name}"): set(),
    ("get", "/v1/deciders"): {"operator"},
    ("post", "/v1/deciders/{decider}/switch"): {"operator"},
    ("get", "/v1/config"): {"operator"},
    ("get", "/v1/config/revisions"): {"operator"},
    ("get", "/v1/config/revisions/{number}"): {"operator"},
    ("post", "/v1/config/revisions"): {"operator"},
    ("post", "/v1/config/check"): {"operator"},
    ("post", "/v1/config/preview"): {"operator"},
    ("get", "/v1/config/receipts"): {"operator"},
    ("get", "/v1/config/effective"): {"operator"},
    ("post", "/v1/config/drafts"): {"operator"},
    ("get", "/v1/config/drafts"): {"operator"},
    ("get", "/v1/config/drafts/{draft}"): {"operator"},
    ("put", "/v1/config/drafts/{draft}"): {"operator"},
    ("delete", "/v1/config/drafts/{draft}"): {"operator"},
    ("post", "/v1/config/drafts/{draft}/approve"): {"operator"},
    ("post", "/v1/config/drafts/{draft}/publish"): {"operator"},
    ("get", "/v1/config/drafts/{draft}/preview"): {"operator"},
    ("get", "/v1/automation"): {"operator"},
    ("get", "/v1/automation/why"): {"operator"},
    ("get", "/v1/automation/audits"): {"operator"},
    ("get", "/v1/automation/learnt"): {"operator"},
    ("get", "/v1/automation/audits/{decision}"): {"operator"},
    ("get", "/v1/automation/certificates/{certificate}"): {"operator"},
    ("post", "/v1/automation/suspend"): {"operator"},
    ("post", "/v1/automation/renew"): {"operator"},
    ("get", "/v1/controls"): {"operator"},
    ("post", "/v1/controls"): {"operator"},
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
    known = {
        "KeyBody": {"name": f"k-{next(numbers)}", "role": "client"},
        "ReviewerBody": {"name": f"r-{next(numbers)}", "pools": ["agents"]},
        "Question": question(),
        "Questions": {"items": [question()]},
        "TruthBody": {"answer": "pay", "source": "x"},
        "SwitchBody": {"on": True, "reason": "x"},
        "AnswerBody": {"answer": "pay"},
        "DeclineBody": {"reason": "unsure"},
    }
    examples = document["components"]["schemas"][reference[1]].get("examples", [{}])
    return known.get(reference[1], examples[0])


def query_of(operation: dict) -> str:
    """The parameters that must be there, so that it is the role that is refused."""
    known = {"location": "default", "type": "model"}
    wanted = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query" and each["required"]]
    return "?" + "&".join(f"{name}={known[name]}" for name in wanted) if wanted else ""


def routes_of(app) -> set[tuple[str, str]]:
    """Every route that the application answers, described or not."""
    return {
        (method.lower(), route.path)
        for included in app.router.routes
        for route in getattr(getattr(included, "original_router", None), "routes", [included])
        for method in route.methods - {"HEAD"}
    }


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
    """Whoever adds a route says here whose it is."""
    document = (await stack.client.get("/openapi.json")).json()
    routes = routes_of(create_app(lambda: None)._app)
    described = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert routes == ALLOWED.keys() | OPEN | SIGNED
    assert ALLOWED.keys() <= described <= routes

    for method, path in sorted(routes):
        operation = document["paths"].get(path, {}).get(method, {})
        for who, caller in callers.items():
            where = re.sub(r"\{\w+(:path)?\}", NOBODYS, path) + query_of(operation)
            answer = await caller(method.upper(), where, body_of(document, operation))
            told = f"{who}: {method} {path}: {answer.status_code} {answer.text[:100]}"
            if (method, path) in OPEN:
                assert answer.status_code in (200, 307, 404), told
            elif (method, path) in SIGNED:
                assert answer.status_code == 403, told
            elif who in ("nobody", "stranger"):
                assert answer.status_code == 401, told
                assert answer.headers["www-authenticate"] == "Bearer", told
            elif who in ALLOWED[method, path] or (who == "admin" and ALLOWED[method, path] != {"reviewer"}):
                assert answer.status_code not in (401, 403), told
                assert answer.status_code < 500, told
            else:
                assert answer.status_code == 403, told
                assert answer.json()["type"].endswith("/forbidden"), told


async def test_who_may_not_do_something_is_not_told_of_the_faults_of_how_they_asked(stack, callers):
    """A role is looked at before body, query and path: otherwise it is guessed from schemas."""
    for method, path in sorted(ALLOWED):
        where = re.sub(r"\{\w+\}", "no-such-id", path)
        for who in {"nobody", "client", "operator", "reviewer"} - ALLOWED[method, path]:
            call, verb = callers[who], method.upper()
            answers = [await call(verb, where, {"no": "field"}), await call(verb, where, content=b"{no json")]
            if path not in ("/v1/decisions", "/v1/decisions/bulk"):  # the hot path looks at its query first
                answers.append(await call(verb, f"{where}?no=parameter"))
            found = [answer.status_code for answer in answers]
            assert set(found) == {401 if who == "nobody" else 403}, f"{who}: {method} {path}: {found}"


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
        for query in ("", "?type=model", f"?cursor={'f' * 8}-ffff-7fff-bfff-{'f' * 12}")
    ]
    listed, never = [await mine.get(f"/v1/decisions?location={place}") for place in ("store-002", "store-999")]
    posted = await mine.post("/v1/decisions", question(location="store-002"))
    invented = await mine.post("/v1/decisions", question(location="store-999"))
    bulk = await mine.post("/v1/decisions/bulk", {"items": [question(location="store-002")]})

    assert (await mine.get(f"/v1/decisions/{own['id']}")).json() == own
    assert [answer.status_code for answer in reached] == [404] * 5
    assert {answer.json()["type"] for answer in reached} == {unknown.json()["type"]}
    assert {one["location"] for page in pages for one in page} == {"store-001"}
    assert (listed.status_code, never.status_code) == (422, 422)
    assert listed.json()["detail"].replace("002", "999") == never.json()["detail"]
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
    await until(lambda: caller.get("/v1/decisions?limit=1"), lambda found: found.status_code != 200)

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
    stack.services.chance = lambda: 0.9  # what is due first comes first: that of store-001

    async def experts(caller):
        queues = (await caller.get("/v1/reviews/queues")).json()["queues"]
        return next(queue for queue in queues if queue["pool"] == "experts")

    before = await experts(bound)
    for person in (anna, bob):
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


async def test_a_rotated_key_opens_with_both_secrets_until_its_overlap_is_over(stack):
    """The same key: its id, its bounds, and what its idempotency keys stand for."""
    made = (await stack.admin.post("/v1/keys", {"name": "till", "role": "client", "locations": ["store-001"]})).json()
    old = Caller(stack.client, made["key"])
    asked = await old.post("/v1/decisions", question(location="store-001"), Idempotency_Key="one")

    rotated = (await stack.admin.post(f"/v1/keys/{made['id']}/rotate", {"overlap_seconds": 600})).json()
    new = Caller(stack.client, rotated["key"])
    again = [
        await caller.post("/v1/decisions", question(location="store-001"), Idempotency_Key="one")
        for caller in (old, new)
    ]
    await stack.rows("UPDATE api_key SET old_until = clock_timestamp() WHERE id = $1", made["id"])
    await until(
        lambda: old.get("/v1/decisions?limit=1"), lambda found: found.status_code != 200, seconds=REMEMBERED_SECONDS + 3
    )

    assert rotated["id"] == made["id"]
    assert rotated["key"] != made["key"]
    assert rotated["locations"] == ["store-001"]
    assert [answer.json()["id"] for answer in again] == [asked.json()["id"]] * 2
    assert (await new.get("/v1/decisions?limit=1")).status_code == 200
    assert (await old.get("/v1/decisions?limit=1")).status_code == 401


async def test_a_key_rotated_twice_no_longer_opens_with_the_first_secret(stack):
    made = (await stack.admin.post("/v1/keys", {"name": "twice", "role": "client"})).json()
    rotate = f"/v1/keys/{made['id']}/rotate"

    second, third = [(await stack.admin.post(rotate)).json()["key"] for _ in range(2)]
    opened = [await opens(stack, secret) for secret in (made["key"], second, third)]
    fourth = (await stack.admin.post(rotate, {"overlap_seconds": 0})).json()["key"]

    assert opened == [False, True, True]
    assert await opens(stack, fourth)
    assert await stack.value("SELECT old_hash IS NULL FROM api_key WHERE id = $1", made["id"])


async def opens(stack, secret: str) -> bool:
    return (await Caller(stack.client, secret).get("/v1/decisions?limit=1")).status_code == 200


async def test_a_key_says_when_it_was_last_used(stack):
    made = (await stack.admin.post("/v1/keys", {"name": "used", "role": "client"})).json()

    async def last_used() -> str | None:
        [key] = [key for key in (await stack.admin.get("/v1/keys")).json()["keys"] if key["id"] == made["id"]]
        return key["last_used_at"]

    before = await last_used()
    await Caller(stack.client, made["key"]).get("/v1/decisions?limit=1")

    assert before is None
    assert await last_used()


async def test_a_bound_admin_reaches_no_further_through_other_keys(stack):
    """Neither by making one, nor by taking one over, nor by naming what it may not see."""
    bound = await stack.key("admin", locations=["store-001"])
    wide = (await stack.admin.post("/v1/keys", {"name": "wide", "role": "admin"})).json()
    foreign = (await stack.admin.post("/v1/keys", {"name": "f", "role": "client", "locations": ["store-002"]})).json()

    inherited = (await bound.post("/v1/keys", {"name": "mine", "role": "admin"})).json()
    refused = [
        await bound.post("/v1/keys", {"name": "x", "role": "client", "locations": places})
        for places in (["store-002"], ["store-001", "store-002"], ["store-999"])
    ]
    reached = [
        await bound(method, f"/v1/keys/{key['id']}{act}", body)
        for key in (wide, foreign)
        for method, act, body in (("POST", "/rotate", {}), ("PUT", "/limits", {}), ("DELETE", "", None))
    ]
    listed = (await bound.get("/v1/keys")).json()["keys"]
    person = await bound.post("/v1/reviewers", {"name": f"r-{next(numbers)}", "pools": ["agents"]})
    await stack.ask("person", location="store-002")
    [claimed] = [await Caller(stack.client, person.json()["key"]).claim()]

    assert inherited["locations"] == ["store-001"]
    assert [answer.status_code for answer in refused] == [403] * 3
    assert [answer.status_code for answer in reached] == [404] * 6
    assert {tuple(key["locations"]) for key in listed} == {("store-001",)}
    assert [task["location"] for task in claimed if task["location"] != "store-001"] == []


@pytest.mark.parametrize("path", ["/v1/keys", "/v1/reviewers"])
async def test_a_name_that_is_none_is_refused_in_words(stack, path):
    body = {"name": "Zoé Müller", **({"role": "client"} if path == "/v1/keys" else {"pools": ["agents"]})}

    refused = await stack.admin.post(path, body)

    [fault] = refused.json()["errors"]
    assert (refused.status_code, fault["pointer"]) == (422, "#/name")
    assert fault["detail"].startswith("is not a name: 1 to 100 of the letters A to Z")


@pytest.mark.parametrize("bound", ["locations", "pools"])
async def test_a_key_that_is_bound_to_nothing_is_refused(stack, bound):
    """It opened nothing, and stood in the list of keys like one that opens all."""
    refused = await stack.admin.post("/v1/keys", {"name": "till", "role": "client", bound: []})

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"#/{bound}")


async def test_a_bound_operator_switches_no_decider_for_everybody_and_reads_no_other_names(stack):
    bound = await stack.key("operator", locations=["store-001"])

    switched = await bound.post("/v1/deciders/sure@1/switch", {"on": False, "reason": "x"})
    configuration = await bound.get("/v1/config")
    overview = await bound.get("/v1/overview")

    assert (switched.status_code, overview.status_code) == (403, 403)
    assert configuration.json()["locations"] == ["store-001"]
    assert "store-002" not in configuration.text


async def test_webhooks_and_their_deliveries_are_their_keys_own(stack):
    """By no guess of an id."""
    mine, theirs = [await stack.key("client", locations=[place]) for place in ("store-001", "store-002")]
    made = await theirs.post("/v1/webhooks", {"url": "https://example.com/hook"})
    hidden = made.json().get("id", NOBODYS)

    reached = [
        await mine(method, f"/v1/webhooks/{hidden}{act}", body)
        for method, act, body in (
            ("GET", "/deliveries", None),
            ("POST", "/test", None),
            ("POST", "/rotate", {}),
            ("POST", "/redeliver", {}),
            ("DELETE", "", None),
        )
    ]

    assert made.status_code == 201, made.text
    assert [answer.status_code for answer in reached] == [404] * 5
    assert hidden not in (await mine.get("/v1/webhooks")).text


async def test_half_of_a_surrogate_pair_is_refused_where_it_stands(stack):
    """It is grammatical JSON, and no text."""
    body = rb'{"reason":"asked to","subject":{"claim":"\ud800"}}'

    answer = await stack.admin("POST", "/v1/erasures", content=body, **{"Content-Type": "application/json"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/subject/claim"
