"""Webhooks are told at least once, whoever is killed meanwhile."""

import asyncio

from aiohttp import web
from tests.receivers import Receiver, receiving
from tests.waiting import until

from adjudge.store.migrations import upgrade

ALLOWED = {"outbound_allow": "127.0.0.0/8", "lease_seconds": 1.5}
COUNT = 800


async def slowly(_: int) -> web.Response:
    await asyncio.sleep(0.02)  # so that there is always something under way to be killed with
    return web.Response(status=204)


async def told_of(stack, receiver: Receiver) -> str:
    answer = await stack.admin.post("/v1/webhooks", {"url": receiver.url})
    receiver.secrets = [answer.json()["secret"]]
    return answer.json()["id"]


async def test_every_outcome_is_told_although_keepers_are_killed_in_turn(build_stack):
    stack = await build_stack("api", "worker", **ALLOWED)
    async with receiving(slowly) as receiver:
        webhook = await told_of(stack, receiver)
        keepers = [await stack.spawn("keeper"), await stack.spawn("keeper")]
        asked = await stack.ask_many(COUNT)

        for killed_at in (50, 250, 450):
            await receiver.until(killed_at, seconds=30)
            await keepers.pop(0).kill()
            keepers.append(await stack.spawn("keeper"))

        told = await receiver.until(COUNT, seconds=40)
        assert {event.decision.id for event in told} == set(asked)
        # recorded a moment later
        await until(
            lambda: stack.value("SELECT count(*) FROM delivery WHERE state = 'delivered'"), lambda found: found >= COUNT
        )
        assert await stack.value("SELECT count(*) FROM delivery WHERE endpoint <> $1", webhook) == 0


async def test_a_keeper_that_is_stopped_hands_back_what_it_had(build_stack):
    stack = await build_stack("api", "worker", **(ALLOWED | {"lease_seconds": 60}))
    never = asyncio.get_running_loop().create_future()
    async with receiving(lambda _: never) as receiver:
        await told_of(stack, receiver)
        keeper = await stack.spawn("keeper")
        await stack.ask_many(20)
        await receiver.until_that(lambda: len(receiver.requests) == 20, seconds=30)

        assert await keeper.terminate() == 0

        assert await stack.value("SELECT count(*) FROM delivery WHERE state = 'waiting' AND next_at <= now()") == 20
        never.cancel()


async def test_deliveries_survive_an_outage_of_the_database(private_postgres, build_stack):
    postgres = await private_postgres()
    await upgrade(postgres.url)
    stack = await build_stack("api", "worker", "keeper", database_url=postgres.url, **ALLOWED)
    async with receiving(slowly) as receiver:
        await told_of(stack, receiver)
        asked = await stack.ask_many(300)
        await stack.settled(asked)
        await receiver.until(30)

        await postgres.kill()
        await postgres.start()

        assert {event.decision.id for event in await receiver.until(300, seconds=40)} == set(asked)


async def test_a_receiver_that_is_slower_than_a_lease_is_not_told_twice(build_stack):
    stack = await build_stack("api", "worker", "keeper", **ALLOWED)
    enough = asyncio.Event()

    async def in_its_own_time(_: int) -> web.Response:
        await enough.wait()
        return web.Response(status=204)

    async with receiving(in_its_own_time) as receiver:
        webhook = await told_of(stack, receiver)
        await stack.ask_many(1)
        await receiver.until_that(lambda: len(receiver.requests) == 1)
        lease_ends = await stack.value("SELECT next_at FROM delivery WHERE endpoint = $1", webhook)
        # long enough for it to have been claimed again
        await until(lambda: stack.value("SELECT now() > $1::timestamptz + interval '1 s'", lease_ends))
        enough.set()

        await receiver.until(1)
        assert len(receiver.requests) == 1
