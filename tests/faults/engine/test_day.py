"""A day of twelve stores, on seven processes, with everything around them failing now and then."""

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from tests.fleet import Callers, Fleet, Member
from tests.receivers import Receiver, receiving
from tests.servers.deciders.model_server import ModelServer
from tests.stacks import Stack

from adjudge.client import AsyncAdjudge, Patience, Unavailable

NAMES = ["api-1", "api-2", "worker-1", "worker-2", "worker-3", "keeper-1", "keeper-2"]
STORES = [f"store-{number:02}" for number in range(1, 13)]
KILL_EVERY_SECONDS = 20.0
BAD_CALLS = 0.08
UP_SECONDS, DOWN_SECONDS = 20.0, 10.0
"""Of the receiver of webhooks: away for a third of the time."""
SETTLED_SECONDS = 180.0
TOLD_SECONDS = 420.0
SETTINGS = {"ADJUDGE_LEASE_SECONDS": "2", "ADJUDGE_POOL_SIZE": "4", "ADJUDGE_OUTBOUND_ALLOW": "127.0.0.0/8"}
ACCEPT = {"by_hand": "confidence >= 0.9"}


def configuration(model_url: str) -> dict[str, Any]:
    """A model behind HTTP, a plain function where it is in doubt or away, and the fallback."""
    model = {
        "url": model_url,
        "many": {"requests": "/instances", "responses": "/predictions"},
        "request": {"/n": "/evidence/n"},
        "response": {"answer": "/label", "confidence": "/score"},
    }
    stages = [{"ask": "shelf@1", "accept": ACCEPT, "timeout": "5s"}, {"ask": "sure@1", "accept": ACCEPT}]
    return {
        "organisation": {"name": "day", "currency": "USD"},
        "types": {"shelf": {"answers": ["pay", "refuse"]}},
        "deciders": {
            "shelf@1": {"http": model, "timeout": "1s", "batch": 16, "linger": "5ms"},
            "sure@1": {"python": "deciders:sure"},
        },
        "plans": {"shelf": {"stages": stages, "fallback": {"answer": "refuse"}}},
        "routes": [{"type": "shelf", "plan": "shelf"}],
        "locations": {"default": {}, **{store: {} for store in STORES}},
    }


class Moody:
    """A model server of which a share of the calls goes wrong: an error, silence, nonsense."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.calls: Counter[str] = Counter()

    async def __call__(self, _: web.Request, body: Mapping[str, Any]) -> Any:
        mood = self._chance.choice(("failing", "slow", "garbage")) if self._chance.random() < BAD_CALLS else "well"
        self.calls[mood] += 1
        if mood == "failing":
            return web.json_response({"error": "no weights"}, status=500)
        if mood == "garbage":
            return {"predictions": [{"label": 7, "score": "very"} for _ in body["instances"]]}
        if mood == "slow":
            await asyncio.sleep(1.5)
        return {"predictions": [_prediction(one["n"]) for one in body["instances"]]}


def _prediction(number: int) -> dict[str, Any]:
    return {"label": "pay", "score": 0.6 if number % 10 == 0 else 0.97}


class Unsteady:
    """A receiver's answers: 503 while it is down."""

    def __init__(self) -> None:
        self.is_down = False
        self.refused = 0

    def __call__(self, _: int) -> web.Response:
        self.refused += self.is_down
        return web.Response(status=503 if self.is_down else 204)

    async def come_and_go(self) -> None:
        try:
            while True:
                await asyncio.sleep(UP_SECONDS)
                self.is_down = True
                await asyncio.sleep(DOWN_SECONDS)
                self.is_down = False
        finally:
            self.is_down = False


class Follower:
    """Reads the feed; where its replica is gone, it goes on at the other."""

    def __init__(self, urls: Sequence[str], key: str) -> None:
        self._urls = itertools.cycle(urls)
        self._key = key
        self.seen: list[str] = []
        self.moves = 0

    async def follow(self) -> None:
        cursor: str | None = None
        while True:
            async with AsyncAdjudge(next(self._urls), self._key, patience=Patience(total_seconds=1)) as adjudge:
                try:
                    async for event in adjudge.outcomes.follow(after=cursor):
                        self.seen.append(event.decision.id)
                        cursor = event.cursor
                except Unavailable:
                    self.moves += 1


async def kill_in_turn(members: Iterable[Member], killed: list[str]) -> None:
    for member in itertools.cycle(members):
        await asyncio.sleep(KILL_EVERY_SECONDS)
        await member.process.kill()
        killed.append(member.name)
        await member.start()


@asynccontextmanager
async def meanwhile(*work: Any) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
        yield
        for task in tasks:
            task.cancel()


async def until_all(wanted: set[str], found: list[str], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not wanted <= set(found):
            await asyncio.sleep(0.5)


async def told_at(stack: Stack, receiver: Receiver) -> None:
    answer = await stack.admin.post("/v1/webhooks", {"url": receiver.url})
    assert answer.status_code == 201, answer.text
    receiver.secrets = [answer.json()["secret"]]


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("decisions", [50_000])
async def test_a_day_of_decisions_with_failing_calls_an_absent_receiver_and_a_process_killed_every_20_seconds(
    build_stack, capsys, decisions
):
    """Nothing lost, nothing settled twice, every outcome told by webhook, and seen by a reader of the feed."""
    stack, model, unsteady = await build_stack(), Moody(seed=5), Unsteady()
    async with ModelServer(model).running() as server, receiving(unsteady) as receiver:
        (stack.folder / "config" / "all.yaml").write_text(json.dumps(configuration(server.url)))
        fleet = Fleet(stack, NAMES, **SETTINGS)
        await fleet.start()
        await stack.reach(fleet.urls()[0])
        await told_at(stack, receiver)
        follower, killed = Follower(fleet.urls(), stack.admin.key), []
        callers = Callers(fleet.urls(), stack.admin.key, ["shelf"], locations=STORES)
        started = time.monotonic()

        async with meanwhile(follower.follow()):
            async with meanwhile(unsteady.come_and_go(), kill_in_turn(fleet.members.values(), killed)):
                async with callers.asking(24):
                    await callers.accepts(decisions, seconds=2400)
                asked_seconds = time.monotonic() - started
            accepted = set(callers.accepted.values())
            await stack.settled(accepted, seconds=SETTLED_SECONDS)
            settled_seconds = time.monotonic() - started
            await until_all(accepted, follower.seen, seconds=60)
            async with asyncio.timeout(TOLD_SECONDS):
                while len({event.decision.id for event in receiver.told}) < len(accepted):
                    await asyncio.sleep(1)
            told_seconds = time.monotonic() - started

    finals = await stack.value("SELECT count(*) FROM outcome WHERE kind = 'final'")
    settled = await stack.value("SELECT count(DISTINCT decision_id) FROM outcome WHERE kind = 'final'")
    stored = await stack.value("SELECT count(*) FROM decision")
    told = Counter(event.id for event in receiver.told)
    sources = await stack.rows("SELECT source, count(*) AS number FROM outcome GROUP BY source ORDER BY source")
    with capsys.disabled():
        show(
            {
                "decisions accepted": len(accepted),
                "all asked after": f"{asked_seconds:.0f} s, {len(accepted) / asked_seconds:.0f}/s",
                "all settled, all told after": f"{settled_seconds:.0f} s, {told_seconds:.0f} s",
                "lost (accepted, not settled)": len(accepted) - settled,
                "doubled (stored beyond accepted)": stored - len(accepted),
                "settled twice": finals - settled,
                "settled by": ", ".join(f"{row['source']} {row['number']}" for row in sources),
                "processes killed": f"{len(killed)}: {', '.join(killed)}",
                "requests asked again": callers.repeated,
                "model calls": ", ".join(f"{mood} {number}" for mood, number in sorted(model.calls.items())),
                "webhooks told, of outcomes": f"{len(told)} of {finals}",
                "webhooks told again / refused while down": f"{told.total() - len(told)} / {unsteady.refused}",
                "outcomes seen on the feed, of": f"{len(set(follower.seen))} of {finals}",
                "the feed's reader moved": follower.moves,
            }
        )

    assert (stored, settled, finals) == (len(accepted), len(accepted), len(accepted))
    assert len(told) == finals
    assert set(follower.seen) == accepted


def show(rows: Mapping[str, object]) -> None:
    width = max(map(len, rows))
    print("\n" + "\n".join(f"{name:{width}}  {value}" for name, value in rows.items()))
