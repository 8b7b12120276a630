"""The whole path under load: HTTP post, commit, stream, worker, settlement, beside an empty FastAPI post.

    python benchmarks/end_to_end.py [--runs 3] [--seconds 6] [--json FILE]

One api, one worker, one keeper and the embedded servers, started with `adjudge up`; keys, idempotency keys,
metrics, audit coin and trace context are on. A decision counts when its outcome row was written within the timed
window. Baselines and system alternate within each run, each answering the same bytes; medians are shown, and
`ratio` is the rate over that of the empty FastAPI post. Single posts with `Prefer: wait` are timed on an idle
system, 300 in each of five runs. At the end all that was accepted must be settled, nothing twice.
"""

import asyncio
from argparse import Namespace
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from load import messages, starting
from load.driving import drive
from load.generator import Order, Result
from load.ledger import Ledger
from load.messages import Template
from load.processes import by_role, cpu_seconds
from load.questions import TYPE, project_files
from load.report import Row, Target, median, parser, percentile, publish
from load.starting import HOST, Project

YARDSTICK: Final = "empty FastAPI POST @64"
CEILING: Final = "empty ASGI POST @64"
CONNECTIONS: Final = (1, 64, 256)
BULK_ITEMS: Final = 100
BULK_CONNECTIONS: Final = 8
WARM_SECONDS: Final = 2.0
WORKING: Final = ("api", "worker", "PostgreSQL", "Valkey")
IDLE_RUNS: Final = 5
IDLE_POSTS: Final = 300
IDLE_PAUSE_SECONDS: Final = 0.01
IDLE_WAIT_SECONDS: Final = 5
A_DAY: Final = 50_000

TARGETS: Final = (
    Target("single posts @64, of an empty FastAPI POST", "single posts settled @64", "ratio", ">=", 1.0, "x"),
    Target("single posts @256, of an empty FastAPI POST", "single posts settled @256", "ratio", ">=", 1.0, "x"),
    Target("bulk posts, of an empty FastAPI POST", "bulk posts settled", "ratio", ">=", 3.0, "x"),
    Target("a day of 50,000 through single posts", "50,000 decisions @64", "value", "<=", 15, "s"),
    Target("idle wait, median", "idle wait p50", "value", "<=", 8, "ms"),
    Target("idle wait, 99 of 100", "idle wait p99", "value", "<=", 25, "ms"),
    Target("accepted decisions lost", "decisions lost", "value", "<=", 0, ""),
    Target("decisions settled twice", "decisions settled twice", "value", "<=", 0, ""),
    Target("the load generator can do more", CEILING, "ratio", ">=", 1.5, "x"),
)


@dataclass(slots=True)
class Bench:
    """What is loaded, and what was found so far: a list of values by row."""

    ports: Mapping[str, int]
    project: Project
    ledger: Ledger
    seconds: float
    next: int = 1
    refused: int = 0
    values: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def load(self, template: Template, port: int, connections: int) -> Result:
        """Run a closed loop of so many connections."""
        return await self._drive(
            Order(
                host=HOST,
                port=port,
                template=template,
                first=self.next,
                connections=connections,
                warm_seconds=WARM_SECONDS,
                window_seconds=self.seconds,
            )
        )

    async def trickle(self, template: Template, port: int) -> Result:
        """Run posts one by one, with pauses."""
        return await self._drive(
            Order(
                host=HOST,
                port=port,
                template=template,
                first=self.next,
                connections=1,
                warm_seconds=0.5,
                window_seconds=60.0,
                pause_seconds=IDLE_PAUSE_SECONDS,
                most=IDLE_POSTS,
            )
        )

    async def _drive(self, order: Order) -> Result:
        result = await drive(order)
        self.next = result.next
        if order.port == self.project.port:
            self.ledger.accepted += result.accepted
            self.refused += result.refused
        return result


async def measure_baseline(bench: Bench, name: str) -> None:
    template = messages.single(TYPE, path="/empty", host=HOST, key=bench.project.key)
    result = await bench.load(template, bench.ports[name], 64)
    bench.values[name].append(result.rate)
    bench.values[f"load generator, {name}"].append(result.cpu_share)


async def measure_settled(bench: Bench, name: str, template: Template, connections: int) -> None:
    """Count outcome rows of the timed window; then let the rest be settled, so that it burdens nobody else."""
    before = by_role(bench.project.pid, cpu_seconds)
    result = await bench.load(template, bench.project.port, connections)
    await bench.ledger.drained()
    after = by_role(bench.project.pid, cpu_seconds)
    seconds = result.ended - result.began
    bench.values[name].append(await bench.ledger.settled(result.began, result.ended) / seconds)
    bench.values[f"{name}: latency"].append(percentile(result.latencies_ms, 0.5))
    for role in WORKING:
        bench.values[f"{name}: CPU of {role}"].append((after[role] - before[role]) / result.accepted * 1e6)


async def measure_run(bench: Bench) -> None:
    """Measure everything that is a rate, once."""
    await measure_baseline(bench, YARDSTICK)
    await measure_baseline(bench, CEILING)
    key = bench.project.key
    single = messages.single(TYPE, path="/v1/decisions", host=HOST, key=key)
    bulk = messages.bulk(TYPE, BULK_ITEMS, path="/v1/decisions/bulk", host=HOST, key=key)
    for connections in CONNECTIONS:
        await measure_settled(bench, f"single posts settled @{connections}", single, connections)
    await measure_settled(bench, "bulk posts settled", bulk, BULK_CONNECTIONS)


async def measure_idle(bench: Bench) -> None:
    """Time posts that wait for their outcome, and empty posts, on an idle system."""
    empty = messages.single(TYPE, path="/empty", host=HOST, key=bench.project.key)
    waiting = messages.single(
        TYPE, path="/v1/decisions", host=HOST, key=bench.project.key, wait_seconds=IDLE_WAIT_SECONDS
    )
    bare = await bench.trickle(empty, bench.ports[YARDSTICK])
    ours = await bench.trickle(waiting, bench.project.port)
    if set(ours.statuses) != {"200"}:
        raise RuntimeError(f"posts that wait ended without outcome: {ours.statuses}")
    bench.values["idle empty POST p50"].append(percentile(bare.latencies_ms, 0.5))
    bench.values["idle empty POST p99"].append(percentile(bare.latencies_ms, 0.99))
    bench.values["idle wait p50"].append(percentile(ours.latencies_ms, 0.5))
    bench.values["idle wait p99"].append(percentile(ours.latencies_ms, 0.99))


async def found(bench: Bench) -> list[Row]:
    """Return the rows: medians of all runs, and what the ledger says."""
    verdict = await bench.ledger.verdict()
    yardstick = median(bench.values[YARDSTICK])
    day = A_DAY / median(bench.values["single posts settled @64"])
    return [
        *(_row(name, median(values), yardstick) for name, values in bench.values.items()),
        Row("50,000 decisions @64", "time until settled", day, "s"),
        Row("posts refused", "warm-up included", bench.refused, ""),
        Row("decisions accepted", "all loads", verdict.accepted, ""),
        Row("decisions lost", "accepted, not settled", verdict.lost, ""),
        Row("decisions settled twice", "more than one final", verdict.twice, ""),
    ]


def _row(name: str, value: float, yardstick: float) -> Row:
    if name.startswith("load generator"):
        return Row(name, "CPU, share of a core", value, "")
    if "CPU of" in name:
        return Row(name, "CPU a decision", value, "µs")
    if name.startswith("idle") or name.endswith("latency"):
        return Row(name, "milliseconds to the answer", value, "ms")
    return Row(name, "settled a second" if "settled" in name else "answers a second", value, "/s", value / yardstick)


async def measure(options: Namespace) -> list[Row]:
    """Start everything, measure, and return the rows."""
    async with (
        starting.baseline("fastapi_post") as fastapi,
        starting.baseline("asgi_post") as asgi,
        starting.project_folder(project_files()) as folder,
        starting.up(folder) as project,
    ):
        connection = await asyncpg.connect(project.database_url, timeout=10)
        bench = Bench({YARDSTICK: fastapi, CEILING: asgi}, project, Ledger(connection), options.seconds)
        for _ in range(options.runs):
            await measure_run(bench)
        for _ in range(IDLE_RUNS):
            await measure_idle(bench)
        rows = await found(bench)
        await connection.close()
        return rows


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=6.0, help="length of each timed window")
    options = arguments.parse_args()
    publish(asyncio.run(measure(options)), TARGETS, options)


if __name__ == "__main__":
    main()
