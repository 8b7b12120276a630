"""A revision comes into force while everything runs: taken over by each process, or refused by it, with a receipt."""

import pytest
from redis.asyncio import Redis
from tests.configured import ACCEPT, REFUSE, TYPES, configuration, of_people, question
from tests.waiting import until

from adjudge.cli.processes import staffing
from adjudge.store.configuration.revisions import Terms

MORE_PEOPLE = [of_people(votes={"min": 2, "max": 3}, combine="majority")]


def with_plan(name: str, *stages: dict, deciders: dict | None = None) -> dict:
    """The documents with one plan as given, its type and its route."""
    whole = configuration()
    return {
        "types": {**whole["types"], name: {"answers": ["pay", "refuse"], **TYPES.get(name, {})}},
        "deciders": deciders or whole["deciders"],
        "plans": {**whole["plans"], name: {"stages": list(stages), "fallback": REFUSE}},
        "routes": [*(route for route in whole["routes"] if route["type"] != name), {"type": name, "plan": name}],
    }


def model(decider: str, **more) -> dict:
    return {"ask": decider, "accept": ACCEPT, **more}


@pytest.fixture(autouse=True)
async def as_it_was(stack):
    """Each test finds and leaves the documents that the stack began with."""
    yield
    await stack.until_run((await stack.publish()).number)


async def test_what_is_new_begins_under_it_and_what_is_open_ends_under_its_own(stack):
    """Promise 5: a decision keeps the revision that it began with, while it waits for a person."""
    anna, ben = await stack.reviewer("anna"), await stack.reviewer("ben")
    before = await stack.ask("person")

    published = await stack.publish(**with_plan("person", *MORE_PEOPLE))
    fleet = await stack.until_run(published.number)
    after = await stack.ask("person")
    [first] = await anna.claim()
    await anna.answer(first, "pay")
    await anna.vote("pay")
    waiting = await stack.read(after["id"])
    await ben.vote("pay")

    assert {role: each.hash for role, each in fleet.items()} == dict.fromkeys(
        ("api", "worker", "keeper"), published.hash
    )
    assert (before["revision"], after["revision"]) == (published.number - 1, published.number)
    assert (await stack.read(before["id"]))["outcome"]["reason"] == "1 of 1 agree"
    assert waiting["waiting_for"]["votes"] == 1
    assert (await stack.read(after["id"]))["outcome"]["reason"] == "2 of 2 agree"


async def test_people_work_off_what_waits_in_a_pool_that_went(stack):
    """Who is only of that pool still finds it, and operators see it, until the last decision has left it."""
    bea = await stack.reviewer("bea", "brief")
    waiting = await stack.ask("brief")
    without = {name: pool for name, pool in configuration()["pools"].items() if name != "brief"}
    await stack.until_run((await stack.publish(**with_plan("brief", *MORE_PEOPLE), pools=without)).number)

    queued = {each["pool"]: each["waiting"] for each in (await stack.admin.get("/v1/reviews/queues")).json()["queues"]}
    await bea.vote("pay")

    assert queued["brief"] == 1
    assert (await stack.read(waiting["id"]))["outcome"]["source"] == "reviewer"
    queues = (await stack.admin.get("/v1/reviews/queues")).json()["queues"]
    assert "brief" not in {each["pool"] for each in queues}


async def test_an_api_that_began_later_shows_what_waits_in_a_pool_that_went(build_stack, unused_tcp_port):
    """It holds no revision but the newest; nobody has claimed anything of it."""
    stack = await build_stack("api")
    await stack.ask("brief")
    without = {name: pool for name, pool in configuration()["pools"].items() if name != "brief"}
    await stack.until_run((await stack.publish(**with_plan("brief", *MORE_PEOPLE), pools=without)).number)

    await stack.spawn("api", ADJUDGE_PORT=str(unused_tcp_port))
    await stack.reach(f"http://127.0.0.1:{unused_tcp_port}")

    queues = (await stack.admin.get("/v1/reviews/queues")).json()["queues"]
    assert {each["pool"]: each["waiting"] for each in queues}["brief"] == 1


async def test_truth_amends_as_the_decision_was_asked_whatever_has_become_of_its_type(stack):
    decision = await stack.ask("model", wait=5)
    whole = configuration()
    without = {
        **{part: {name: each for name, each in whole[part].items() if name != "model"} for part in ("types", "plans")},
        "routes": [route for route in whole["routes"] if route["type"] != "model"],
    }
    await stack.until_run((await stack.publish(**without)).number)

    told = await stack.admin.post(f"/v1/decisions/{decision['id']}/truth", {"answer": "refuse", "source": "appeal"})

    assert (await stack.admin.post("/v1/decisions", question("model"))).status_code == 422
    assert told.status_code == 200, told.text
    assert told.json()["label"]["amended"]


async def test_without_a_hint_it_is_found_all_the_same(stack):
    """The database is looked at twice a second: a hint that is lost costs that, and no more."""
    published = await stack.publish(hinted=False, **with_plan("person", *MORE_PEOPLE))

    fleet = await stack.until_run(published.number)

    assert len(fleet) == 3


async def test_with_valkey_down_it_is_found_all_the_same(build_stack, private_valkey):
    valkey = await private_valkey()
    stack = await build_stack("api", "keeper", redis_url=valkey.url)
    await valkey.kill()

    published = await stack.publish(hinted=False, **with_plan("person", *MORE_PEOPLE))

    assert (await stack.until_run(published.number))["api"].revision == published.number
    await valkey.start()


async def test_a_new_decider_is_asked_and_one_that_went_is_asked_until_no_open_decision_needs_it(stack, monkeypatch):
    monkeypatch.setattr(staffing, "RETIRE_SECONDS", 0.2)
    whole = configuration()["deciders"]
    begun = await stack.publish(
        **with_plan(
            "later",
            of_people(timeout="2s"),
            model("later@1"),
            deciders={**whole, "later@1": {"python": "deciders:second"}},
        )
    )
    await stack.until_run(begun.number)
    asked = await stack.ask("later")

    published = await stack.publish(
        **with_plan("fresh", model("fresh@1"), deciders={**whole, "fresh@1": {"python": "deciders:sure"}})
    )
    await stack.until_run(published.number)
    fresh = await stack.ask("fresh", wait=10)

    assert fresh["outcome"]["deciders"] == ["fresh@1"]
    assert (await stack.read(asked["id"], wait=20))["outcome"]["deciders"] == ["later@1"]
    async with Redis.from_url(stack.redis_url) as redis:
        await until(lambda: redis.xinfo_consumers("{ask:later@1}:standard", "adjudge"), lambda found: not found)


async def test_a_decider_that_was_changed_is_asked_as_it_is_now(stack):
    whole = configuration()["deciders"]
    dearer = {**whole, "sure@1": {"python": "deciders:sure", "cost": "0.02 USD", "batch": 7}}

    await stack.until_run((await stack.publish(deciders=dearer)).number)
    asked = await stack.ask("model", wait=10)

    opinion = (await stack.path(asked["id"]))[1]
    assert (opinion["by"], opinion["cost_micros"]) == ("sure@1", 20_000)


async def test_a_worker_refuses_what_it_cannot_ask_says_why_and_goes_on(stack):
    """Its receipt names the decider; it serves all others, under either revision, and takes the next one over."""
    whole = configuration()["deciders"]
    nonsense = {**whole, "absent@1": {"python": "deciders:absent"}}

    published = await stack.publish(**with_plan("absent", model("absent@1"), deciders=nonsense))
    fleet = await stack.until_run(published.number)
    served = await stack.ask("model", wait=10)

    assert (fleet["api"].revision, fleet["worker"].revision) == (published.number, published.number - 1)
    assert fleet["worker"].refused == published.number
    assert "absent@1 cannot be imported" in fleet["worker"].why
    assert served["outcome"]["deciders"] == ["sure@1"]


async def test_nonsense_that_got_past_the_lint_changes_nothing_that_runs(stack):
    """Every process refuses it, leaves readiness with the reason, and goes on under the last good revision."""
    published = await stack.publish(plans={})
    fleet = await stack.until_run(published.number)
    ready = await stack.client.get("/readyz")
    served = await stack.ask("model", wait=10)

    assert [each.refused for each in fleet.values()] == [published.number] * 3
    assert served["revision"] == published.number - 1
    check = ready.json()["checks"]["configuration"]
    assert (ready.status_code, check["ok"]) == (503, False)
    assert check["why"].startswith(f"refused revision {published.number}: ")


async def test_a_process_that_begins_goes_back_to_the_last_revision_that_it_understands(stack):
    before = (await stack.fleet())["worker"].revision
    await stack.stop("worker")
    await stack.publish(plans={})

    await stack.start("worker")
    fleet = await until(stack.fleet, lambda found: "worker" in found)

    assert fleet["worker"].revision <= before
    assert (await stack.ask("model", wait=10))["outcome"]["source"] == "model"


async def test_published_for_some_locations_it_holds_there_alone_until_it_goes_on(stack):
    """Which is a publication of the same documents: by hand or, by a keeper, when its time has come."""
    terms = Terms(only_at=("location:store-001",))
    staged = await stack.publish(terms=terms, **with_plan("person", *MORE_PEOPLE))
    await stack.until_run(staged.number)

    asked = {place: await stack.ask("person", location=place) for place in ("store-001", "store-002", "default")}
    for each in asked.values():
        await stack.admin.post(f"/v1/decisions/{each['id']}/cancel")

    assert {place: each["revision"] for place, each in asked.items()} == {
        "store-001": staged.number,
        "store-002": staged.rest,
        "default": staged.rest,
    }


async def test_revisions_that_nobody_needs_are_let_go_and_those_of_open_decisions_are_kept(stack):
    held = stack.services.revisions
    asked = await stack.ask("person")
    numbers = []
    for votes in (2, 3):
        changed = [of_people(votes={"min": votes, "max": 3}, combine="majority")]
        numbers.append((await stack.publish(**with_plan("person", *changed))).number)
        await stack.until_run(numbers[-1])
    held._used_at.clear()

    held.drop_unused({asked["revision"]})

    assert {each.revision for each in held.held} == {asked["revision"], numbers[-1]}
    await stack.admin.post(f"/v1/decisions/{asked['id']}/cancel")
