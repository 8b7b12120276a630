"""Automation is earned on audits, watched, and taken away where they say so; then people take over."""

import asyncio
import json
import os
import signal
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from tests.servers.audits.auditing import staffed
from tests.servers.audits.evidence import certified, record, record_of_two
from tests.waiting import until

from adjudge.engine import audit_rates
from adjudge.engine.audit_rates import PastRates
from adjudge.engine.audits.rate_setting import RateSetter
from adjudge.engine.certificates import certified_places, certifying, steps
from adjudge.engine.certificates.looking import Look
from adjudge.engine.certificates.records import verify
from adjudge.engine.coins import AuditRates
from adjudge.engine.health.figures import Figures
from adjudge.store.automation import certificates, epochs
from adjudge.store.scope import SYSTEM


async def in_force(stack, seconds: float = 40) -> str:
    """Return the certificate in force, once there is one."""
    try:
        return await until(lambda: _in_force(stack), seconds=seconds)
    except AssertionError:
        raise AssertionError(await stack.rows("SELECT scope, standing FROM epoch")) from None


async def none_in_force(stack, seconds: float = 40) -> None:
    await until(lambda: _in_force(stack), lambda found: not found, seconds=seconds)


async def _in_force(stack) -> str | None:
    return await stack.value("SELECT certificate FROM control WHERE scope LIKE 'certificate:model:%'")


async def known_everywhere(stack, certificate: str | None) -> None:
    """Wait until the API's own view is that of the database: workers look as often."""
    wanted = {certificate} if certificate else set()
    known = stack.services.intake._controls.now
    await until(lambda: {each.certificate for each in known().licences.values()}, lambda found: found == wanted)


async def automated(stack, seconds: float = 40) -> dict[str, Any]:
    """Ask until a model has decided: a worker may hold the old controls for half a second."""
    async with asyncio.timeout(seconds):
        while (decided := await stack.ask(wait=1))["outcome"] is None:
            pass
    return decided


async def test_a_model_decides_alone_once_audits_have_shown_that_it_may_and_not_before(build_stack):
    stack = await build_stack("api", "worker", "keeper", documents=certified(rate=0))
    before = await waiting_for_people(stack, (await stack.ask())["id"])
    assert before["waiting_for"]["pool"] == "agents"

    await record(stack, 500, wrong=[7])
    certificate = await in_force(stack)
    decided = await automated(stack)

    assert decided["outcome"]["source"] == "model"
    assert decided["outcome"]["certificate"] == certificate
    assert f"certificate {certificate}: at most 5% wrong" in decided["outcome"]["reason"]
    async with stack.db.acquire() as connection:
        found = await certificates.get(connection, certificate)
        [row] = await epochs.current(connection)
    assert row.scope == found.scope
    body = json.loads(found.body)
    verified = verify(certificate, body)
    assert (verified.hash_holds, verified.licence_holds, verified.audits) == (True, True, 500)
    body["inputs"][8]["wrong"] = True
    assert not verify(certificate, body).hash_holds


async def test_what_is_shown_is_what_the_certificate_in_force_lets_through(build_stack, monkeypatch):
    """Also where a look has shown a looser threshold that is not worth a new certificate yet."""
    monkeypatch.setattr(steps, "WORTH", 1.0)
    stack = await build_stack("api", "keeper", documents=certified())
    await record(stack, 600, wrong=range(1, 120, 3))
    certificate = await in_force(stack)
    body = (await stack.admin.get(f"/v1/automation/certificates/{certificate}")).json()["body"]

    await record(stack, 900)
    await until(lambda: _standing(stack), lambda found: found["audits"] >= 0.8 * 1_500, seconds=40)
    await until(lambda: _has_shown_more(stack, body), seconds=40)
    found = await _standing(stack)

    assert (found["threshold"], found["coverage"]) == (body["threshold"], body["coverage"])
    said = await _why(stack, "default", "model")
    assert f"from {body['threshold']:.3g} on, {body['coverage']:.0%} of the questions, under {certificate}" in said
    assert f"audits were wrong at {body['threshold']:.4g} and above" in said, "what is told is told of this threshold"


async def _standing(stack) -> dict[str, Any]:
    [found] = (await stack.admin.get("/v1/automation")).json()["slices"]
    return found["standing"]


async def _has_shown_more(stack, body: dict[str, Any]) -> bool:
    """Return whether a look has shown a looser threshold than the certificate's."""
    epoch = json.loads(await stack.value("SELECT design FROM epoch"))["epoch"]
    return epoch["shown"][epoch["grid"].index(body["threshold"]) + 1]


async def test_where_audits_show_a_risk_above_the_target_nothing_is_licensed(build_stack):
    stack = await build_stack("api", "worker", "keeper", documents=certified())
    await record(stack, 500, wrong=range(1, 500, 10))

    found = await until(lambda: stack.value("SELECT standing FROM epoch WHERE design IS NOT NULL"), seconds=40)

    assert await _in_force(stack) is None
    assert '"state": "collecting"' in found
    assert (await waiting_for_people(stack, (await stack.ask())["id"]))["outcome"] is None


async def test_lost_audits_count_as_wrong(build_stack):
    """Wrong ones are lost ten times as often as right ones: leaving them out would certify what must not be."""
    stack = await build_stack("api", "worker", "keeper", documents=certified())
    await record(stack, 500, lost=range(1, 500, 10))

    await until(lambda: stack.value("SELECT standing FROM epoch WHERE design IS NOT NULL"), seconds=40)

    assert await _in_force(stack) is None


async def test_a_model_that_grew_worse_is_suspended_by_its_audits_and_people_take_over(build_stack):
    stack = await build_stack("api", "worker", "keeper", documents=certified())
    [expert] = await staffed(stack, "experts", count=1)
    await record(stack, 500)
    certificate = await in_force(stack)
    decided = [await automated(stack) for _ in range(6)]
    assert {each["outcome"]["certificate"] for each in decided} == {certificate}

    for _ in decided:
        tasks = await expert.claim(wait=5)
        if tasks:
            await expert.answer(tasks[0], "refuse")
    await none_in_force(stack)
    await known_everywhere(stack, None)

    async with asyncio.timeout(40):
        while (afterwards := await stack.ask(wait=1))["outcome"] is not None:
            pass
    assert (await waiting_for_people(stack, afterwards["id"]))["waiting_for"]["pool"] == "agents"
    [alarm] = await stack.rows("SELECT name, detail FROM alarm")
    assert "audited automated decisions were wrong" in alarm["detail"]
    services = stack.services
    await Figures(services.pool, services.streams, services.revisions, now=services.clock).measure_open()
    assert REGISTRY.get_sample_value("adjudge_suspended_slices", {"type": "model"}) == 1, "the alert looks at this"
    assert REGISTRY.get_sample_value("adjudge_licensed_slices", {"type": "model"}) == 0
    ledger = await stack.rows("SELECT number, delta, ended_why, first_number FROM epoch ORDER BY number")
    assert [(row["number"], row["ended_why"]) for row in ledger] == [(1, "watch"), (2, None)]
    assert ledger[1]["first_number"] > ledger[0]["first_number"]
    # what has licensed once never licenses again
    await until(lambda: stack.value("SELECT standing FROM epoch WHERE number = 2"), seconds=40)
    assert await _in_force(stack) is None


async def test_what_is_in_force_is_watched_also_where_its_family_has_nothing_left_for_it(build_stack, monkeypatch):
    documents = certified()
    documents["plans"]["model"]["stages"][0]["accept"] = {"certified": {"target": 0.05, "family": 2}}
    stack = await build_stack("api", "worker", "keeper", documents=documents)
    [expert] = await staffed(stack, "experts", count=1)
    await record(stack, 700)
    await in_force(stack)
    decided = [await automated(stack) for _ in range(6)]
    monkeypatch.setattr(certifying, "shares_of", lambda rows, _: {row.scope: 0.0 for row in rows})

    for _ in decided:
        tasks = await expert.claim(wait=5)
        if tasks:
            await expert.answer(tasks[0], "refuse")

    await none_in_force(stack)
    assert await stack.value("SELECT delta FROM epoch WHERE ended_why = 'watch'") > 0


async def test_what_would_take_far_too_long_is_begun_anew_on_what_was_found_last(build_stack):
    """Bad days before a certificate would else be held against a slice for good, and so would an unlucky start."""
    stack = await build_stack("api", "keeper", documents=certified())
    await record(stack, 600, wrong=range(1, 600, 10))
    async with asyncio.timeout(40):
        while await stack.value("SELECT count(*) FROM epoch") < 2:
            await asyncio.sleep(0.05)
    assert "begun anew, as from where it began" in await _why(stack, "default", "model")

    await record(stack, 700)
    certificate = await in_force(stack)

    ledger = await stack.rows("SELECT number, ended_why FROM epoch ORDER BY number")
    assert [(row["number"], row["ended_why"]) for row in ledger] == [(1, "given-up"), (2, None)]
    body = (await stack.admin.get(f"/v1/automation/certificates/{certificate}")).json()["body"]
    assert (body["epoch"], body["errors"]) == (2, 0)
    assert verify(certificate, body).licence_holds


async def test_a_paused_worker_that_wakes_after_a_suspension_settles_nothing_under_it(build_stack):
    """Promise 5: exact at the settle statement, whatever the worker believed."""
    stack = await build_stack("api", "keeper", documents=certified("gated@1"))
    worker = await stack.spawn("worker")
    await record(stack, 500, by="gated@1")
    await in_force(stack)
    stack.open_gate()
    believed = await automated(stack, seconds=30)
    stack.shut_gate()
    asked = await stack.ask()
    await stack.until_asked("gated@1", len(set(stack.asked("gated@1"))) + 1)

    os.kill(worker.pid, signal.SIGSTOP)
    async with stack.db.acquire() as connection, connection.transaction():
        [row] = await epochs.current(connection)
        await epochs.suspend(connection, SYSTEM, row, "operator", "a product was recalled")
    stack.open_gate()
    os.kill(worker.pid, signal.SIGCONT)

    found = await waiting_for_people(stack, asked["id"])
    assert believed["outcome"]["certificate"]
    assert found["outcome"] is None
    assert not await stack.value("SELECT count(*) FROM outcome WHERE decision_id = $1", UUID(asked["id"]))


async def waiting_for_people(stack, decision: str, seconds: float = 20) -> dict[str, Any]:
    return await until(
        lambda: stack.read(decision), lambda found: "pool" in (found["waiting_for"] or {}), seconds=seconds
    )


async def test_an_operator_takes_automation_away_and_only_new_audits_bring_it_back(build_stack):
    stack = await build_stack("api", "worker", "keeper", documents=certified(rate=0))
    operator = await stack.key("operator")
    bound = await stack.key("operator", locations=["store-001"])
    await record(stack, 500)
    await in_force(stack)
    [slice_] = (await operator.get("/v1/automation")).json()["slices"]
    body = {"scope": slice_["scope"], "reason": "a product was recalled"}

    refused = await bound.post("/v1/automation/suspend", body)
    suspended = await operator.post("/v1/automation/suspend", body)

    again = await operator.post("/v1/automation/suspend", body)

    assert refused.status_code == 403
    assert (again.status_code, again.json()["epoch"]) == (200, suspended.json()["epoch"]), "a retry costs no evidence"
    assert (await operator.post("/v1/automation/renew", body)).status_code == 409
    assert (suspended.status_code, suspended.json()["certificate"]) == (200, None)
    assert suspended.json()["state"] == "suspended"
    await known_everywhere(stack, None)
    await asyncio.sleep(0)
    said = (await operator.get("/v1/automation/why?location=default&type=model")).json()["why"]
    assert said.startswith("Not automated: sure@1 must be shown to be at most 5% wrong with 90% confidence;")
    assert "a product was recalled" in said
    assert await _in_force(stack) is None
    await record(stack, 1000)
    again = await in_force(stack)
    assert again != slice_["certificate"]
    assert await stack.value("SELECT count(*) FROM alarm") == 0
    actions = await stack.rows("SELECT action FROM journal WHERE action LIKE 'certificate.%' ORDER BY id")
    assert [row["action"] for row in actions] == [
        "certificate.issued",
        "certificate.suspended",
        "certificate.issued",
    ]


async def test_what_is_not_automated_keeps_its_evidence_whoever_suspends_it(build_stack):
    """An epoch that ends costs its audits and a part of the error budget for good."""
    stack = await build_stack("api", "keeper", documents=certified(rate=0))
    await record(stack, 20)
    answer = await until(lambda: stack.admin.get("/v1/automation"), lambda answer: answer.json()["slices"], seconds=40)
    slices = answer.json()["slices"]
    body = {"scope": slices[0]["scope"], "reason": "to be safe"}

    answers = [await stack.admin.post(f"/v1/automation/{act}", body) for act in ("suspend", "renew")]

    assert [(each.status_code, each.json()["type"].rpartition("/")[2]) for each in answers] == [
        (409, "nothing-in-force")
    ] * 2
    assert [each["epoch"] for each in (await stack.admin.get("/v1/automation")).json()["slices"]] == [1]
    assert await stack.value("SELECT count(*) FROM journal WHERE action LIKE 'certificate.%'") == 0


async def test_what_is_asked_about_automation_is_answered_with_numbers(build_stack):
    stack = await build_stack("api", "worker", "keeper", documents=certified())
    [expert] = await staffed(stack, "experts", count=1)
    asked = await stack.ask()
    await waiting_for_people(stack, asked["id"])
    bound = await stack.key("operator", locations=["store-001"])
    client = await stack.key("client")

    [open_] = (await stack.admin.get("/v1/automation/audits")).json()["audits"]
    assert (open_["decision"], open_["state"], open_["votes"]) == (asked["id"], "deciding", 0)
    assert (await bound.get("/v1/automation/audits")).json()["audits"] == []
    assert (await stack.admin.get("/v1/automation/audits?type=garbage")).json() == {"audits": []}
    misspelt = await stack.admin.get("/v1/automation/audits?type=nope")
    assert (misspelt.status_code, misspelt.json()["type"].rsplit("/", 1)[-1]) == (422, "unknown-type")
    assert (await client.get("/v1/automation/audits")).status_code == 403
    assert (await stack.admin.post(f"/v1/decisions/{asked['id']}/cancel")).status_code == 200
    await expert.vote("pay")
    record_ = await until(
        lambda: stack.admin.get(f"/v1/automation/audits/{asked['id']}"),
        lambda found: found.status_code != 404,
        seconds=40,
    )
    assert (record_.json()["truth"], record_.json()["truth_by"]) == ("pay", "expert")
    assert record_.json()["opinions"]["sure@1"]["answer"] == "pay"
    assert (await bound.get(f"/v1/automation/audits/{asked['id']}")).status_code == 404

    await record(stack, 500, wrong=[6])
    certificate = await in_force(stack)
    said = await until(lambda: _why(stack, "default", "model"), lambda found: "Automated" in found, seconds=40)
    assert f"under {certificate} (at most 5% wrong with 90% confidence)" in said
    assert "Plan person has no stage that a certificate could automate" in await _why(stack, "default", "person")
    assert "by a threshold set by hand (all.yaml:" in await _why(stack, "default", "slow")
    shown = (await stack.admin.get(f"/v1/automation/certificates/{certificate}")).json()
    assert shown["in_force"] is True
    assert verify(certificate, shown["body"]).licence_holds
    calibration = shown["calibration"]
    losses = calibration["log_losses"]
    assert calibration["calibrator"] == shown["body"]["calibrator"]
    assert calibration["calibrator"]["kind"] == min(losses, key=losses.__getitem__)
    drawn = await stack.value("SELECT count(*) FROM audit WHERE role = 'calibrate'")  # a coin's say in the first one
    assert sum(each["examples"] for each in calibration["curve"]) == calibration["examples"] == drawn
    assert 0 <= calibration["error"] < 0.5
    assert (await bound.get("/v1/automation")).json()["slices"][0]["locations"] == ["default", "store-001", "store-002"]
    assert (await stack.admin.get("/v1/automation/certificates/c-0")).status_code == 404
    [found] = (await stack.admin.get("/v1/automation")).json()["slices"]
    assert {each["times"] for each in found["standing"]["watch"]["detects"]} == {2, 5, 10}
    renewed = await stack.admin.post("/v1/automation/renew", {"scope": found["scope"], "reason": "before the season"})
    assert renewed.status_code == 200
    await until(lambda: _in_force(stack), lambda found: found != certificate, seconds=40)


async def _why(stack, location: str, kind: str) -> str:
    return (await stack.admin.get(f"/v1/automation/why?location={location}&type={kind}")).json()["why"]


async def test_a_slice_that_lacks_evidence_is_audited_up_to_its_budget(build_stack):
    """And every decision records under which rates its coin was thrown."""
    stack = await build_stack("api", "worker", "keeper", documents=certified(rate=0.01, budget=1_000_000))
    await record(stack, 50)
    # of fifty within a moment there would be far too many in a day: the rate falls first
    await until(lambda: stack.services.intake._controls.rates.of("model", "all", 0.01) > 0.01, seconds=40)

    asked = await stack.ask()

    rate, policy = (await stack.rows("SELECT audit_rate, audit_policy FROM decision WHERE id = $1", UUID(asked["id"])))[
        0
    ]
    assert rate > 0.01
    assert policy == stack.services.intake._controls.rates.policy > 1


async def test_open_audits_count_towards_the_budget(build_stack):
    """Where people are behind, a rate that closed audits alone told would rise, and leave them further behind."""
    stack = await build_stack("api", documents=certified(rate=0.5, budget=1, expert="experts"))
    for _ in range(40):  # fewer than three open audits in so many are no chance: one in a thousand million
        await stack.ask()
    assert await stack.value("SELECT count(*) FROM work WHERE purpose = 'audit'") > 2
    setter = RateSetter(stack.db, stack.services.revisions, owner="one", now=stack.services.clock)
    async with stack.db.acquire() as connection, connection.transaction():
        await setter.set(connection)
        rates = await audit_rates.in_force(connection, AuditRates())

    assert rates.of("model", "all", 0.5) < 0.01


async def test_one_keeper_at_a_time_sets_rates(build_stack):
    """Two that had counted a week at different moments set their own in turn, and of two at once one failed."""
    stack = await build_stack("api", documents=certified(rate=0.01, budget=40))
    pool, revisions, now = stack.services.pool, stack.services.revisions, stack.services.clock
    one, two = (RateSetter(pool, revisions, owner=owner, now=now) for owner in ("one", "two"))

    held = await asyncio.gather(one.tick(), two.tick())

    assert sorted(held) == [False, True]
    assert [await one.tick(), await two.tick()] == held
    assert await stack.value("SELECT count(*) FROM parameter_snapshot WHERE kind = 'audit-rates'") == 1


async def test_a_slice_that_cannot_be_looked_at_keeps_no_other_from_its_certificate(build_stack):
    stack = await build_stack("api", "keeper", documents=certified(slices="location"))
    await until(lambda: stack.value("SELECT count(*) FROM epoch"), lambda found: found >= 3, seconds=40)
    await stack.rows("UPDATE epoch SET design = '{}' WHERE scope LIKE '%:default:%'")

    for slice_, count in (("default", 1), ("store-002", 500), ("default", 1)):  # both have news
        await record(stack, count, slice_=slice_)

    await until(lambda: stack.value("SELECT certificate FROM control WHERE scope LIKE '%:store-002:%'"), seconds=40)


async def test_a_slice_that_cannot_be_looked_at_is_told_at_once(build_stack, monkeypatch):
    """A pass that ends early, because the database is gone or the duty is another's, has told of it, too."""
    looks = []

    class Failing(Look):
        async def run(self) -> None:
            looks.append(self)
            raise ValueError("no design") if len(looks) == 1 else OSError("gone")

    monkeypatch.setattr(certifying, "Look", Failing)
    stack = await build_stack("api", documents=certified(slices="location"))
    pool, now = stack.services.pool, stack.services.clock

    with capture_logs() as lines, pytest.raises(OSError, match="gone"):
        await certifying.Certifier(pool, stack.services.revisions, owner="one", now=now).tick()

    [line] = [line for line in lines if line["event"] == "certificates.failed"]
    assert line["scope"].startswith("certificate:model:")
    assert str(line["exc_info"]) == "no design"


async def test_a_pass_over_all_slices_is_many_short_transactions(build_stack, monkeypatch):
    """For as long as one runs that writes, nothing that is settled appears on the feed."""
    began = []

    class Noted(Look):
        async def run(self) -> None:
            began.append(await self.connection.fetchval("SELECT now()"))

    monkeypatch.setattr(certifying, "Look", Noted)
    monkeypatch.setattr(certifying, "TRANSACTION_SECONDS", 0.0)
    stack = await build_stack("api", documents=certified(slices="location"))
    pool, now = stack.services.pool, stack.services.clock

    assert await certifying.Certifier(pool, stack.services.revisions, owner="one", now=now).tick()
    assert not await certifying.Certifier(pool, stack.services.revisions, owner="two", now=now).tick()

    assert len(began) == len(set(began)) == 3


async def test_nothing_alarms_of_what_configuration_has_no_more(build_stack):
    stack = await build_stack("api", "keeper", documents=certified(rate=0))
    await record(stack, 500)
    await in_force(stack)
    scope = await stack.value("SELECT scope FROM control WHERE certificate IS NOT NULL")
    await stack.admin.post("/v1/automation/suspend", {"scope": scope, "reason": "the camera was moved"})
    assert await stack.value("SELECT count(*) FROM alarm") == 1

    await stack.publish(**certified(ask="second@1", rate=0))

    await until(lambda: stack.value("SELECT count(*) FROM alarm"), lambda found: not found, seconds=40)


async def test_what_follows_a_budget_is_on_record_with_every_set_of_rates(build_stack):
    """Where it is as configured, too: what an audit weighs in its group is told by the rates of its time."""
    stack = await build_stack("api", documents=certified(rate=0.01, budget=40))
    setter = RateSetter(stack.db, stack.services.revisions, owner="one", now=stack.services.clock)
    async with stack.db.acquire() as connection, connection.transaction():
        await setter.set(connection)

        rates = await audit_rates.in_force(connection, AuditRates())
        known = await PastRates().of(connection, {1, rates.policy})

    assert known == {rates.policy: {("model", "all"): 0.01}}


async def test_a_renewed_certificate_of_the_first_stage_leaves_the_second_its_own_and_a_lost_one_ends_it(build_stack):
    """What reaches stage 2 depends on what stage 1 lets through, not on the id of its certificate."""
    documents = certified(rate=0)
    second = {"ask": "second@1", "accept": {"certified": {"target": 0.05}}}
    documents["plans"]["model"]["stages"].insert(1, second)
    stack = await build_stack("api", documents=documents)
    await record_of_two(stack, 1000)
    await stack.start("keeper")
    await until(lambda: _certified(stack), seconds=40)
    assert await stack.value("SELECT count(*) FROM alarm") == 0, "the second stage has lost nothing"
    slices = (await stack.admin.get("/v1/automation")).json()["slices"]
    assert {each["stage"]: each["state"] for each in slices} == {0: "licensed", 1: "collecting"}
    last = await stack.value("SELECT max(number) FROM audit")
    await record_of_two(stack, 1000)
    before = await until(lambda: _certified(stack), lambda found: len(found) >= 2, seconds=40)
    first, later = sorted(before, key=lambda scope: _stage(stack, scope))
    body = (await stack.admin.get(f"/v1/automation/certificates/{before[later]}")).json()["body"]
    assert min(each["number"] for each in body["inputs"]) > last, "by the others stage 1 was chosen"
    assert (body["epoch"], body["first_number"] >= last) == (1, True), "no audit was read: nothing was spent"
    epoch = await stack.value("SELECT max(number) FROM epoch WHERE scope = $1", later)

    await stack.admin.post("/v1/automation/renew", {"scope": first, "reason": "before the season"})
    now = await until(
        lambda: _certified(stack), lambda found: found.get(first) not in (None, before[first]), seconds=40
    )
    looked = await stack.value("SELECT looked_at FROM epoch WHERE scope = $1 AND ended_at IS NULL", later)
    await until(
        lambda: stack.value("SELECT max(looked_at) FROM epoch WHERE scope = $1", later),
        lambda found: found != looked,
        seconds=40,
    )

    assert now[later] == (await _certified(stack))[later] == before[later]
    assert await stack.value("SELECT max(number) FROM epoch WHERE scope = $1", later) == epoch

    await stack.admin.post("/v1/automation/suspend", {"scope": first, "reason": "a product was recalled"})
    await until(
        lambda: stack.value("SELECT max(number) FROM epoch WHERE scope = $1", later),
        lambda found: found != epoch,
        seconds=40,
    )
    assert await _certified(stack) == {}, "what the second one was tested behind is gone"


async def _certified(stack) -> dict[str, str]:
    rows = await stack.rows("SELECT scope, certificate FROM control WHERE certificate IS NOT NULL")
    return {row["scope"]: row["certificate"] for row in rows}


def _stage(stack, scope: str) -> int:
    prefixes: tuple[str, ...] = stack.services.revisions.current.plan("default", "model").prefixes
    return prefixes.index(scope.rpartition(":")[2])


async def test_a_certificate_ends_by_age_and_comes_back_with_fresh_audits(build_stack):
    """Without audits enough since it was given, nobody knows whether it still holds."""
    documents = certified(rate=0)
    documents["plans"]["model"]["stages"][0]["accept"] = {"certified": {"target": 0.05, "validity": "1s"}}
    stack = await build_stack("api", "keeper", documents=documents)
    await record(stack, 500)
    first = await in_force(stack)

    await none_in_force(stack)
    [control] = await stack.rows("SELECT reason FROM control WHERE scope LIKE 'certificate:model:%'")
    assert control["reason"] == f"{first} has expired: too few audits"
    assert await stack.value("SELECT count(*) FROM epoch") == 1
    assert f"{first} has expired: too few audits" in await refused_renewal(stack)
    await record(stack, 100)

    assert await in_force(stack) != first
    assert await stack.value("SELECT count(*) FROM epoch") == 1


async def refused_renewal(stack) -> str:
    """Return why an operator, who would have the certificate back by word alone, is refused."""
    [slice_] = (await stack.admin.get("/v1/automation")).json()["slices"]
    renewed = await stack.admin.post("/v1/automation/renew", {"scope": slice_["scope"], "reason": "it was fine"})
    assert (renewed.status_code, renewed.json()["type"].rpartition("/")[2]) == (409, "nothing-in-force")
    assert await stack.value("SELECT renewal FROM epoch WHERE ended_at IS NULL") is None
    said: str = renewed.json()["detail"]
    return said


async def watched_to_its_end(build_stack, audits: int) -> tuple[Any, str]:
    """Return a stack whose certificate was for so many audits, once all are answered; and that certificate."""
    documents = certified()
    documents["plans"]["model"]["stages"][0]["accept"] = {"certified": {"target": 0.05, "validity_audits": audits}}
    stack = await build_stack("api", "worker", "keeper", documents=documents)
    [expert] = await staffed(stack, "experts", count=1)
    await record(stack, 500)
    first = await in_force(stack)

    for _ in range(audits):
        await automated(stack)
    for _ in range(audits):
        [task] = await expert.claim(wait=5)
        await expert.answer(task, "pay")
    return stack, first


async def test_a_certificate_that_ends_is_renewed_where_enough_was_watched(build_stack, monkeypatch):
    """Three audits are enough for this test; nothing is interrupted."""
    monkeypatch.setattr(steps, "FRESH_AUDITS", 3)
    stack, first = await watched_to_its_end(build_stack, 3)

    second = await until(lambda: _in_force(stack), lambda found: found != first, seconds=40)

    assert second is not None
    generations = "SELECT generation FROM control WHERE scope LIKE 'certificate:model:%'"
    assert await stack.value(generations) == 2


async def test_a_certificate_ends_by_count(build_stack):
    """The watch has staked its capital over so many audits: beyond them it would promise nothing."""
    stack, first = await watched_to_its_end(build_stack, 2)

    await none_in_force(stack)
    [control] = await stack.rows("SELECT reason FROM control WHERE scope LIKE 'certificate:model:%'")
    assert control["reason"] == f"{first} has expired: too few audits"
    assert "only audits can earn one" in await refused_renewal(stack)


@pytest.mark.parametrize("drift", ["shown", "ends"])
async def test_scores_that_are_no_longer_those_of_the_certificate_are_shown_and_end_it_where_configured(
    build_stack, drift
):
    """Nothing is known of their errors yet: what is known was said of other scores."""
    documents = certified()
    documents["plans"]["model"]["stages"][0]["accept"] = {"certified": {"target": 0.05, "drift": drift}}
    stack = await build_stack("api", "keeper", documents=documents)
    await record(stack, 500, wrong=[7])
    first = await in_force(stack)

    await record(stack, 200, sure=0.6)

    if drift == "ends":
        await none_in_force(stack)
        [control] = await stack.rows("SELECT reason FROM control WHERE scope LIKE 'certificate:model:%'")
        assert control["reason"] == f"{first} has ended, as scores have drifted: too few audits"
        assert "as scores have drifted" in await refused_renewal(stack)
        return
    await until(lambda: standing(stack), lambda found: found["drift"]["has_drifted"], seconds=40)
    assert (await standing(stack))["drift"]["evidence"] >= 100
    assert await _in_force(stack) == first


async def standing(stack) -> dict[str, Any]:
    [found] = (await stack.admin.get("/v1/automation")).json()["slices"]
    return found["standing"]


async def test_where_the_watch_is_worried_the_slice_is_audited_tenfold(build_stack):
    """Known before the next coin falls, so that everything stays valid."""
    stack = await build_stack("api", documents=certified(rate=0.05))
    scope = "certificate:model:all:" + stack.services.revisions.current.plan("default", "model").prefixes[0]
    setter = RateSetter(stack.db, stack.services.revisions, owner="one", now=stack.services.clock)
    [place] = list(certified_places.certified_places(stack.services.revisions.in_force.all()).values())
    async with stack.db.acquire() as connection, connection.transaction():
        await epochs.begin(connection, scope, place.covers)
        await certificates.put_in_force(connection, SYSTEM, scope, "c-1", "shown")
        for boost, rate in ((1.0, 0.05), (10.0, 0.5), (1.0, 0.05)):
            standing = json.dumps({"watch": {"boost": boost}})
            await epochs.write(connection, scope, 1, delta=0.1, design=None, standing=standing)

            await setter.set(connection)

            rates = await audit_rates.in_force(connection, AuditRates())
            assert rates.of("model", "all", 0.05) == rate
