"""What it costs PostgreSQL to settle a decision, beside a bare insert of the same path.

    python benchmarks/settlement.py [--rows 20000] [--runs 3] [--json FILE]

The statement that the worker runs for each batch (lock and delete `work`, check the controls, write the outcome) in
batches of 200 and of 20, on one connection; the CPU is that of this connection's backend. The bare insert is a
table of id and path. Cost must grow with the batch, not with its square, nor with what else is open.
"""

import random
from argparse import Namespace
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import uvloop

from adjudge.engine.intake.group_commit import GroupCommit
from adjudge.store import intake, outcomes
from adjudge.store.outcomes import NewOutcome
from adjudge.streams import Entry
from load.inside import ROUNDS_OF_WARMTH, Meter, Rows, connected, database
from load.report import Row, Target, median, parser, publish

BATCHES: Final = (200, 20)
KEY_WINDOW: Final = timedelta(days=1)
RESEND: Final = timedelta(seconds=5)
BARE_TABLE: Final = "CREATE TABLE bare (id uuid PRIMARY KEY, path jsonb NOT NULL)"
BARE: Final = "INSERT INTO bare SELECT * FROM unnest($1::uuid[], $2::jsonb[])"

TARGETS: Final = (
    Target("PostgreSQL's CPU per decision", "settlement CPU, batches of 200", "value", "<=", 20, "µs"),
    Target("cost of a large batch, of a small one's", "200 at once, of 20 at once", "value", "<=", 1.5, "x"),
)

Values = defaultdict[str, list[float]]


async def settle_bare(connection: Any, batch: Sequence[NewOutcome]) -> None:
    await connection.fetch(BARE, [outcome.decision_id for outcome in batch], [outcome.path for outcome in batch])


async def settle_ours(connection: Any, batch: Sequence[NewOutcome]) -> None:
    assert len((await outcomes.settle(connection, batch)).won) == len(batch)


async def opened(connection: Any, rows: Rows, count: int) -> list[NewOutcome]:
    """Open so many decisions; return the outcomes that will settle them."""
    made = [rows.asked() for _ in range(count)]
    for start in range(0, count, BATCHES[0]):
        batch = sorted((row for row, _ in made[start : start + BATCHES[0]]), key=lambda row: row.lock_key)
        await intake.insert(connection, batch, KEY_WINDOW, RESEND)
    return [rows.settled(decision) for _, decision in made]


async def measure_run(connection: Any, rows: Rows, count: int, values: Values) -> None:
    """Settle in large and in small batches, and insert the same paths barely."""
    for size in BATCHES:
        waiting = await opened(connection, rows, count * size // BATCHES[0])
        for name, act in (("bare insert", settle_bare), ("settlement", settle_ours)):
            meter = await Meter.of(connection)
            for start in range(0, len(waiting), size):
                await act(connection, waiting[start : start + size])
            rate, cpu = meter.read(len(waiting))
            values[f"{name}, batches of {size}"].append(rate)
            values[f"{name} CPU, batches of {size}"].append(cpu)


async def measure(options: Namespace) -> list[Row]:
    """Alternate baseline and system; return medians."""
    values: Values = defaultdict(list)
    async with database() as url:
        connection = await connected(url)
        await connection.execute(BARE_TABLE)
        commit = GroupCommit(lambda: connected(url), key_window_seconds=1, rng=random.Random(1), publish=_unsent)
        rows = Rows(commit, name="batches")
        for _ in range(ROUNDS_OF_WARMTH):
            await measure_run(connection, rows, BATCHES[0], defaultdict(list))
        for _ in range(options.runs):
            await measure_run(connection, rows, options.rows, values)
        await connection.close()
    found = [_row(name, values) for name in values]
    large, small = (median(values[f"settlement CPU, batches of {size}"]) for size in BATCHES)
    return [*found, Row("200 at once, of 20 at once", "PostgreSQL's CPU a decision", large / small, "x")]


def _row(name: str, values: Values) -> Row:
    value, is_cpu = median(values[name]), "CPU" in name
    size = name.rpartition(" ")[2]
    bare = median(values[f"bare insert{' CPU' if is_cpu else ''}, batches of {size}"])
    if is_cpu:
        return Row(name, "PostgreSQL's CPU a decision", value, "µs", value / bare)
    return Row(name, "rows a second", value, "/s", value / bare)


async def _unsent(entries: Sequence[Entry]) -> None:
    """Nothing is sent: rows are only made."""


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rows", type=int, default=20_000, help="of each kind and run")
    arguments.add_argument("--runs", type=int, default=3)
    options = arguments.parse_args()
    publish(uvloop.run(measure(options)), TARGETS, options)


if __name__ == "__main__":
    main()
