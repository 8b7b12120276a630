"""What it costs PostgreSQL to take in a decision, beside a bare insert of the same evidence.

    python benchmarks/intake.py [--rows 20000] [--runs 3] [--json FILE]

The statement that the API runs for each flush (idempotency key, decision, evidence, work) in batches of 200 and one
by one, on one connection; the CPU is that of this connection's backend. Then the group commit as a whole, called by
64 and 256 at once without HTTP. The bare insert is a table of id and evidence, nothing else.
"""

import asyncio
import random
from argparse import Namespace
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import uvloop

from adjudge.engine.intake.group_commit import GroupCommit
from adjudge.engine.intake.pending import Sheaf
from adjudge.store import intake
from adjudge.store.intake import NewDecision
from adjudge.streams import Entry
from load.inside import ROUNDS_OF_WARMTH, Meter, Rows, connected, database
from load.report import Row, Target, median, parser, publish

BATCH: Final = 200
KEY_WINDOW: Final = timedelta(days=1)
RESEND: Final = timedelta(seconds=5)
CALLERS: Final = (64, 256)
CALLING_SECONDS: Final = 3.0
BARE_TABLE: Final = "CREATE TABLE bare (id uuid PRIMARY KEY, body jsonb NOT NULL)"
BARE: Final = "INSERT INTO bare SELECT * FROM unnest($1::uuid[], $2::jsonb[])"

TARGETS: Final = (Target("PostgreSQL's CPU per decision", "intake CPU, batches of 200", "value", "<=", 20, "µs"),)

Values = defaultdict[str, list[float]]


async def insert_bare(connection: Any, rows: Sequence[NewDecision]) -> None:
    await connection.fetch(BARE, [row.id for row in rows], [row.evidence for row in rows])


async def insert_ours(connection: Any, rows: Sequence[NewDecision]) -> None:
    ordered = sorted(rows, key=lambda row: row.lock_key)
    assert len(await intake.insert(connection, ordered, KEY_WINDOW, RESEND)) == len(rows)


async def measure_batches(connection: Any, rows: Rows, count: int, values: Values) -> None:
    """Insert the same rows barely and as decisions, in batches, and some one by one."""
    batches = [[rows.asked()[0] for _ in range(BATCH)] for _ in range(count // BATCH)]
    for name, insert in (("bare insert", insert_bare), ("intake", insert_ours)):
        meter = await Meter.of(connection)
        for batch in batches:
            await insert(connection, batch)
        rate, cpu = meter.read(len(batches) * BATCH)
        values[f"{name}, batches of 200"].append(rate)
        values[f"{name} CPU, batches of 200"].append(cpu)
    alone = [rows.asked()[0] for _ in range(count // 20)]
    meter = await Meter.of(connection)
    for row in alone:
        await insert_ours(connection, [row])
    rate, cpu = meter.read(len(alone))
    values["intake, one by one"].append(rate)
    values["intake CPU, one by one"].append(cpu)


async def measure_callers(url: str, callers: int, values: Values) -> None:
    """Let so many call the group commit at once; no slips are sent."""
    name = f"group commit @{callers}"
    commit = GroupCommit(
        lambda: connected(url), key_window_seconds=KEY_WINDOW.total_seconds(), rng=random.Random(1), publish=_unsent
    )
    rows = Rows(commit, name=f"callers-{callers}-{len(values[name])}")
    loop, count = asyncio.get_running_loop(), 0
    ends = loop.time() + CALLING_SECONDS

    async def call() -> None:
        nonlocal count
        while loop.time() < ends:
            sheaf = Sheaf()
            rows.intake.submit(*rows.asked(), sheaf)
            await sheaf.all()
            count += 1

    running = asyncio.create_task(commit.run())
    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(call())
    running.cancel()
    await asyncio.wait((running,))
    values[name].append(count / CALLING_SECONDS)


async def measure(options: Namespace) -> list[Row]:
    """Alternate baseline and system; return medians."""
    values: Values = defaultdict(list)
    async with database() as url:
        connection = await connected(url)
        await connection.execute(BARE_TABLE)
        commit = GroupCommit(lambda: connected(url), key_window_seconds=1, rng=random.Random(1), publish=_unsent)
        rows = Rows(commit, name="batches")
        for _ in range(ROUNDS_OF_WARMTH):
            await measure_batches(connection, rows, BATCH, defaultdict(list))
        for _ in range(options.runs):
            await measure_batches(connection, rows, options.rows, values)
            for callers in CALLERS:
                await measure_callers(url, callers, values)
        await connection.close()
    return [_row(name, values) for name in values]


def _row(name: str, values: Values) -> Row:
    value, is_cpu = median(values[name]), "CPU" in name
    bare = median(values["bare insert CPU, batches of 200" if is_cpu else "bare insert, batches of 200"])
    if is_cpu:
        return Row(name, "PostgreSQL's CPU a decision", value, "µs", value / bare)
    return Row(name, "rows a second", value, "/s", value / bare)


async def _unsent(entries: Sequence[Entry]) -> None:
    """Slips go nowhere: their sending is measured with the whole path."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rows", type=int, default=20_000, help="of each kind and run")
    arguments.add_argument("--runs", type=int, default=3)
    options = arguments.parse_args()
    publish(uvloop.run(measure(options)), TARGETS, options)


if __name__ == "__main__":
    main()
