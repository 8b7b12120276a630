"""Webhooks a second from one keeper to a local receiver, beside bare posts by the same HTTP client.

    python benchmarks/webhooks.py [--webhooks 10000] [--runs 3] [--json FILE]

Outcomes are settled first; then an endpoint wants them all, and the fan-out and the deliverer of one process
write, claim, sign, send and record them, everything durable. PostgreSQL and the receiver share the machine; what
each of the three used is told for a webhook. The bare posts send bodies as long, without a database. Python looks
for cycles as seldom as in a keeper.
"""

import asyncio
import os
import random
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import uvloop

from adjudge.cli.roles import spare_collector
from adjudge.engine.clocks import DatabaseClock
from adjudge.engine.intake.group_commit import GroupCommit
from adjudge.engine.webhooks.delivering import Deliverer
from adjudge.engine.webhooks.fanning import FanOut
from adjudge.engine.webhooks.posting import Poster
from adjudge.engine.webhooks.receivers import AT_ONCE
from adjudge.outbound import parse_permitted
from adjudge.outbound.client import Client, open_client
from adjudge.store import connecting, intake, outcomes
from adjudge.streams import Entry
from load.inside import Rows, connected, database
from load.processes import cpu_seconds, descendants, role_of
from load.report import Row, Target, median, parser, publish
from load.starting import baseline

BATCH: Final = 200
BODY: Final = b"x" * 700
KEY_WINDOW: Final = timedelta(days=1)
RESEND: Final = timedelta(seconds=5)
POLL_SECONDS: Final = 0.25
ADD: Final = """
    INSERT INTO endpoint (id, url, secret, created_by, told_since) VALUES ($1, $2, $3, 'bench', now() - interval '1 h')
"""
TARGETS: Final = (Target("webhooks a second to a local receiver", "webhooks, one keeper", "value", ">=", 2_000, "/s"),)

KEEPER: Final = "keeper"

Values = defaultdict[str, list[float]]


async def settle(connection: Any, rows: Rows, count: int) -> None:
    """Settle so many decisions."""
    for start in range(0, count, BATCH):
        made = [rows.asked() for _ in range(min(BATCH, count - start))]
        await intake.insert(
            connection, sorted((row for row, _ in made), key=lambda row: row.lock_key), KEY_WINDOW, RESEND
        )
        await outcomes.settle(connection, [rows.settled(decision) for _, decision in made])


def used() -> dict[str, float]:
    """Return the CPU seconds that the three have used; those of connections that are closed are lost."""
    found = {KEEPER: time.process_time(), "PostgreSQL": 0.0, "receiver": 0.0}
    for pid, command in descendants(os.getpid()).items():
        name = "receiver" if "webhook_receiver" in command else role_of(command)
        if name in found and pid != os.getpid():
            found[name] += cpu_seconds(pid)
    return found


async def deliver(url: str, to: str, count: int, name: str) -> tuple[float, dict[str, float]]:
    """Let an endpoint want everything; return how many webhooks arrived a second, and the microseconds for each."""
    loop = asyncio.get_running_loop()
    clock, rng = DatabaseClock(), random.Random(1)
    async with (
        connecting.open_pool(url, size=8, name="bench") as pool,
        open_client(parse_permitted("127.0.0.1")) as client,
    ):
        async with pool.acquire() as connection:
            await connection.execute("DELETE FROM endpoint")
            await connection.execute("DELETE FROM duty")
            await connection.execute(ADD, name, to, bytes(32))
        deliverer = Deliverer(
            pool,
            Poster(client, now=clock, monotonic=loop.time),
            monotonic=loop.time,
            chance=rng.random,
            lease_seconds=15,
        )
        began, before = loop.time(), used()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(FanOut(pool, now=clock).run()), group.create_task(deliverer.run())]
            async with pool.acquire() as connection:
                while (  # noqa: ASYNC110  the database tells nobody
                    await connection.fetchval(
                        "SELECT count(*) FROM delivery WHERE endpoint = $1 AND state = 'delivered'", name
                    )
                    < count
                ):
                    await asyncio.sleep(POLL_SECONDS)
            seconds, after = loop.time() - began, used()
            for task in tasks:
                task.cancel()
    return count / seconds, {name: (after[name] - before[name]) / count * 1e6 for name in before}


async def post_barely(to: str, count: int) -> float:
    """Post bodies as long, as many at once; return how many a second."""
    loop = asyncio.get_running_loop()
    left = iter(range(count))
    async with open_client(parse_permitted("127.0.0.1")) as client:
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(_post(client, to, left))
        return count / (loop.time() - began)


async def _post(client: Client, to: str, left: Any) -> None:
    for _ in left:
        await client.send("POST", to, headers={"content-type": "application/json"}, body=BODY, seconds=15)


async def measure(options: Namespace) -> list[Row]:
    """Alternate baseline and system; return medians."""
    values: Values = defaultdict(list)
    costs: Values = defaultdict(list)
    spare_collector()
    async with database() as url, baseline("webhook_receiver") as port:
        to = f"http://127.0.0.1:{port}/hook"
        connection = await connected(url)
        commit = GroupCommit(lambda: connected(url), key_window_seconds=1, rng=random.Random(1), publish=_unsent)
        await settle(connection, Rows(commit, name="webhooks"), options.webhooks)
        await connection.close()
        for run in range(options.runs):
            values["posts, bare"].append(await post_barely(to, options.webhooks))
            rate, cost = await deliver(url, to, options.webhooks, f"wh_{run}")
            values["webhooks, one keeper"].append(rate)
            for name, microseconds in cost.items():
                costs[name].append(microseconds)
    bare = median(values["posts, bare"])
    rates = [Row(name, "a second", median(found), "/s", median(found) / bare) for name, found in values.items()]
    return [*rates, *(Row(f"CPU of a webhook, {name}", "median", median(found), "us") for name, found in costs.items())]


async def _unsent(entries: Sequence[Entry]) -> None:
    """Nothing is asked: rows are only made."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--webhooks", type=int, default=10_000, help="in each run")
    arguments.add_argument("--runs", type=int, default=3)
    options = arguments.parse_args()
    publish(uvloop.run(measure(options)), TARGETS, options)


if __name__ == "__main__":
    main()
