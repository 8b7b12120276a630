"""The worker framework beside a bare loop and its peers: rates, latency when idle, CPU and memory.

    python benchmarks/streams.py [--messages 100000] [--runs 3] [--only PEER ...] [--environments DIR] [--json FILE]

All on one Valkey with its append-only file on, as `adjudge up` starts it, with the same 312-byte message, 32 handlers
at once (RQ has one) and no results. What was handled, and when, is noted by the handlers in a file of ours. The bare
loop (`baselines/streams_loop.py`) is what one would write by hand with the same client: no leases, no retries, no
recovery. Ours and the loop alternate `--runs` times, the peers run once each between them; medians are shown, and
`ratio` is to the loop of the same run. Each peer runs in an environment of its own, made by this script at the newest
release; one that cannot be installed or started is a missed aim.
"""

import asyncio
import tempfile
from argparse import Namespace
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contest.broker import Broker, a_broker
from contest.contestants import CONCURRENCY, Contestant, Failed, Scene, Worker, told, working
from contest.environments import DEFAULT_FOLDER, OURS, PEERS, NotInstalled, all_prepared
from load.report import Row, Target, median, parser, percentile, publish
from peers.effects import Effects

BARE, SINGLE, BATCH = "bare", "ours_single", "ours_batch"
CALLS: Final = 2_500
"""Messages published one a call."""
PEER_BULK: Final = 2_500
IDLE: Final = 300
IDLE_SECONDS: Final = 4.0
DRAIN_SECONDS: Final = 8.0
"""How long a peer may take; its rate is that of what it did."""
START_SECONDS: Final = 30.0
FIRST: Final = 1_000
"""Number of the first message of the drain; those below are of the idle part."""
WARM_SHARE: Final = 0.1
LESS_IS_BETTER: Final = ("idle p50", "idle p99", "CPU", "memory")
UNITS: Final = {
    "drain": ("messages handled a second", "/s"),
    "publish @1": ("one a call, one caller", "/s"),
    "publish @32": ("one a call, 32 callers", "/s"),
    "publish in bulk": ("500 a call", "/s"),
    "idle p50": ("from publish to handler", "ms"),
    "idle p99": ("from publish to handler", "ms"),
    "CPU": ("of the worker, a message", "µs"),
    "memory": ("of the worker, PSS", "MiB"),
}

Figures = dict[str, float]
"""By column."""


@dataclass(slots=True)
class Found:
    """What was measured, by contestant: one `Figures` a run; and who could not be measured, with the reason."""

    runs: defaultdict[str, list[Figures]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[str, str] = field(default_factory=dict)

    def figure(self, name: str, column: str) -> float | None:
        """Median of the runs."""
        values = [figures[column] for figures in self.runs[name] if column in figures]
        return median(values) if values else None

    def ratio(self, name: str, column: str) -> float | None:
        """To the bare loop: of the same run, where there are as many, else of all."""
        mine, bare = self.runs[name], self.runs[BARE]
        if not bare or column not in bare[0] or not mine or column not in mine[0]:
            return None
        if len(mine) == len(bare):
            return median([one[column] / other[column] for one, other in zip(mine, bare, strict=True)])
        return median([one[column] for one in mine]) / median([other[column] for other in bare])


async def perform(contestant: Contestant, broker: Broker, folder: Path, bulk: int) -> Figures:
    """Measure all columns of one contestant once. Raises Failed."""
    await broker.flush()
    scene = Scene(broker.url, folder)
    effects = scene.fresh(FIRST + 2 * CALLS + bulk)
    async with working(contestant, scene) as worker:  # first, so that its group is there when it is published to
        figures = await idle(contestant, scene, worker)
    figures |= await published(contestant, scene, bulk)
    count = 2 * CALLS + (bulk if "publish in bulk" in figures else 0)
    async with working(contestant, scene) as worker:
        return figures | await drained(worker, effects, count)


async def idle(contestant: Contestant, scene: Scene, worker: Worker) -> Figures:
    try:
        taken = (await told(contestant, scene, "idle", 1, IDLE, IDLE_SECONDS))["milliseconds"]
    except Failed as error:
        raise Failed(f"{error}\n{worker.last_words()}") from error
    return {"idle p50": percentile(taken, 0.5), "idle p99": percentile(taken, 0.99)}


async def published(contestant: Contestant, scene: Scene, bulk: int) -> Figures:
    one = await told(contestant, scene, "publish", FIRST, CALLS, 1)
    many = await told(contestant, scene, "publish", FIRST + CALLS, CALLS, CONCURRENCY)
    figures = {"publish @1": CALLS / one["seconds"], "publish @32": CALLS / many["seconds"]}
    together = await told(contestant, scene, "bulk", FIRST + 2 * CALLS, bulk)
    if "seconds" in together:
        figures["publish in bulk"] = bulk / together["seconds"]
    return figures


async def drained(worker: Worker, effects: Effects, count: int) -> Figures:
    """Watch a worker that starts before a full queue."""
    warm, warm_cpu = await reached(worker, effects, count, count * WARM_SHARE, START_SECONDS)
    done, cpu = await reached(worker, effects, count, count, DRAIN_SECONDS)
    times = effects.times(FIRST, count)
    return {
        "drain": (len(times) - 1) / (times[-1] - times[0]) * 1e9,
        "CPU": (cpu - warm_cpu) / max(1, done - warm) * 1e6,
        "memory": worker.memory(),
        "repeated": effects.twice(FIRST, count),
        "left": count - done,
    }


async def reached(
    worker: Worker, effects: Effects, count: int, wanted: float, longest_seconds: float
) -> tuple[int, float]:
    """Wait until so many were handled; how many were, and the worker's CPU time. Raises Failed if none was."""
    until = asyncio.get_running_loop().time() + longest_seconds
    while (done := effects.handled(FIRST, count)) < wanted:
        if asyncio.get_running_loop().time() > until or not worker.is_alive:
            break
        await asyncio.sleep(0.01)
    if not done:
        raise Failed(f"its worker handled nothing: {worker.last_words()}")
    return done, worker.cpu()


async def attempt(contestant: Contestant, broker: Broker, folder: Path, bulk: int, found: Found) -> None:
    """Measure once; a contestant that fails is noted, and the others go on."""
    try:
        found.runs[contestant.name].append(await perform(contestant, broker, folder, bulk))
    except Failed as error:
        found.failures[contestant.name] = str(error)
        print(f"{contestant.title} FAILED: {error}", flush=True)


async def measure(options: Namespace) -> tuple[list[Contestant], Found]:
    """Prepare and measure everyone."""
    wanted = [peer for peer in PEERS if options.only is None or peer.name in options.only]
    environments = await all_prepared([OURS, *wanted], options.environments)
    found, peers = Found(), []
    home = environments.pop(OURS.name)
    if isinstance(home, NotInstalled):
        raise SystemExit(f"no environment for ours: {home}")
    ours = [Contestant(name, home.python) for name in (BARE, SINGLE, BATCH)]
    for peer in wanted:
        environment = environments[peer.name]
        if isinstance(environment, NotInstalled):
            found.failures[peer.name] = str(environment)
        else:
            peers.append(Contestant(peer.name, environment.python, environment.version, peer.on_streams))
    with tempfile.TemporaryDirectory(prefix="adjudge-bench-") as folder:
        async with a_broker() as broker:
            for run in range(options.runs):
                for contestant in ours:
                    await attempt(contestant, broker, Path(folder), options.messages, found)
                for contestant in peers[run :: options.runs]:
                    await attempt(contestant, broker, Path(folder), PEER_BULK, found)
    return [*ours, *peers], found


def rows_of(contestants: Sequence[Contestant], found: Found) -> list[Row]:
    rows = []
    for contestant in contestants:
        for column, (metric, unit) in UNITS.items():
            value = found.figure(contestant.name, column)
            if value is not None:
                name = f"{contestant.title}: {column}"
                rows.append(Row(name, metric, value, unit, found.ratio(contestant.name, column)))
    for name in (SINGLE, BATCH):
        amiss = sum(figures["repeated"] + figures["left"] for figures in found.runs[name])
        rows.append(Row(f"{name}: amiss", "left over or handled twice", amiss, ""))
    return rows


def against_peers(contestants: Sequence[Contestant], found: Found) -> list[Row]:
    """By column: the best peer, and how many times better ours is, one message a call."""
    peers = [contestant for contestant in contestants if contestant.version]
    on_streams = [peer for peer in peers if peer.on_streams]
    rows = [_duel("drain", "the best on streams: drain", on_streams, found)]
    rows += [_duel(column, f"the best peer: {column}", peers, found) for column in UNITS]
    return [row for row in rows if row]


def _duel(column: str, name: str, peers: Sequence[Contestant], found: Found) -> Row | None:
    values = {peer.title: value for peer in peers if (value := found.figure(peer.name, column)) is not None}
    ours = found.figure(SINGLE, column)
    if not values or ours is None:
        return None
    less = column in LESS_IS_BETTER
    title = (min if less else max)(values, key=values.__getitem__)
    best = values[title]
    return Row(name, title, best, UNITS[column][1], best / ours if less else ours / best)


def ran(options: Namespace, found: Found) -> list[Row]:
    names = [peer.name for peer in PEERS if options.only is None or peer.name in options.only]
    return [
        Row(f"{name}: ran", found.failures.get(name, "")[-60:] or "1: yes", name not in found.failures, "")
        for name in names
    ]


def targets(found: Sequence[Row]) -> list[Target]:
    return [
        Target("single, of the bare loop", f"{SINGLE}: drain", "ratio", ">=", 0.6, "x"),
        Target("batch, of the bare loop", f"{BATCH}: drain", "ratio", ">=", 0.8, "x"),
        Target("drain, of the best peer on streams", "the best on streams: drain", "ratio", ">=", 10, "x"),
        Target("idle p50, of the bare loop", f"{SINGLE}: idle p50", "ratio", "<=", 2, "x"),
        *(
            Target(f"ahead of every peer: {column}", f"the best peer: {column}", "ratio", ">=", 1, "x")
            for column in UNITS
        ),
        *(
            Target(f"{name}: nothing left or repeated", f"{name}: amiss", "value", "<=", 0, "")
            for name in (SINGLE, BATCH)
        ),
        *(Target(row.name, row.name, "value", ">=", 1, "") for row in found if row.name.endswith(": ran")),
    ]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--messages", type=int, default=100_000, help="for ours and the loop; peers get 7,500")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--only", nargs="*", metavar="PEER", help="these peers; without a name: none")
    arguments.add_argument("--environments", type=Path, default=DEFAULT_FOLDER, help="where the peers are installed")
    options = arguments.parse_args()
    contestants, found = asyncio.run(measure(options))
    rows = [*rows_of(contestants, found), *against_peers(contestants, found), *ran(options, found)]
    publish(rows, targets(rows), options)


if __name__ == "__main__":
    main()
