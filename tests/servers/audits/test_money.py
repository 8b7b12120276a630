"""Targets of money in service: audits drawn in proportion to the stake, weighed, and no stake beyond what they show."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from tests.configured import question
from tests.servers.audits.evidence import certified, record
from tests.servers.audits.test_certificates import in_force, waiting_for_people
from tests.waiting import until

from adjudge.automation.watching import Watch
from adjudge.core.money import Stake
from adjudge.engine.certificates.records import verify
from adjudge.store.automation import certificates

STAKES = (Stake(2_000, "USD"), Stake(2_000, "USD"), Stake(40_000, "USD"))


def of_money(**audits: Any) -> dict[str, Any]:
    documents = certified(**audits)
    documents["plans"]["model"]["stages"][0]["accept"] = {"certified": {"target": 0.05, "money": {"up_to": "500 USD"}}}
    return documents


async def at_stake(stack, amount: str, wait: int = 0, location: str = "default") -> dict[str, Any]:
    body = {**question(location=location), "stake": {"amount": amount, "currency": "USD"}}
    answer = await stack.admin.post("/v1/decisions", body, Prefer=f"wait={wait}")
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


async def test_a_model_decides_alone_where_little_of_the_money_is_at_risk_and_over_no_larger_stake(build_stack):
    stack = await build_stack("api", "worker", "keeper", documents=of_money())
    await record(stack, 900, stakes=STAKES, wrong=range(1, 900, 100))

    certificate = await in_force(stack)
    async with asyncio.timeout(40):
        while (decided := await at_stake(stack, "450.00", wait=1))["outcome"] is None:
            pass
    dear = await at_stake(stack, "500.01")
    unsaid = await stack.ask()

    promise = "at most 5% of the stake wrong, of stakes up to 500.00 USD"
    assert decided["outcome"]["reason"].endswith(f"(certificate {certificate}: {promise})")
    for each in (dear, unsaid):
        assert (await waiting_for_people(stack, each["id"]))["outcome"] is None
    async with stack.db.acquire() as connection:
        found = await certificates.get(connection, certificate)
    body = json.loads(found.body)
    assert {each["weight"] for each in body["inputs"]} == {0.04, 0.8}
    verified = verify(certificate, body)
    assert (verified.hash_holds, verified.licence_holds, verified.audits) == (True, True, 900)
    [slice_] = (await stack.admin.get("/v1/automation")).json()["slices"]
    assert slice_["promise"] == promise
    in_full = Watch.begin(target=0.05).audits_until(10)
    assert slice_["standing"]["watch"]["detects"][-1]["audits"] > 1.5 * in_full, "what audits weigh is counted in"


async def test_where_the_dear_ones_are_wrong_nothing_is_licensed_however_few_they_are(build_stack):
    """One in thirty audits is wrong, below the target by count; but each of them is dear."""
    stack = await build_stack("api", "keeper", documents=of_money())
    await record(stack, 900, stakes=STAKES, wrong=range(2, 900, 30))

    await until(lambda: stack.value("SELECT standing FROM epoch WHERE design IS NOT NULL"), seconds=40)

    assert await stack.value("SELECT count(*) FROM control WHERE certificate IS NOT NULL") == 0


async def test_the_coin_is_proportional_to_the_stake_and_its_probability_is_on_record(build_stack):
    stack = await build_stack("api", documents=of_money(rate=0.05, per_stake="200 USD"))

    rates = []
    for amount in ("200.00", "400.00", "20.00", "9000.00"):
        asked = await at_stake(stack, amount)
        rates.append(await stack.value("SELECT audit_rate FROM decision WHERE id = $1", UUID(asked["id"])))
    unsaid = await stack.ask()

    assert rates == pytest.approx([0.05, 0.1, 0.005, 1.0])
    assert await stack.value("SELECT audit_rate FROM decision WHERE id = $1", UUID(unsaid["id"])) == pytest.approx(0.05)
    assert await stack.value("SELECT audit FROM decision WHERE audit_rate = 1")
