"""A certificate covers a prefix of a plan: all that was answered up to its stage, by models or by people."""

import asyncio
import json
from typing import Any

import pytest
from tests.servers.audits.auditing import audited, closed, staffed
from tests.servers.audits.evidence import CERTIFIED, EXPERTS, PEOPLE, certified, record
from tests.servers.audits.test_certificates import in_force, known_everywhere, waiting_for_people
from tests.servers.audits.test_families import until_held
from tests.servers.review.test_late_votes import settled_without_them
from tests.waiting import until

from adjudge.core.audits import StageVote


async def test_the_watch_of_a_later_stage_reads_what_earlier_ones_have_answered(build_stack):
    """Of hard questions alone, which earlier stages leave, more are wrong than of all that the certificate covers."""
    documents = certified("second@1")
    easy = {"ask": "sure@1", "accept": {"by_hand": "answer == 'pay'"}}
    documents["plans"]["model"]["stages"].insert(0, easy)
    stack = await build_stack("api", "worker", "keeper", documents=documents)
    [expert] = await staffed(stack, "experts", count=1)
    await record(stack, 1000, by="second@1", beside=({"sure@1": "pay"}, {"sure@1": "refuse"}))
    certificate = await in_force(stack)
    await known_everywhere(stack, certificate)

    async with asyncio.timeout(40):  # a worker may hold the old controls for half a second
        while (hard := await stack.ask(wait=1, say="refuse"))["outcome"] is None:
            pass
    settled = [await stack.ask(wait=5, say="pay") for _ in range(3)]
    for _ in range(4):
        await expert.vote("pay")

    assert hard["outcome"]["certificate"] == certificate
    assert {each["outcome"]["certificate"] for each in settled} == {None}, "set by hand"
    watch = await until(lambda: _watch(stack), lambda watch: watch["audits"] >= 4, seconds=40)
    assert (watch["audits"], watch["errors"]) == (4, 1)


async def test_the_watch_of_a_group_reads_what_earlier_stages_answer_in_its_heirs_alone(build_stack):
    """Of a store that has left, or has its own certificate, the group's covers nothing: its models answer first."""
    documents = certified("second@1", slices="location", inherit="all")
    easy = {"ask": "sure@1", "accept": {"by_hand": "answer == 'pay'"}}
    documents["plans"]["model"]["stages"].insert(0, easy)
    stack = await build_stack("api", "worker", "keeper", documents=documents)
    [expert] = await staffed(stack, "experts", count=1)
    said = ({"sure@1": "pay"}, {"sure@1": "refuse"})
    await record(stack, 1000, by="second@1", beside=said, slice_="store-001")
    found = await until_held(stack, "all=all", "default", "store-001", "store-002")
    scope = await stack.value("SELECT scope FROM control WHERE certificate = $1", found["store-002"])
    left = await stack.admin.post("/v1/automation/suspend", {"scope": scope, "reason": "a new shelf"})
    assert left.status_code == 200

    others = [await stack.ask(wait=5, say="pay", location=store) for store in ("store-001", "store-002") * 2]
    open_still = await stack.ask(say="refuse", location="store-002")
    await waiting_for_people(stack, open_still["id"])
    heirs = [await stack.ask(wait=5, say="pay", location="default") for _ in range(2)]
    for _ in (*others, *heirs):
        await expert.vote("pay")
    for each in (*others, *heirs):
        await closed(stack, each["id"])
    looked = "SELECT looked_at FROM epoch WHERE scope LIKE '%:all=all:%'"
    before = await stack.value(looked)
    later = await until(lambda: stack.value(looked), lambda found: found > before, seconds=40)
    await until(lambda: stack.value(looked), lambda found: found > later, seconds=40)

    assert {each["outcome"]["deciders"][0] for each in (*others, *heirs)} == {"sure@1"}
    assert (await _group_watch(stack))["audits"] == 2


async def _group_watch(stack) -> dict[str, Any]:
    slices = (await stack.admin.get("/v1/automation")).json()["slices"]
    [found] = [each["standing"]["watch"] for each in slices if ":all=all:" in each["scope"]]
    return dict(found)


async def _slice(stack) -> dict[str, Any]:
    [found] = (await stack.admin.get("/v1/automation")).json()["slices"]
    return found


async def test_a_stage_of_people_is_certified_by_audits_of_what_they_said_in_the_plan(build_stack):
    """One person who looks at what a model is unsure of settles it, once audits show that the two together may."""
    documents = certified(rate=0)
    unsure = {"ask": "unsure@1", "accept": {"by_hand": "confidence >= 0.95"}}
    one = {**PEOPLE, "combine": "bayes", "accept": CERTIFIED["accept"]}
    panel = {"ask": "panel", "votes": {"min": 2, "max": 2}, "combine": "agree", "timeout": "10m"}
    documents["plans"]["model"]["stages"] = [unsure, one, panel]
    documents["pools"]["panel"] = {}
    stack = await build_stack("api", "worker", "keeper", documents=documents)
    [agent] = await staffed(stack, "agents", count=1)
    before = await stack.ask()
    await agent.vote("pay")
    waiting = await until(
        lambda: waiting_for_people(stack, before["id"]),
        lambda found: found["waiting_for"]["pool"] == "panel",
        seconds=40,
    )
    assert waiting["outcome"] is None
    assert (await _slice(stack))["state"] == "collecting"

    await record(stack, 600, wrong=[7], by="unsure@1", sure=0.55, voted=[StageVote(1, "r0", "pay")])
    certificate = await in_force(stack)
    await known_everywhere(stack, certificate)
    async with asyncio.timeout(40):  # a worker may hold the old controls for half a second
        while True:
            asked = await stack.ask()
            await agent.vote("pay")
            if (decided := await stack.read(asked["id"], wait=1))["outcome"] is not None:
                break

    assert (decided["outcome"]["source"], decided["outcome"]["certificate"]) == ("reviewer", certificate)
    assert f"certificate {certificate}: at most 5% wrong" in decided["outcome"]["reason"]
    why = (await stack.admin.get("/v1/automation/why?location=default&type=model")).json()["why"]
    assert why.startswith("Certified: unsure@1 and 1 of agents settle it from "), why
    verified = (await stack.admin.get(f"/v1/automation/certificates/{certificate}")).json()
    assert verified["changed"] == []


@pytest.mark.parametrize("until_then", [None, {"hold": "1h"}, {"provisional": "refuse"}])
async def test_the_watch_waits_for_what_people_are_still_to_answer_in_its_stages(build_stack, until_then):
    """Models are quicker: once the watch had read on, what people answered would be behind it for ever.

    Also where a fallback has been taken until then, because they were late.
    """
    documents = certified()
    easy = {"ask": "sure@1", "accept": {"by_hand": "answer == 'pay'"}}
    one = {**PEOPLE, "accept": CERTIFIED["accept"]}
    documents["plans"]["model"]["stages"] = [easy, one]
    if until_then is not None:
        one["timeout"] = "1s"
        ends = {"then": {"answer": "refuse"}} if "hold" in until_then else {}
        documents["plans"]["model"]["fallback"] = {**until_then, **ends}
    stack = await build_stack("api", "worker", "keeper", documents=documents)
    agent = await stack.reviewer("agent", "agents")
    expert = await stack.reviewer("expert", "experts")
    votes = [StageVote(1, "r0", "pay")]
    await record(stack, 1000, by="second@1", beside=({"sure@1": "pay"}, {"sure@1": "refuse"}), voted=votes)
    certificate = await in_force(stack)
    await known_everywhere(stack, certificate)

    hard = await stack.ask(say="refuse")
    await waiting_for_people(stack, hard["id"])
    if until_then is not None:
        await until(lambda: stack.read(hard["id"]), lambda found: found["status"] != "open", seconds=40)
    easy_ones = [await stack.ask(wait=5, say="pay") for _ in range(3)]
    for _ in easy_ones:
        await expert.vote("pay")
    for each in easy_ones:
        await closed(stack, each["id"])
    looks = await _looks(stack)
    await until(lambda: _looks(stack), lambda now: now >= looks + 2, seconds=40)
    before = (await _watch(stack))["audits"]
    await agent.vote("refuse")
    await expert.vote("pay")

    watch = await until(lambda: _watch(stack), lambda watch: watch["audits"] >= 4, seconds=40)
    assert before == 0
    assert (watch["audits"], watch["errors"]) == (4, 1)


async def _watch(stack) -> dict[str, Any]:
    found: dict[str, Any] = (await _slice(stack))["standing"]["watch"]
    return found


async def _looks(stack) -> int:
    return json.loads(await stack.value("SELECT design FROM epoch"))["looks"]


async def test_an_audit_has_the_votes_by_which_its_plan_decided(build_stack):
    """They are no part of its truth; they are what a stage of people would be certified by."""
    documents = certified(**EXPERTS)
    stack = await build_stack("api", "worker", "keeper", documents=documents)
    [agent] = await staffed(stack, "agents", count=1)
    expert = await stack.reviewer("expert", "experts")
    asked = await stack.ask()
    await agent.vote("pay")
    await expert.vote("refuse")

    record_ = await closed(stack, asked["id"])

    assert record_["truth"] == "refuse"
    [vote] = await stack.rows("SELECT stage_votes FROM audit")
    assert '"answer":"pay","reviewer":' in vote["stage_votes"].replace(" ", "")


async def test_votes_that_came_too_late_for_the_plan_are_none_of_those_by_which_it_decided(build_stack):
    documents = audited(**{"nobody.amends": {"votes": 1, "pool": "experts", "expert": None}})
    stack = await build_stack("api", "worker", "keeper", documents=documents)
    settled, late = await settled_without_them(stack)
    for person, task in late:
        await person.answer(task, "pay")
    assert (await stack.read(settled["id"]))["status"] == "amended"
    expert = await stack.reviewer("expert", "experts")
    await expert.vote("pay")

    assert (await closed(stack, settled["id"]))["truth"] == "pay"
    assert await stack.value("SELECT stage_votes FROM audit") == "[]"
