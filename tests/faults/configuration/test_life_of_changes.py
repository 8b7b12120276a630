"""Changes by the dozen while questions come in, people hold decisions open, and processes are stopped and killed."""

import asyncio
import itertools
import json
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from tests.configured import PLANS, configuration, of_people, question
from tests.fleet import Callers, Fleet, Member, plain
from tests.stacks import Stack
from tests.waiting import until

NAMES = ["api-1", "api-2", "worker-1", "worker-2"]
KINDS = ["model", "claims", "model", "cascade"]
SOON = "3s"
"""People hold a decision so long, across publishes; then the fallback answers."""


def documents(number: int) -> dict[str, str]:
    """Sound documents, each its own: another threshold, deciders that come and go."""
    whole, sure = configuration(), f"sure@{1 + number % 2}"
    plans = {
        **PLANS,
        "model": {
            "stages": [{"ask": sure, "accept": {"by_hand": f"confidence >= 0.{900 + number % 80}"}}],
            "fallback": {"answer": "refuse"},
        },
        "claims": {
            "stages": [{"ask": "unsure@1", "accept": {"by_hand": "confidence >= 0.95"}}, of_people(timeout=SOON)],
            "fallback": {"answer": "refuse"},
        },
    }
    deciders = {**whole["deciders"], "sure@2": {"python": "deciders:sure", "cost": f"0.00{1 + number % 9} USD"}}
    if number % 2 == 0:
        del deciders["sure@2"]
    return {"all.yaml": json.dumps({**whole, "plans": plans, "deciders": deciders})}


def faulty(number: int) -> dict[str, str]:
    return {"all.yaml": documents(number)["all.yaml"].replace('"ask": "sure@', '"ask": "shure@', 1)}


class Operator:
    """Publishes, and asks each process afterwards whether its receipt is true."""

    def __init__(self, stack: Stack, fleet: Fleet) -> None:
        self._stack, self._fleet = stack, fleet
        self._headers = {"Authorization": f"Bearer {stack.admin.key}"}
        self.published = self.refused = self.proven = 0

    async def publish(self, body: dict[str, str]) -> httpx.Response:
        """Publish through whichever replica answers: one may be stopped."""
        for url in itertools.cycle(self._fleet.urls()):
            async with plain(5, headers=self._headers) as client:
                with suppress(httpx.TransportError):
                    answer = await client.post(
                        f"{url}/v1/config/revisions", json={"documents": body}, headers={"If-Match": "*"}
                    )
                    if answer.status_code in (201, 422):
                        return answer
        raise AssertionError("unreachable")

    async def change(self, number: int) -> None:
        if number % 4 == 3:
            assert (await self.publish(faulty(number))).status_code == 422
            self.refused += 1
            return
        answer = await self.publish(documents(number))
        assert answer.status_code == 201, answer.text
        self.published += 1

    async def prove(self) -> None:
        """Ask every API process that has a receipt a question: it answers under the revision that it said it runs."""
        told = await self._receipts()
        at = {each["name"]: each["revision"] for each in told["processes"] if each["is_live"] and each["role"] == "api"}
        for member in self._fleet.members.values():
            if member.role != "api" or await member.answers("/readyz") != 200:
                continue
            async with plain(10, headers=self._headers) as client:
                answer = (await client.post(f"{member.url}/v1/decisions", json=question("person"))).json()
                await client.post(f"{member.url}/v1/decisions/{answer['id']}/cancel")
            assert answer["revision"] in at.values(), (answer["revision"], at)
            self.proven += 1

    async def until_received(self, seconds: float = 60) -> dict:
        return await until(self._receipts, lambda found: found["complete"], seconds=seconds)

    async def _receipts(self) -> dict:
        for url in itertools.cycle(self._fleet.urls()):
            async with plain(5, headers=self._headers) as client:
                with suppress(httpx.TransportError):
                    return (await client.get(f"{url}/v1/config/receipts")).json()
        raise AssertionError("unreachable")


@asynccontextmanager
async def stopped(member: Member) -> AsyncIterator[None]:
    """SIGSTOP for as long as the block lasts."""
    os.kill(member.process._process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(member.process._process.pid, signal.SIGCONT)


async def lived(stack: Stack, publishes: int, *, seed: int) -> None:
    """Publish so often, and check at the end what must hold."""
    rng = random.Random(seed)
    stack.open_gate()
    fleet = Fleet(stack, [*NAMES, "keeper-1"], ADJUDGE_LEASE_SECONDS="2")
    await fleet.start()
    await stack.reach(fleet.urls()[0])
    operator = Operator(stack, fleet)
    callers = Callers(fleet.urls(), stack.admin.key, KINDS)
    await operator.change(0)  # from here on people hold a decision for seconds, not for minutes
    await operator.until_received()

    async with callers.asking(3):
        for number in range(publishes):
            await operator.change(number)
            await callers.accepts(3)
            if number % 10 == 4:
                name = rng.choice(NAMES)
                async with stopped(fleet.members[name]):
                    for extra in range(2):
                        await operator.change(1000 + 2 * number + 4 * extra)
                        await asyncio.sleep(2.0)
                await fleet.members[name].until_ready()
            if number % 10 == 8:
                member = fleet.members[rng.choice(NAMES)]
                await member.process.kill()
                await operator.change(3000 + 4 * number)
                with callers.at_leisure():
                    await member.start()
                    await member.until_ready()
            if number % 5 == 0:
                await operator.until_received()
                await operator.prove()
    told = await operator.until_received()
    await operator.prove()
    await stack.settled(list(callers.accepted.values()), seconds=90)

    live = [each for each in told["processes"] if each["is_live"]]
    assert len(live) == 5
    assert {each["revision"] for each in live} == {told["revision"]}
    assert operator.proven >= 2
    assert operator.refused > 0
    revisions = await stack.value("SELECT count(DISTINCT revision) FROM decision")
    assert revisions > 1, "nothing was asked across a change"


@pytest.mark.timeout(240)
async def test_a_dozen_changes_with_faults_stops_and_kills_leave_no_request_unanswered_and_no_path_mixed(build_stack):
    """Each path replays under the one revision that it began with, whose plan every opinion in it names."""
    await lived(await build_stack(), 10, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_two_hundred_changes_leave_no_request_unanswered_and_no_path_mixed(build_stack):
    await lived(await build_stack(), 200, seed=2)


@pytest.mark.timeout(120)
async def test_an_api_that_was_stopped_is_not_ready_until_it_has_looked_again(build_stack):
    """And says why."""
    stack = await build_stack()
    api = Member(stack, "api-1")
    await api.start()
    await api.until_ready()

    async with stopped(api):
        await stack.publish(
            plans={**PLANS, "person": {"stages": [of_people("experts")], "fallback": {"answer": "pay"}}}
        )
        await asyncio.sleep(4)
        async with plain(20) as client:
            asking = asyncio.create_task(client.get(f"{api.url}/readyz"))
            await asyncio.sleep(0.2)
            os.kill(api.process._process.pid, signal.SIGCONT)
            first = await asking
    await api.until_ready()

    check = first.json()["checks"]["configuration"]
    assert (first.status_code, check["ok"]) == (503, False)
    assert check["why"].startswith(("has not seen for", "is not yet at revision"))


@pytest.mark.timeout(120)
async def test_what_a_stopped_worker_accepts_after_a_switch_is_refused_where_outcomes_are_written(build_stack):
    """It knows nothing of the switch: the statement that settles does."""
    stack = await build_stack("api")
    worker = Member(stack, "worker-1", ADJUDGE_LEASE_SECONDS="60")
    await worker.start()
    await worker.until_ready()
    asked = await stack.ask("gated")
    await stack.until_asked("gated@1")

    async with stopped(worker):
        switched = await stack.admin.post(
            "/v1/controls", {"kind": "type", "name": "gated", "on": False, "reason": "recall"}
        )
        stack.open_gate()
    settled = await stack.read(asked["id"], wait=20)

    assert switched.status_code == 200
    assert settled["outcome"]["source"] == "fallback"
    assert "automation is off, type:gated" in settled["outcome"]["reason"]
