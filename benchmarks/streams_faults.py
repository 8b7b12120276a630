"""What becomes of messages when something breaks: ours and the peers, side by side.

    python benchmarks/streams_faults.py [--only NAME ...] [--faults NAME ...] [--watch 40] [--json FILE]

Each cell has a fresh Valkey (append-only file on), a worker with its defaults, and a load of about ten seconds: 32
handlers of a quarter of a second (RQ has one). The fault comes two seconds into it; a few more messages are
published once the world is well again, and all is watched until it is done, at most `--watch` seconds. Effects
are noted by the handlers in a file. A worker that ends by itself is not started again; one that is killed is.

A contestant survives a fault if its worker lives and every message was handled. `missing` counts those that were not
within the watch: lost, or due after some longer time-out of the peer's. `resumed` is the longest time without a
handled message from the fault on (where the broker is away: from its return); it is left out where nothing followed.
A whole run takes about half an hour: a peer that stalls is watched to the end.
"""

import asyncio
import tempfile
import time
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from contest.broker import Broker, a_broker
from contest.contestants import CONCURRENCY, Contestant, Failed, Scene, Worker, poised, start, told
from contest.environments import DEFAULT_FOLDER, OURS, PEERS, NotInstalled, all_prepared
from contest.relay import Relay, a_relay
from load.report import Row, Target, parser, publish
from peers.effects import Effects

HANDLER_SECONDS: Final = 0.25
LOAD_SECONDS: Final = 10.0
BEFORE_SECONDS: Final = 2.0
AWAY_SECONDS: Final = 3.0
FROZEN_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 1.0
CUTS: Final = 5
AFTER: Final = 20
FRESH: Final = 100
"""Messages published right after a flush."""
FIRST: Final = 10
SOCKET_SECONDS: Final = 2.0
"""Ours: the default `timeout_seconds` of its connections."""
ONE_AT_A_TIME: Final = ("rq",)
NAME: Final = "ours_single"


@dataclass(slots=True)
class Stage:
    """What a fault acts upon."""

    contestant: Contestant
    scene: Scene
    broker: Broker
    relay: Relay
    worker: Worker

    async def replace_worker(self) -> None:
        """Kill it with all it has in hand; start another."""
        self.worker.kill()
        await self.worker.stop()
        self.worker = await start(self.contestant, self.scene)


async def killed_worker(stage: Stage) -> None:
    await stage.replace_worker()


async def cut_connections(stage: Stage) -> None:
    for _ in range(CUTS):
        await stage.broker.cut()
        await asyncio.sleep(1.0)


async def killed_broker(stage: Stage) -> None:
    await stage.broker.kill()
    await asyncio.sleep(AWAY_SECONDS)
    await stage.broker.start()


async def flushed(stage: Stage) -> None:
    await stage.broker.flush()


async def half_open(stage: Stage) -> None:
    await stage.relay.silence(SILENT_SECONDS)


async def frozen_broker(stage: Stage) -> None:
    stage.broker.freeze()
    await asyncio.sleep(FROZEN_SECONDS)
    stage.broker.thaw()


FAULTS: Final[Mapping[str, Callable[[Stage], Awaitable[None]]]] = {
    "kill -9": killed_worker,
    "CLIENT KILL x5": cut_connections,
    "broker killed": killed_broker,
    "FLUSHALL": flushed,
    "half-open": half_open,
    "SIGSTOP of broker": frozen_broker,
}
"""Each brings the fault about and ends when the world is well again."""

AWAY: Final = ("broker killed", "SIGSTOP of broker")
"""Faults during which nobody can work; silence is counted from their end, else from their beginning."""


@dataclass(frozen=True, slots=True)
class Cell:
    """How one contestant bore one fault."""

    survived: bool
    missing: int
    twice: int
    resumed_seconds: float | None
    note: str = ""


async def cell(contestant: Contestant, fault: str, watch_seconds: float) -> Cell:
    """Run one. Raises Failed when the worker does not work even before the fault."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="adjudge-bench-"))
        broker = await stack.enter_async_context(a_broker())
        relay, url = await stack.enter_async_context(a_relay(broker.port))
        scene = Scene(url if fault == "half-open" else broker.url, Path(folder), HANDLER_SECONDS)
        direct = Scene(broker.url, Path(folder), HANDLER_SECONDS)
        effects = scene.fresh(10_000)
        stage = Stage(contestant, scene, broker, relay, await start(contestant, scene))
        try:
            await told(contestant, direct, "idle", 1, 1, 1.0)
            return await suffered(stage, direct, effects, fault, watch_seconds)
        finally:
            await stage.worker.stop()


async def suffered(stage: Stage, direct: Scene, effects: Effects, fault: str, watch_seconds: float) -> Cell:
    """Load, fault, and the time after it."""
    at_once = 1 if stage.contestant.name in ONE_AT_A_TIME else CONCURRENCY
    load = 0 if fault == "FLUSHALL" else round(LOAD_SECONDS / HANDLER_SECONDS * at_once)
    after = AFTER if load else FRESH
    if load:
        await told(stage.contestant, direct, "publish", FIRST, load, CONCURRENCY)
        await asyncio.sleep(BEFORE_SECONDS)
        if not effects.handled(FIRST, load):
            raise Failed(f"{stage.contestant.title} handled nothing before the fault: {stage.worker.last_words()}")
        if effects.handled(FIRST, load) > load / 2:  # a fault that hits an idle worker shows nothing
            raise Failed(f"{stage.contestant.title} had done most of the load before the fault")
    # Right behind a flush comes whoever is connected already; the other faults cut such connections or need no haste.
    order = (stage.contestant, direct, FIRST + load, after, 1)
    follow_up = await poised(*order) if fault == "FLUSHALL" else lambda: told(*order[:2], "publish", *order[2:])
    began = time.monotonic_ns()
    await FAULTS[fault](stage)
    since = time.monotonic_ns() if fault in AWAY else began
    try:
        await follow_up()
    except Failed as error:
        return Cell(False, load + after - effects.handled(FIRST, load + after), 0, None, f"cannot publish: {error}")
    await done(effects, load + after, stage, watch_seconds)
    missing = load + after - effects.handled(FIRST, load + after)
    resumed = longest_silence(effects.times(FIRST, load + after), since)
    note = "" if stage.worker.is_alive else f"worker ended: {stage.worker.last_words()[-200:]}"
    return Cell(
        survived=stage.worker.is_alive and not missing,
        missing=missing,
        twice=effects.twice(FIRST, load + after),
        resumed_seconds=resumed,
        note=note,
    )


async def done(effects: Effects, count: int, stage: Stage, watch_seconds: float) -> None:
    """Return when all is handled, nothing more can be, or the time is up."""
    until = asyncio.get_running_loop().time() + watch_seconds
    while effects.handled(FIRST, count) < count and stage.worker.is_alive:
        if asyncio.get_running_loop().time() > until:
            return
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)  # what is run twice may come a little later


def longest_silence(times: Sequence[int], since: int) -> float | None:
    """Return the seconds of the longest gap between handled messages from `since` on; None when none followed."""
    marks = [since, *(at for at in times if at > since)]
    if len(marks) == 1:
        return None
    return max(later - earlier for earlier, later in pairwise(marks)) / 1e9


async def measure(options: Namespace) -> tuple[dict[tuple[str, str], Cell], dict[str, str]]:
    """Return the cells, by contestant and fault, and who could not be started."""
    names = [name for name in (NAME, *(peer.name for peer in PEERS)) if not options.only or name in options.only]
    wanted = [peer for peer in PEERS if peer.name in names]
    environments = await all_prepared([OURS, *wanted], options.environments)
    cells: dict[tuple[str, str], Cell] = {}
    failures: dict[str, str] = {}
    for name in names:
        environment = environments[OURS.name if name == NAME else name]
        if isinstance(environment, NotInstalled):
            failures[name] = str(environment)
            continue
        contestant = Contestant(name, environment.python, "" if name == NAME else environment.version)
        for fault in options.faults:
            try:
                cells[name, fault] = await cell(contestant, fault, options.watch)
                print(f"{name:12} {fault:18} {cells[name, fault]}", flush=True)
            except Failed as error:
                failures[name] = str(error)
                print(f"{name:12} {fault:18} FAILED {error}", flush=True)
    return cells, failures


def rows_of(cells: Mapping[tuple[str, str], Cell], failures: Mapping[str, str]) -> list[Row]:
    rows = []
    for (name, fault), found in cells.items():
        row = f"{name}, {fault}"
        rows.append(Row(f"{row}: survived", "alive and nothing missing", found.survived, ""))
        rows.append(Row(f"{row}: missing", "not handled within the watch", found.missing, ""))
        rows.append(Row(f"{row}: twice", "handled more than once", found.twice, ""))
        if found.resumed_seconds is not None:
            rows.append(Row(f"{row}: resumed", "longest silence", found.resumed_seconds, "s"))
    rows += [Row(f"{name}: ran", "in all cells", name not in failures, "") for name in _names(cells, failures)]
    return rows


def targets(cells: Mapping[tuple[str, str], Cell], failures: Mapping[str, str], faults: Sequence[str]) -> list[Target]:
    wanted = []
    for fault in faults:
        wanted.append(Target(f"ours survives {fault}", f"{NAME}, {fault}: survived", "value", ">=", 1, ""))
        wanted.append(Target(f"nothing lost through {fault}", f"{NAME}, {fault}: missing", "value", "<=", 0, ""))
    if "half-open" in faults:
        bound = 2 * SOCKET_SECONDS
        wanted.append(Target("half-open: resumed", f"{NAME}, half-open: resumed", "value", "<=", bound, "s"))
    wanted += [Target(f"{name}: ran", f"{name}: ran", "value", ">=", 1, "") for name in _names(cells, failures)]
    return wanted


def side_by_side(cells: Mapping[tuple[str, str], Cell], faults: Sequence[str]) -> str:
    """Return the table people read: seconds, missing, twice; a dash where nothing came back."""
    lines = [f"{'':14}" + "".join(f"{fault:>22}" for fault in faults)]
    names = dict.fromkeys(name for name, _ in cells)
    lines += [f"{name:14}" + "".join(f"{_short(cells.get((name, fault))):>22}" for fault in faults) for name in names]
    return "\n".join([*lines, "", "seconds to resume, missing, run twice; * worker not alive or something missing"])


def _short(found: Cell | None) -> str:
    if found is None:
        return "failed"
    seconds = "-" if found.resumed_seconds is None else f"{found.resumed_seconds:.1f}s"
    return f"{'' if found.survived else '* '}{seconds} {found.missing} {found.twice}"


def _names(cells: Mapping[tuple[str, str], Cell], failures: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys([*(name for name, _ in cells), *failures]))


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", nargs="+", metavar="NAME", help=f"these of {NAME} and the peers")
    arguments.add_argument("--faults", nargs="+", choices=tuple(FAULTS), default=tuple(FAULTS))
    arguments.add_argument("--watch", type=float, default=40.0, help="seconds after each fault")
    arguments.add_argument("--environments", type=Path, default=DEFAULT_FOLDER, help="where the peers are installed")
    options = arguments.parse_args()
    cells, failures = asyncio.run(measure(options))
    print(side_by_side(cells, options.faults))
    publish(rows_of(cells, failures), targets(cells, failures, options.faults), options)


if __name__ == "__main__":
    main()
