"""Webhooks from settlement to receiver: everything arrives, signed, each version after the one before."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import asyncpg
import jsonschema_rs
import pytest
from aiohttp import web
from prometheus_client import REGISTRY
from tests.receivers import receiving, says, well
from tests.servers.webhooks.conftest import added
from tests.waiting import until

from adjudge.core.signing import read_secret
from adjudge.engine.webhooks.receivers import FAILURES, GIVE_UP

DELIVERY = "SELECT state, attempt, failures, tried, next_at, due_since FROM delivery WHERE endpoint = $1"


async def deliveries(caller, webhook: str, **query: str) -> list[dict]:
    wanted = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await caller.get(f"/v1/webhooks/{webhook}/deliveries?{wanted}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def until_state(stack, webhook: str, state: str, count: int = 1) -> None:
    """What a receiver has had is recorded a moment later; there is no event for it."""
    await until(
        lambda: stack.value("SELECT count(*) FROM delivery WHERE endpoint = $1 AND state = $2", webhook, state),
        lambda found: found >= count,
    )


async def hurry(stack, webhook: str) -> None:
    """Let the time until the next attempt be over."""
    await stack.value("UPDATE delivery SET next_at = now() WHERE endpoint = $1 AND state = 'waiting'", webhook)


async def test_every_outcome_since_the_endpoint_was_added_arrives_signed(stack, receiver):
    await stack.ask(wait=10)
    await added(stack.admin, receiver)

    asked = await stack.ask_many(300)

    told = await receiver.until(300)
    assert {event.decision.id for event in told} == set(asked)
    assert {(event.decision.status, event.outcome.answer) for event in told} == {("final", "pay")}


async def test_the_body_is_a_cloud_event_and_the_headers_are_of_standard_webhooks(stack, receiver):
    await added(stack.admin, receiver)

    decision = await stack.ask(wait=10)

    [event] = await receiver.until(1)
    [headers] = receiver.requests
    assert headers["content-type"].startswith("application/cloudevents+json")
    assert headers["webhook-id"] == f"msg_{UUID(decision['id']).hex}_1"
    assert event.id == f"{decision['id']}.1"
    assert event.decision.outcome.settled_at.isoformat()[:19] == decision["outcome"]["settled_at"][:19]


async def test_an_amendment_is_told_after_what_it_amends_however_often_that_fails(stack, receiver):
    receiver.answer = says(400)
    webhook = await added(stack.admin, receiver)
    decision = await stack.ask(wait=10)
    await receiver.until_that(lambda: len(receiver.requests) == 1)
    await until_state(stack, webhook, "waiting")
    amended = await stack.admin.post(f"/v1/decisions/{decision['id']}/truth", {"answer": "refuse", "source": "appeal"})
    assert amended.json()["decision"]["status"] == "amended"
    await until_state(stack, webhook, "waiting", 2)

    receiver.answer = well
    await hurry(stack, webhook)

    await receiver.until(2)
    assert receiver.versions() == {decision["id"]: [1, 2]}
    assert [event.decision.status for event in receiver.told] == ["final", "amended"]


async def test_an_outcome_whose_commit_comes_late_is_told_too(stack, receiver):
    await added(stack.admin, receiver)
    held = await asyncpg.connect(stack.database_url, timeout=10)
    await held.execute("BEGIN")
    await held.execute("SELECT pg_current_xact_id()")  # older than all that follows: the feed waits for it

    before = await stack.ask_many(20)
    await stack.settled(before)
    assert receiver.requests == []
    await held.execute("COMMIT")
    await held.close()

    assert {event.decision.id for event in await receiver.until(20)} == set(before)


async def test_an_endpoint_is_told_of_its_locations_and_types_only(stack, receiver):
    mine = await stack.key(locations=["store-001"])
    await added(mine, receiver, types=["model"])

    await stack.ask("called", wait=10, location="store-001")
    await stack.ask(wait=10, location="store-002")
    await stack.ask(wait=10, location="default")
    wanted = await stack.ask(wait=10, location="store-001")

    [event] = await receiver.until(1)
    assert event.decision.id == wanted["id"]
    assert len(receiver.requests) == 1


async def test_every_attempt_is_on_record_until_one_succeeds(stack, receiver):
    receiver.answer = lambda before: web.Response(status=500 if before < 2 else 204)
    webhook = await added(stack.admin, receiver)
    await stack.ask(wait=10)
    for attempt in (1, 2):
        await until_state(stack, webhook, "waiting")
        await receiver.until_that(lambda attempt=attempt: len(receiver.requests) == attempt)
        await until_state(stack, webhook, "waiting")
        [row] = await stack.rows(DELIVERY, webhook)
        assert (row["attempt"], row["failures"]) == (attempt, attempt)
        await hurry(stack, webhook)

    await receiver.until(1)
    await until_state(stack, webhook, "delivered")

    [delivery] = await deliveries(stack.admin, webhook)
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 500, 204]
    assert [attempt["error"] for attempt in delivery["attempts"]] == ["answered 500", "answered 500", None]
    timestamps = [int(headers["webhook-timestamp"]) for headers in receiver.requests]
    assert timestamps == sorted(timestamps)
    assert len({headers["webhook-id"] for headers in receiver.requests}) == 1


async def test_the_next_attempt_is_seconds_away_at_first(stack, receiver):
    receiver.answer = says(500)
    webhook = await added(stack.admin, receiver)
    await stack.ask(wait=10)
    await receiver.until_that(lambda: len(receiver.requests) == 1)
    await until_state(stack, webhook, "waiting")

    away = await stack.value("SELECT next_at - now() FROM delivery WHERE endpoint = $1", webhook)

    assert timedelta(seconds=2) < away <= timedelta(seconds=6)


async def test_what_fails_for_days_is_parked_and_sent_again_on_demand(stack, receiver):
    receiver.answer = says(500)
    webhook = await added(stack.admin, receiver)
    decision = await stack.ask(wait=10)
    await receiver.until_that(lambda: len(receiver.requests) == 1)
    await until_state(stack, webhook, "waiting")
    await stack.value(
        "UPDATE delivery SET due_since = now() - $2::interval, next_at = now() WHERE endpoint = $1", webhook, GIVE_UP
    )
    await until_state(stack, webhook, "parked")
    [parked] = await deliveries(stack.admin, webhook, state="parked")
    assert parked["decision"] == decision["id"]
    [listed] = (await stack.admin.get("/v1/webhooks")).json()["webhooks"]
    assert (listed["waiting"], listed["parked"]) == (0, 1)
    await until(lambda: REGISTRY.get_sample_value("adjudge_webhooks_parked"), lambda found: found == 1)

    receiver.answer = well
    answer = await stack.admin.post(f"/v1/webhooks/{webhook}/redeliver", {})

    assert answer.json() == {"id": webhook, "redelivered": 1}
    assert [event.decision.id for event in await receiver.until(1)] == [decision["id"]]


async def test_what_waited_too_long_for_a_dead_receiver_is_parked_unsent(stack, receiver):
    receiver.answer = says(500)
    webhook = await added(stack.admin, receiver)
    await stack.ask_many(FAILURES)
    await receiver.until_that(lambda: len(receiver.requests) == FAILURES)
    await until_state(stack, webhook, "waiting", FAILURES)

    await stack.value("UPDATE delivery SET due_since = now() - $2::interval WHERE endpoint = $1", webhook, GIVE_UP * 2)
    await hurry(stack, webhook)

    await until_state(stack, webhook, "parked", FAILURES)
    assert len(receiver.requests) < 2 * FAILURES


async def test_what_is_sent_is_what_the_document_says(stack, receiver):
    await added(stack.admin, receiver)
    await stack.ask(wait=10)
    await receiver.until(1)
    document = (await stack.admin.get("/openapi.json")).json()
    told = document["webhooks"]["outcome"]["post"]
    body = told["requestBody"]["content"]["application/json"]["schema"]

    jsonschema_rs.validator_for(body | {"components": document["components"]}).validate(json.loads(receiver.bodies[0]))
    assert {each["name"] for each in told["parameters"]} <= set(receiver.requests[0])


@pytest.mark.parametrize("by_decision", [False, True])
async def test_what_waits_for_its_next_try_is_sent_at_once_by_whom_knows_that_the_receiver_is_mended(
    stack, receiver, by_decision
):
    receiver.answer = says(500)
    webhook = await added(stack.admin, receiver)
    decision = await stack.ask(wait=10)
    await receiver.until_that(lambda: len(receiver.requests) == 1)
    await until_state(stack, webhook, "waiting")
    await stack.value("UPDATE delivery SET next_at = now() + interval '1 day' WHERE endpoint = $1", webhook)

    receiver.answer = well
    body = {"decision": decision["id"]} if by_decision else {}
    answer = await stack.admin.post(f"/v1/webhooks/{webhook}/redeliver", body)

    assert answer.json()["redelivered"] == 1
    await receiver.until(1)


async def test_what_was_delivered_is_sent_again_by_its_decision(stack, receiver):
    webhook = await added(stack.admin, receiver)
    decision = await stack.ask(wait=10)
    await receiver.until(1)
    await until_state(stack, webhook, "delivered")

    answer = await stack.admin.post(f"/v1/webhooks/{webhook}/redeliver", {"decision": decision["id"]})

    assert answer.json()["redelivered"] == 1
    await receiver.until_that(lambda: len(receiver.told) == 2)
    assert receiver.versions() == {decision["id"]: [1, 1]}


async def test_both_secrets_sign_while_one_replaces_the_other(stack, receiver):
    webhook = await added(stack.admin, receiver)
    [old] = receiver.secrets
    rotated = (await stack.admin.post(f"/v1/webhooks/{webhook}/rotate", {"keep_hours": 1})).json()
    assert read_secret(rotated["secret"]) != read_secret(old)

    for secret in (old, rotated["secret"]):
        receiver.secrets = [secret]
        tried = await stack.admin.post(f"/v1/webhooks/{webhook}/test", None)
        assert tried.json()["delivered"], tried.text
    assert receiver.tests == 2

    ended = (await stack.admin.post(f"/v1/webhooks/{webhook}/rotate", {"keep_hours": 0})).json()
    await stack.admin.post(f"/v1/webhooks/{webhook}/test", None)
    assert len(receiver.requests[-1]["webhook-signature"].split()) == 1
    receiver.secrets = [ended["secret"]]
    assert (await stack.admin.post(f"/v1/webhooks/{webhook}/test", None)).json()["delivered"]


async def test_a_new_secret_verifies_alone_whatever_comes_after_it_was_shown(stack, receiver):
    """Keepers read endpoints once a second: who is quicker than that must not be told by the old secret alone."""
    webhook = await added(stack.admin, receiver)
    await stack.ask(wait=10)
    await receiver.until(1)  # the keeper knows the first secret

    for told in (2, 3, 4):
        rotated = (await stack.admin.post(f"/v1/webhooks/{webhook}/rotate", {})).json()
        receiver.secrets = [rotated["secret"]]
        await stack.ask(wait=10)
        await receiver.until(told)

    assert len(receiver.requests) == 4, "none was refused and sent again"


async def test_a_token_in_the_address_reaches_the_receiver_and_is_shown_to_nobody(stack, receiver):
    """Whoever may list endpoints, or read the journal, could else send what looks like ours."""
    url = f"{receiver.url}?token=hush-1&bare-hush-2&empty="
    made = (await stack.admin.post("/v1/webhooks", {"url": url})).json()
    receiver.secrets = [made["secret"]]
    await stack.ask(wait=10)
    await receiver.until(1)

    listed = (await stack.admin.get("/v1/webhooks")).text
    told = [str(made), listed, (await stack.admin.get("/v1/journal?action=webhook.added&limit=1")).text]

    assert receiver.queries == ["token=hush-1&bare-hush-2&empty="]
    assert not any("hush" in each for each in told)
    assert f"{receiver.url}?token=…&…&empty=…" in listed
    await stack.admin("DELETE", f"/v1/webhooks/{made['id']}")


async def test_a_dead_receiver_holds_no_other_up(stack, receiver):
    never = asyncio.get_running_loop().create_future()
    async with receiving(lambda _: never) as dead:
        hanging = await added(stack.admin, dead)
        await added(stack.admin, receiver)

        asked = await stack.ask_many(600)

        assert {event.decision.id for event in await receiver.until(600, seconds=10)} == set(asked)
        assert await stack.value("SELECT count(*) FROM delivery WHERE endpoint = $1", hanging) == 600
        never.cancel()


async def test_a_receiver_that_is_back_gets_everything_that_waited_at_once(stack, receiver):
    receiver.answer = says(503)
    webhook = await added(stack.admin, receiver)
    asked = await stack.ask_many(100)
    await receiver.until_that(lambda: len(receiver.requests) >= FAILURES)
    await stack.settled(asked)
    await until(lambda: stack.admin.get("/v1/webhooks"), lambda found: found.json()["webhooks"][0]["failing_since"])
    await stack.value("UPDATE delivery SET next_at = now() + interval '1 d' WHERE failures > 0 AND state = 'waiting'")

    receiver.answer = well

    assert {event.decision.id for event in await receiver.until(100, seconds=10)} == set(asked)
    await until_state(stack, webhook, "delivered", 100)
    [listed] = (await stack.admin.get("/v1/webhooks")).json()["webhooks"]
    assert (listed["failing_since"], listed["failure"], listed["waiting"]) == (None, None, 0)


async def test_an_address_that_takes_nothing_is_not_said_to_do_well(stack, receiver):
    """Promise 8: a path that is mistyped answers 404 to everything."""
    receiver.answer = says(404)
    webhook = await added(stack.admin, receiver)
    await stack.ask_many(FAILURES)
    await receiver.until_that(lambda: len(receiver.requests) >= FAILURES)

    await until(
        lambda: stack.admin.get("/v1/webhooks"), lambda found: found.json()["webhooks"][0]["failure"] == "answered 404"
    )

    receiver.answer = well
    await stack.ask_many(1)
    await until_state(stack, webhook, "delivered", FAILURES + 1)
    assert (await stack.admin.get("/v1/webhooks")).json()["webhooks"][0]["failure"] is None


async def test_a_redirect_is_a_failure_and_is_not_followed(stack, receiver):
    async with receiving() as elsewhere:
        receiver.answer = says(302, Location=elsewhere.url)
        webhook = await added(stack.admin, receiver)

        tried = (await stack.admin.post(f"/v1/webhooks/{webhook}/test", None)).json()

        assert (tried["delivered"], tried["status"], tried["error"]) == (False, 302, "answered 302")
        assert elsewhere.requests == []


async def test_a_receiver_that_is_gone_is_sent_nothing_more_until_it_is_asked_for(stack, receiver):
    receiver.answer = says(500)
    webhook = await added(stack.admin, receiver)
    first = await stack.ask(wait=10)
    await receiver.until_that(lambda: len(receiver.requests) == 1)
    await until_state(stack, webhook, "waiting")
    receiver.answer = says(410)
    second = await stack.ask(wait=10)
    await until_state(stack, webhook, "parked")
    [listed] = (await stack.admin.get("/v1/webhooks")).json()["webhooks"]
    assert listed["stopped_at"]
    assert listed["failure"] == "410 Gone"  # not what failed before
    await stack.ask(wait=10)

    receiver.answer = well
    await stack.admin.post(f"/v1/webhooks/{webhook}/redeliver", {})
    after = await stack.ask(wait=10)

    await receiver.until(3)
    assert set(receiver.versions()) == {first["id"], second["id"], after["id"]}


async def test_nothing_is_sent_to_an_endpoint_that_was_removed(stack, receiver):
    receiver.answer = says(500)
    webhook = await added(stack.admin, receiver)
    await stack.ask(wait=10)
    await receiver.until_that(lambda: len(receiver.requests) == 1)
    await until_state(stack, webhook, "waiting")

    await stack.admin("DELETE", f"/v1/webhooks/{webhook}")
    async with receiving() as other:  # told a second later: by then the removed one would have been, too
        await added(stack.admin, other)
        await hurry(stack, webhook)
        await stack.ask_many(5)
        await other.until(5)

    assert len(receiver.requests) == 1


async def test_a_receiver_on_a_private_network_is_refused_and_nothing_is_sent(stack):
    for url in ("http://10.0.0.1/hook", "http://169.254.169.254/latest/meta-data", "http://[::1]:9/hook"):
        answer = await stack.admin.post("/v1/webhooks", {"url": url})
        assert answer.status_code == 422
        assert answer.json()["type"].endswith("/refused-url")
        assert answer.json()["errors"][0]["pointer"] == "#/url"


@pytest.mark.parametrize("url", ["ftp://example.com/", "example.com", "http://user:pass@example.com/", "http://", ""])
async def test_what_is_no_url_to_send_to_is_refused(stack, url):
    answer = await stack.admin.post("/v1/webhooks", {"url": url})

    assert answer.status_code == 422, answer.text
