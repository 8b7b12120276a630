"""Everything at a glance, for whoever may see everything."""

import msgspec
from tests.waiting import until

from adjudge.client import Overview


async def test_the_overview_counts_what_came_in_what_is_open_and_who_settled(stack):
    before = await read(stack)
    settled = await stack.ask_many(5)
    await stack.settled(settled)
    await stack.ask("person")

    after = await read(stack)

    assert after.accepted - before.accepted == 6
    assert {lane.lane: lane.count for lane in after.open} == {"realtime": 0, "standard": 1, "bulk": 0}
    assert after.sources["model"] == before.sources.get("model", 0) + 5
    assert after.overdue == 0
    assert after.revision == before.revision


async def test_the_overview_tells_what_waits_for_a_decider(stack):
    await stack.stop("worker")
    await stack.ask()

    await until(lambda: read(stack), lambda found: stream(found, "sure@1").unread == 1)

    await stack.start("worker")


async def test_a_key_that_is_bound_to_locations_does_not_see_everything(stack):
    bound = await stack.key("operator", locations=["store-001"])

    assert (await bound.get("/v1/overview")).status_code == 403


async def test_clients_and_reviewers_do_not_see_the_overview(stack):
    assert (await (await stack.key("client")).get("/v1/overview")).status_code == 403
    assert (await (await stack.reviewer("rita", "agents")).get("/v1/overview")).status_code == 403


async def read(stack) -> Overview:
    answered = await stack.admin.get("/v1/overview")
    assert answered.status_code == 200, answered.text
    return msgspec.json.decode(answered.content, type=Overview)


def stream(overview: Overview, decider: str):
    return next(each for each in overview.streams if each.decider == decider)
