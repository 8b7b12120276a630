"""What is published while a certificate is in force: where it speaks of something else now, it ends at once."""

import asyncio
from typing import Any

import pytest
from tests.servers.audits.auditing import audited as of_agents
from tests.servers.audits.auditing import closed, staffed
from tests.servers.audits.evidence import EXPERTS, TARGET, certified, record
from tests.servers.audits.test_certificates import automated, in_force, known_everywhere, none_in_force
from tests.servers.audits.test_renewals import commands
from tests.waiting import until

from adjudge.engine.configuration.revisions import Revisions

BY_ALL = {"rate": 1, "pool": "agents", "votes": 3}
BY_ONE = {"rate": 1, "pool": "agents", "votes": 1}


def audited(audits: dict[str, Any]) -> dict[str, Any]:
    documents = certified()
    documents["types"]["model"]["audits"] = audits
    return documents


async def standing(stack) -> list[Any]:
    return await stack.rows("SELECT number, ended_why, first_number FROM epoch ORDER BY number")


@pytest.mark.parametrize(("before", "after"), [(EXPERTS, BY_ALL), (BY_ALL, EXPERTS), (BY_ALL, BY_ONE)])
async def test_what_is_true_by_another_word_is_counted_by_itself(build_stack, monkeypatch, before, after):
    """Else a certificate of what agents say would be renewed as one of what experts say."""
    stack = await build_stack("api", "keeper", documents=audited(before))
    await record(stack, 500, wrong=[7])
    certificate = await in_force(stack)

    await stack.publish(**audited(after))
    await none_in_force(stack)
    _, said = await commands(stack, monkeypatch, lambda adjudge: adjudge("automation", "show", certificate))

    assert "(not in force: configuration has changed, " in said

    [first, second] = await standing(stack)
    assert first["ended_why"] == "replaced"
    assert second["first_number"] >= await stack.value("SELECT max(number) FROM audit")


async def test_a_certificate_without_an_expert_promises_no_more_than_that_people_agree(build_stack, monkeypatch):
    """Wherever it is named: to whom a decision is explained, and to whoever asks for the slice or the certificate."""
    stack = await build_stack("api", "worker", "keeper", documents=audited(BY_ALL))
    await record(stack, 500, wrong=[7])
    certificate = await in_force(stack)
    await known_everywhere(stack, certificate)

    outcome = (await automated(stack))["outcome"]
    [each] = (await stack.admin.get("/v1/automation")).json()["slices"]
    _, said = await commands(stack, monkeypatch, lambda adjudge: adjudge("automation", "show", certificate))

    promise = f"at most {TARGET:.0%} disagreeing with the blind consensus"
    assert promise in outcome["reason"]
    assert each["promise"] == promise
    assert promise in said


async def test_before_anything_is_tested_only_what_was_drawn_so_far_stays_out(build_stack):
    stack = await build_stack("api", "keeper", documents=certified())
    await record(stack, 20)
    await until(lambda: standing(stack), lambda found: len(found) == 1, seconds=40)

    await stack.publish(**audited(BY_ONE))
    [only] = await until(lambda: standing(stack), lambda found: found[0]["first_number"] > 0, seconds=40)

    assert (only["number"], only["ended_why"]) == (1, None)


async def test_how_many_are_audited_and_what_they_cost_may_change_under_a_certificate(build_stack):
    stack = await build_stack("api", "keeper", documents=certified())
    await record(stack, 500, wrong=[7])
    certificate = await in_force(stack)
    a_day = "SELECT (standing ->> 'audits_per_day')::float8 FROM epoch"
    before = await until(lambda: stack.value(a_day), seconds=40)

    await stack.publish(**certified(rate=0.001, patience="1d"))
    now = await until(lambda: stack.value(a_day), lambda now: now < before / 10, seconds=40)

    assert now == pytest.approx(before / 1000, rel=0.5), "so many will come, however many came: rises show later"
    assert await in_force(stack) == certificate


async def test_a_revision_that_open_audits_need_is_compiled_before_their_rows_are_locked(build_stack, monkeypatch):
    """That takes seconds for a large one, and the feed waits for every transaction that has locked something."""
    within = []
    load = Revisions.load

    async def noted(self, connection, numbers):
        task = asyncio.current_task()
        if self.missing(numbers) and task is not None and task.get_name() == "audits":
            within.append(connection.is_in_transaction())
        await load(self, connection, numbers)

    monkeypatch.setattr(Revisions, "load", noted)
    stack = await build_stack("api", "worker", documents=of_agents(model={}))
    decided = await stack.ask(wait=10)
    await stack.publish(**of_agents(model={"votes": 2}))
    people = await staffed(stack, "agents")
    await stack.start("keeper")
    for person in people:
        await person.vote("pay")

    assert (await closed(stack, decided["id"]))["truth"] == "pay"
    assert not any(within), "unless another of the keeper's duties had it compiled already"


async def test_a_store_that_is_audited_less_than_the_others_of_its_slice_ends_what_was_counted_alike(build_stack):
    """A store that is audited ten times as often would else be ten times as much of the slice."""

    def at(**store: Any) -> dict[str, Any]:
        return {**certified(), "locations": {"default": {}, "store-001": store}}

    stack = await build_stack("api", "keeper", documents=at())
    await record(stack, 500, wrong=[7])
    await in_force(stack)

    await stack.publish(**at(types={"model": {"audits": {"rate": 0.1}}}))
    await none_in_force(stack)

    assert [row["ended_why"] for row in await standing(stack)] == ["replaced", None]


@pytest.mark.parametrize("audits", [{"pool": "agents", "votes": 1}, {"rate": 0}])
async def test_a_slice_is_certified_only_where_all_its_stores_are_audited_and_by_the_same_word(build_stack, audits):
    def at(**store: Any) -> dict[str, Any]:
        return {**certified(), "locations": {"default": {}, "store-001": store}}

    stack = await build_stack("api", "keeper", documents=at())
    await record(stack, 500, wrong=[7])
    await in_force(stack)

    await stack.publish(**at(types={"model": {"audits": audits}}))
    await none_in_force(stack)
    await record(stack, 500)
    reason = "SELECT standing ->> 'reason' FROM epoch WHERE ended_at IS NULL"
    await until(lambda: stack.value(reason), lambda found: found and "different ways" in found, seconds=40)
    await none_in_force(stack)
