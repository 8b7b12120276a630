"""Looking one key up stands in nobody else's way, and has an end for all that wait for it."""

import asyncio

from tests.waiting import until

WAITING = "SELECT pid FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))"


class Held:
    """The row of a key, locked: noting its use waits."""

    def __init__(self, stack) -> None:
        self._stack = stack

    async def __aenter__(self) -> "Held":
        self._acquired = self._stack.db.acquire()
        self._connection = await self._acquired.__aenter__()
        self._transaction = self._connection.transaction()
        await self._transaction.start()
        newest = "SELECT pg_backend_pid() FROM api_key ORDER BY created_at DESC LIMIT 1 FOR UPDATE"
        self._pid = await self._connection.fetchval(newest)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transaction.rollback()
        await self._acquired.__aexit__(None, None, None)

    async def waiting(self) -> list[int]:
        """Return who waits for it, once somebody does."""
        found = await until(lambda: self._stack.rows(WAITING, self._pid), seconds=5)
        return [row["pid"] for row in found]


async def test_a_key_that_is_slow_to_look_up_delays_no_other(stack):
    slow = await stack.key("client")
    async with Held(stack) as held:
        late = asyncio.create_task(slow.get("/v1/decisions"))
        await held.waiting()
        async with asyncio.timeout(2):
            answers = [await caller.get("/v1/decisions") for caller in (await stack.reviewer("a"), stack.admin)]

    assert [answer.status_code for answer in answers] == [403, 200]
    assert (await late).status_code == 200


async def test_a_look_up_that_fails_fails_for_all_that_wait_for_it(stack):
    """They would try one after another, each for as long as a connection may take."""
    slow = await stack.key("client")
    async with Held(stack) as held:
        asking = [asyncio.create_task(slow.get("/v1/decisions")) for _ in range(5)]
        [backend] = await held.waiting()
        async with asyncio.timeout(2):
            await stack.value("SELECT pg_terminate_backend($1)", backend)
            answers = await asyncio.gather(*asking)

    assert {answer.status_code for answer in answers} == {503}
    assert all(answer.headers["retry-after"] for answer in answers)
    assert (await slow.get("/v1/decisions")).status_code == 200


async def test_keys_that_nobody_knows_leave_connections_to_others(stack):
    """Two that hang fill their places; whoever was seen before waits for neither."""
    unknown = [await stack.key("client") for _ in range(3)]
    async with stack.db.acquire() as connection, connection.transaction():
        await connection.execute("SELECT id FROM api_key WHERE role = 'client' FOR UPDATE")
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        late = [asyncio.create_task(each.get("/v1/decisions")) for each in unknown]
        async with asyncio.timeout(3):
            while len(await stack.rows(WAITING, pid)) < 2:
                await asyncio.sleep(0.01)
            known = await stack.admin.get("/v1/decisions")
        waiting = len(await stack.rows(WAITING, pid))

    assert (waiting, known.status_code) == (2, 200)
    assert [(await each).status_code for each in late] == [200, 200, 200]
