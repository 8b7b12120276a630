"""Certificates of every kind are renewed, verified from the command line, and go on being watched."""

import json
import re
from typing import Any
from uuid import UUID

import pytest
from tests.commands import Typed, served, typed
from tests.servers.audits.auditing import closed, staffed
from tests.servers.audits.evidence import certified, record
from tests.servers.audits.test_against_people import APART, against_people
from tests.servers.audits.test_certificates import automated, in_force, known_everywhere, none_in_force
from tests.servers.audits.test_families import decided_by, held, until_held
from tests.servers.audits.test_money import STAKES, of_money
from tests.waiting import until

from adjudge.core.plans import Certified
from adjudge.store.automation import audit_seals
from adjudge.store.automation import certificates as store_certificates


def over_automated(**more: Any) -> dict[str, Any]:
    documents = certified(**APART)
    people = {"votes": 3, "margin": 0.05, "over": "automated"}
    documents["plans"]["model"]["stages"][0]["accept"] = {"certified": {"people": people, **more}}
    return documents


async def commands(stack, monkeypatch, act) -> Any:
    async with served(stack._app) as url:
        return await act(typed(url, stack.admin.key, monkeypatch))


async def renewed(adjudge: Typed, stack, certificate: str) -> tuple[str, list[tuple[int, str]]]:
    """Renew a certificate and verify both; return the new one, and what was said of each."""
    scope = await stack.value("SELECT scope FROM control WHERE certificate = $1", certificate)
    status, said = await adjudge("automation", "renew", scope, "--reason", "before the season")
    assert (status, said.startswith("to be renewed")) == (0, True)
    now = await until(lambda: in_force(stack), lambda found: found != certificate, seconds=40)
    return now, [await adjudge("automation", "verify", each) for each in (certificate, now)]


CHANGES = (
    "UPDATE audit SET truth = $2 WHERE decision_id = $1",
    "UPDATE audit SET opinions = jsonb_build_object('sure@1', $2::text) WHERE decision_id = $1",
    "DELETE FROM audit WHERE decision_id = $1 AND truth <> $2",
    "UPDATE audit SET facts = jsonb_set(facts, '{stake}', to_jsonb($2::text)) WHERE decision_id = $1",
    "UPDATE audit SET slice = $2 WHERE decision_id = $1",
)
"""By somebody who may switch triggers off: the table itself only grows."""


async def test_a_certificate_does_not_verify_where_an_audit_behind_it_was_changed_afterwards(build_stack, monkeypatch):
    stack = await build_stack("api", "keeper", documents=certified())
    await record(stack, 500, wrong=[7])
    certificate = await in_force(stack)
    path = f"/v1/automation/certificates/{certificate}"
    shown = (await stack.admin.get(path)).json()
    assert shown["changed"] == []
    async with stack.db.acquire() as connection:
        for seal in audit_seals._SEALS_BEFORE:
            before = await connection.fetch(f"SELECT decision_id, {seal} AS seal FROM audit")
            assert await audit_seals.broken(connection, {str(row["decision_id"]): row["seal"] for row in before}) == []
    inputs = [each["decision"] for each in shown["body"]["inputs"]][20 : 20 + len(CHANGES)]

    async with stack.db.acquire() as connection:
        await connection.execute("SET session_replication_role = replica")
        for change, decision in zip(CHANGES, inputs, strict=True):
            assert (await connection.execute(change, UUID(decision), "nonsense")).endswith(" 1")
        await connection.execute("RESET session_replication_role")

    assert (await stack.admin.get(path)).json()["changed"] == sorted(inputs)
    verify = ("automation", "verify", certificate)
    status, said = await commands(stack, monkeypatch, lambda adjudge: adjudge(*verify))
    assert status == 1
    assert f"record    does NOT hold: 5 audits changed since, as {min(inputs)}" in said


async def test_a_certificate_does_not_verify_where_what_processes_act_on_is_another(build_stack, monkeypatch):
    stack = await build_stack("api", "keeper", documents=certified())
    await record(stack, 500, wrong=[7])
    certificate = await in_force(stack)

    async with stack.db.acquire() as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("UPDATE certificate SET licence = jsonb_set(licence, '{threshold}', '0.1')")
        await connection.execute("RESET session_replication_role")

    verify = ("automation", "verify", certificate)
    status, said = await commands(stack, monkeypatch, lambda adjudge: adjudge(*verify))
    assert status == 1
    assert "in force  does NOT hold: what processes act on has another threshold" in said


async def test_what_the_audits_show_no_longer_is_not_renewed(build_stack):
    """Not by an operator, and not by itself: it runs out, and people take over."""
    stack = await build_stack("api", "keeper", documents=certified())
    await record(stack, 500)
    certificate = await in_force(stack)
    scope = await stack.value("SELECT scope FROM control WHERE certificate = $1", certificate)
    await record(stack, 500, wrong=range(1, 500, 8))
    await until(
        lambda: stack.value("SELECT standing ->> 'reason' FROM epoch"),
        lambda said: "at 0.9" in said and "0 of" not in said,
        seconds=40,
    )

    renewed = await stack.admin.post("/v1/automation/renew", {"scope": scope, "reason": "before the season"})
    assert renewed.status_code == 200
    await until(lambda: stack.value("SELECT renewal FROM epoch"), lambda found: found is None, seconds=40)

    assert await in_force(stack) == certificate
    await outlived(stack, certificate)
    await none_in_force(stack)
    why = (await stack.admin.get("/v1/automation/why?location=default&type=model")).json()["why"]
    assert f"{certificate} has expired: too few audits; " in why
    assert await stack.value("SELECT count(*) FROM certificate") == 1


async def outlived(stack, certificate: str) -> None:
    """Have a certificate be over as if its validity had passed."""
    async with stack.db.acquire() as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            "UPDATE certificate SET licence = jsonb_set(licence, '{valid_until}', '\"2026-01-01T00:00:00Z\"') "
            "WHERE id = $1",
            certificate,
        )
        await connection.execute("RESET session_replication_role")
    store_certificates._known.clear()


@pytest.mark.parametrize("kind", ["money", "whole plan", "automated"])
async def test_a_renewed_certificate_rests_on_the_same_evidence_for_longer(build_stack, monkeypatch, kind):
    made = {"money": of_money, "whole plan": against_people, "automated": over_automated}
    documents = made[kind](rate=0) if kind == "whole plan" else made[kind]()
    stack = await build_stack("api", "keeper", documents=documents)
    people = {"stakes": STAKES} if kind == "money" else {"people": range(0, 1_200, 7)}
    await record(stack, 1_200, wrong=range(1, 1_200, 100), **people)
    first = await in_force(stack)

    now, said = await commands(stack, monkeypatch, lambda adjudge: renewed(adjudge, stack, first))

    assert [(status, "licence   holds" in text, "1200 audits" in text) for status, text in said] == [
        (0, True, True)
    ] * 2
    before, after = [
        (await stack.admin.get(f"/v1/automation/certificates/{each}")).json()["body"] for each in (first, now)
    ]
    assert after["valid_until"] > before["valid_until"]
    assert (after["threshold"], after["inputs"], after["epoch"]) == (before["threshold"], before["inputs"], 1)
    [slice_] = (await stack.admin.get("/v1/automation")).json()["slices"]
    assert slice_["certificate"] == now


async def test_a_renewal_hides_no_mistake_from_the_watch(build_stack):
    """Neither what was found before it, nor what was asked before it and is answered afterwards."""
    stack = await build_stack("api", "worker", "keeper", documents=certified())
    [expert] = await staffed(stack, "experts", count=1)
    await record(stack, 500)
    first = await in_force(stack)
    scope = await stack.value("SELECT scope FROM control WHERE certificate = $1", first)
    for _ in range(6):
        await automated(stack)

    await mistaken(expert, 2)
    await until(
        lambda: stack.value("SELECT design -> 'watch' ->> 'errors' FROM epoch"), lambda found: found == "2", seconds=40
    )
    await stack.admin.post("/v1/automation/renew", {"scope": scope, "reason": "before the season"})
    await until(lambda: in_force(stack), lambda found: found != first, seconds=40)
    await mistaken(expert, 4)

    await none_in_force(stack)
    [alarm] = await stack.rows("SELECT detail FROM alarm")
    assert re.match(r"([3-6]) of \1 audited automated decisions were wrong", alarm["detail"]), alarm["detail"]


async def mistaken(expert, count: int) -> None:
    """Have an expert say of so many audits that their answer was wrong."""
    for _ in range(count):
        if tasks := await expert.claim(wait=5):
            await expert.answer(tasks[0], "refuse")


async def test_a_renewed_group_hands_its_certificate_down_again(build_stack, monkeypatch):
    stack = await build_stack("api", "keeper", documents=certified(rate=0, slices="location", inherit="all"))
    await record(stack, 500, slice_="store-001")
    before = await until_held(stack, "all=all", "default", "store-001", "store-002")
    scope = await stack.value("SELECT scope FROM control WHERE certificate = $1", before["all=all"])

    await stack.admin.post("/v1/automation/renew", {"scope": scope, "reason": "before the season"})
    now = await until(lambda: held(stack), lambda found: found["store-002"] != before["store-002"], seconds=40)

    body = (await stack.admin.get(f"/v1/automation/certificates/{now['store-002']}")).json()["body"]
    assert body["inherits"] == now["all=all"] != before["all=all"]
    assert now["store-001"] == before["store-001"], "who has its own keeps it"
    kept = await stack.value("SELECT inherited -> 'certificates' FROM epoch WHERE scope LIKE '%:store-002:%'")
    assert json.loads(kept) == [before["store-002"], now["store-002"]], "watched as one"
    verify = ("automation", "verify", now["store-002"])
    assert (await commands(stack, monkeypatch, lambda adjudge: adjudge(*verify)))[0] == 0


async def test_what_has_run_out_in_a_group_is_forgotten_by_no_watch_over_its_members(build_stack):
    """Else a thin group, whose certificate runs out now and then, would never find the member that is far worse."""
    documents = certified(slices="location", inherit="all", patience="1s")
    stack = await build_stack("api", "worker", "keeper", documents=documents)
    [expert] = await staffed(stack, "experts", count=1)
    await record(stack, 500, slice_="store-001")
    before = await until_held(stack, "all=all", "default", "store-001", "store-002")
    for _ in range(2):
        await decided_by(stack, before["store-002"], "store-002")
    await mistaken(expert, 1)
    await member_watch(stack, errors="1")

    await outlived(stack, before["all=all"])
    await until_held(stack, "store-001")
    await mistaken(expert, 1)
    await member_watch(stack, errors="2")
    slices = (await stack.admin.get("/v1/automation")).json()["slices"]
    [member] = [each for each in slices if ":store-002:" in each["scope"]]
    assert (member["state"], "inherits" in member["standing"]) == ("collecting", False)
    await record(stack, 100, slice_="store-001")
    again = await until_held(stack, "all=all", "default", "store-001", "store-002")

    await member_watch(stack, errors="2")
    kept = await stack.value("SELECT inherited -> 'certificates' FROM epoch WHERE scope LIKE '%:store-002:%'")
    assert json.loads(kept) == [before["store-002"], again["store-002"]], "watched as one"


async def member_watch(stack, errors: str) -> None:
    """Wait until the watch over what store-002 inherits has found so many errors."""
    sql = "SELECT inherited #>> '{watch,errors}' FROM epoch WHERE scope LIKE '%:store-002:%' AND ended_at IS NULL"
    await until(lambda: stack.value(sql), lambda found: found == errors, seconds=40)


async def test_what_is_automated_is_compared_with_people_and_suspended_when_they_do_better(build_stack, monkeypatch):
    """`over: automated`: only what the model answered alone is watched, on what people blind to it say."""
    stack = await build_stack("api", "worker", "keeper", documents=over_automated(watch=0.45))
    people = await staffed(stack, "agents")
    expert = await stack.reviewer("expert", "experts")
    deferred = await stack.ask()
    [task] = await people[0].claim(wait=10)
    await people[0].answer(task, "pay")
    await answered((*people[1:], await stack.reviewer("third", "agents")), expert)
    await record(stack, 1_200, wrong=range(1, 1_200, 100), people=range(0, 1_200, 7))
    certificate = await in_force(stack)

    await record(stack, 30, wrong=range(30), people=[])  # deferred: not what the certificate speaks of
    asked = [await automated(stack) for _ in range(7)]
    for _ in asked:
        await answered(people, expert)
    await none_in_force(stack)

    promise = "at most 5 points worse than a majority of 3 people"
    assert {each["outcome"]["certificate"] for each in asked} == {certificate}
    assert asked[0]["outcome"]["reason"].endswith(f"(certificate {certificate}: {promise})")
    plan = stack.services.revisions.current.plan("default", "model")
    assert isinstance(plan.stages[0].accept, Certified)
    assert not plan.stages[0].accept.is_of_plan
    assert (await closed(stack, deferred["id"]))["truth"] == "refuse"
    [alarm] = await stack.rows("SELECT detail FROM alarm")
    said = r"of ([5-7]) audited automated decisions only the model or plan was wrong in \1, only people in 0"
    assert re.match(said, alarm["detail"]), alarm["detail"]
    await known_everywhere(stack, None)
    status, said = await commands(stack, monkeypatch, lambda adjudge: adjudge("automation", "why", "default", "model"))
    assert (status, said.startswith(f"Not automated: sure@1 must be shown to be {promise}")) == (0, True)


async def answered(people, expert) -> None:
    """Have three people and an expert say that an audit's answer is `refuse`."""
    for person in (*people, expert):
        [task] = await person.claim(wait=10)
        assert (await person.answer(task, "refuse")).status_code == 200
