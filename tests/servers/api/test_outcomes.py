"""The feed of all outcomes: gap-free, of the caller's own locations, resumed from a cursor."""

import asyncio
import json

import pytest
from tests.servers.api.test_decisions import in_shape, the_problem
from tests.stacks import Caller
from tests.waiting import until


async def pages(caller: Caller, path: str = "/v1/outcomes?", after: str | None = None) -> tuple[list[dict], str]:
    """Read to the end; return all items and where to go on."""
    items: list[dict] = []
    while True:
        answer = await caller.get(f"{path}{f'&after={after}' if after else ''}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        after = page["next"]
        if page["at_end"]:
            return items, after


async def now(caller: Caller) -> str:
    """Return the cursor behind everything that is there."""
    return (await pages(caller))[1]


def ids(items: list[dict]) -> list[tuple[str, int]]:
    return [(item["subject"], item["data"]["outcome"]["version"]) for item in items]


async def test_an_outcome_is_a_cloud_event_with_the_decision_in_its_one_shape(stack):
    """Promise 4."""
    after = await now(stack.admin)
    asked = await stack.ask("model", wait=5)

    [event], _ = await pages(stack.admin, after=after)

    assert in_shape(event["data"]) == asked
    assert event.pop("cursor")
    assert event == {
        "specversion": "1.0",
        "id": f"{asked['id']}.1",
        "source": "/v1/decisions",
        "type": "dev.adjudge.outcome.final",
        "subject": asked["id"],
        "time": asked["outcome"]["settled_at"],
        "datacontenttype": "application/json",
        "data": asked,
    }


async def test_every_version_is_told_in_order_the_cancelled_too(stack):
    after = await now(stack.admin)
    decision = await stack.ask("model", wait=5)
    await stack.admin.post(f"/v1/decisions/{decision['id']}/truth", {"answer": "refuse", "source": "appeal"})
    given_up = await stack.ask("expert")
    await stack.admin.post(f"/v1/decisions/{given_up['id']}/cancel")

    items, _ = await pages(stack.admin, after=after)

    assert ids(items) == [(decision["id"], 1), (decision["id"], 2), (given_up["id"], 1)]
    assert [item["type"].rpartition(".")[2] for item in items] == ["final", "amended", "cancelled"]
    assert [item["data"]["outcome"]["answer"] for item in items] == ["pay", "refuse", None]


async def test_one_page_after_the_other_and_one_item_after_the_other_are_the_same(stack):
    after = await now(stack.admin)
    await stack.settled(await stack.ask_many(25))

    whole, _ = await pages(stack.admin, after=after)
    by_sevens, _ = await pages(stack.admin, "/v1/outcomes?limit=7", after=after)
    behind_the_tenth, _ = await pages(stack.admin, after=whole[9]["cursor"])

    assert len(set(ids(whole))) == 25
    assert by_sevens == whole
    assert behind_the_tenth == whole[10:]


async def test_a_long_poll_ends_with_the_next_outcome(stack):
    after = await now(stack.admin)
    waiting = asyncio.create_task(stack.admin.get(f"/v1/outcomes?after={after}", Prefer="wait=20"))
    asked = await stack.ask("model", wait=5)

    async with asyncio.timeout(10):
        answer = await waiting

    assert answer.headers["Preference-Applied"] == "wait=20"
    assert [item["data"] for item in answer.json()["items"]] == [asked]


async def test_what_is_settled_while_a_long_poll_begins_ends_it(stack, monkeypatch):
    """The tail told of it after its page was read and before it waited: nobody tells of it again."""
    feed, after = stack.services.feed, await now(stack.admin)
    stored, asked = feed._stored, []

    async def settled_meanwhile(*reading: object) -> object:
        found = await stored(*reading)
        if not asked:
            await until(lambda: feed._tail is not None)
            asked.append(await stack.ask("model", wait=5))
            await until(lambda: feed._tail._entries)
        return found

    monkeypatch.setattr(feed, "_stored", settled_meanwhile)
    page = (await stack.admin.get(f"/v1/outcomes?after={after}", Prefer="wait=20")).json()

    assert [item["data"] for item in page["items"]] == asked


async def test_a_long_poll_ends_with_its_key(stack, monkeypatch):
    """Nothing is told to a key that was revoked while it waited."""
    monkeypatch.setattr("adjudge.api.authentication.REMEMBERED_SECONDS", 0.0)
    made = (await stack.admin.post("/v1/keys", {"name": "short", "role": "client"})).json()
    after = await now(stack.admin)
    waiting = asyncio.create_task(
        Caller(stack.client, made["key"]).get(f"/v1/outcomes?after={after}", Prefer="wait=20")
    )
    await asyncio.sleep(0)

    await stack.admin("DELETE", f"/v1/keys/{made['id']}")
    await stack.ask("model", wait=5)

    the_problem(await waiting, 401, "unauthenticated")


async def test_a_long_poll_without_an_outcome_ends_empty_with_a_cursor(stack):
    after = await now(stack.admin)

    page = (await stack.admin.get(f"/v1/outcomes?after={after}", Prefer="wait=1")).json()

    assert page["items"] == []
    assert page["at_end"]
    assert (await pages(stack.admin, after=page["next"]))[0] == []


async def test_a_key_of_one_store_sees_its_own_outcomes_and_no_cursor_leads_to_others(stack):
    one = await stack.key(locations=["store-001"])
    two = await stack.key(locations=["store-002"])
    after = await now(stack.admin)
    mine = [await stack.ask("model", wait=5, location="store-001") for _ in range(2)]
    theirs = [await stack.ask("model", wait=5, location="store-002") for _ in range(2)]
    everything, _ = await pages(stack.admin, after=after)

    seen, end = await pages(one, after=after)
    others, _ = await pages(two, after=everything[0]["cursor"])
    beyond = await one.get(f"/v1/outcomes?after={after}&location=store-002", Prefer="wait=1")

    assert [item["data"] for item in seen] == mine
    assert [item["data"] for item in others] == theirs
    assert (beyond.status_code, beyond.json()["detail"]) == (422, "no location 'store-002' is known to this key")
    assert (await pages(one, after=end))[0] == []


async def test_a_long_poll_wakes_only_for_what_its_key_may_see(stack):
    """The tail is read for everybody: what it gives to whom is decided again."""
    one = await stack.key(locations=["store-001"])
    after = await now(stack.admin)
    waiting = asyncio.create_task(one.get(f"/v1/outcomes?after={after}", Prefer="wait=20"))
    await until(lambda: stack.services.feed._tail is not None)
    theirs = await stack.ask("model", wait=5, location="store-002")
    await until(lambda: any(theirs["id"] in entry.event.decode() for entry in stack.services.feed._tail._entries))
    assert not waiting.done()
    mine = await stack.ask("model", wait=5, location="store-001")

    async with asyncio.timeout(10):
        page = (await waiting).json()

    assert [item["data"] for item in page["items"]] == [mine]


async def test_a_filter_moves_on_over_what_it_does_not_show(stack):
    after = await now(stack.admin)
    await stack.settled(await stack.ask_many(30))
    wanted = await stack.ask("nobody.answer", wait=5)

    answer = await stack.admin.get(f"/v1/outcomes?type=nobody.answer&after={after}")
    again, _ = await pages(stack.admin, after=answer.json()["next"])

    assert [item["data"] for item in answer.json()["items"]] == [wanted]
    assert again == []


async def test_who_begins_at_a_moment_misses_nothing_since(stack):
    before = await stack.ask("model", wait=5)
    asked = await stack.ask("model", wait=5)

    items, _ = await pages(stack.admin, f"/v1/outcomes?since={before['outcome']['settled_at'].replace('+', '%2B')}")

    assert {before["id"], asked["id"]} <= {item["subject"] for item in items}


@pytest.mark.parametrize("forged", ["", "x", "ÿ", "a" * 150, "AQAAAAAAAAAA", "%00", "=" * 9])
async def test_a_cursor_that_was_made_up_is_refused(stack, forged):
    the_problem(await stack.admin.get(f"/v1/outcomes?after={forged}"), 422, "invalid-cursor")


async def test_a_cursor_that_was_changed_is_refused(stack):
    cursor = await now(stack.admin)
    changed = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor) - 1)]

    answers = [await stack.admin.get(f"/v1/outcomes?after={each}") for each in changed]

    assert {answer.status_code for answer in answers} == {422}


async def test_reviewers_have_no_feed(stack):
    anna = await stack.reviewer("anna")

    the_problem(await anna.get("/v1/outcomes"), 403, "forbidden")
    the_problem(await Caller(stack.client, None).get("/v1/outcomes"), 401, "unauthenticated")


async def test_who_comes_back_after_its_outcomes_were_dropped_is_told(stack):
    feed = stack.services.feed
    mark = feed.cursors.open(await now(stack.admin))
    old = feed.cursors.seal(type(mark)(mark.position, mark.at.replace(year=2024), mark.generation))

    the_problem(await stack.admin.get(f"/v1/outcomes?after={old}"), 410, "cursor-too-old")


async def test_a_cursor_of_another_server_goes_on_a_little_earlier(stack):
    """After a failover or from a backup: transactions are numbered anew, the last may be lost."""
    await stack.ask("model", wait=5)
    feed = stack.services.feed
    mark = feed.cursors.open(await now(stack.admin))
    elsewhere = type(mark)(mark.position._replace(xid=2**60), mark.at, "7000000000000000000/00000001")
    asked = await stack.ask("model", wait=5)

    items, _ = await pages(stack.admin, after=feed.cursors.seal(elsewhere))

    assert asked["id"] in {item["subject"] for item in items}
    assert json.dumps(items)


async def test_the_beginning_of_time_is_a_moment_like_others(stack):
    """It is what a date that nobody set is in Go and .NET."""
    asked = await stack.ask("model", wait=5)

    items, _ = await pages(stack.admin, "/v1/outcomes?since=0001-01-01T00:00:00Z")

    assert asked["id"] in {item["subject"] for item in items}
