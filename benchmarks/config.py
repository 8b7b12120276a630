"""What configuration costs a process: compiling it, looking up a plan in it, holding it.

    python benchmarks/config.py [--locations 1000] [--types 20] [--runs 3] [--publishes 10] [--json FILE]

A fleet of locations in 3 chains, 4 regions and 6 formats, each with attributes and tags of its own; every format lays
its own plans over the organisation's, routes go by tag, and campuses have peak hours. Compiling is measured in this
process, memory in processes of their own: one compiles the fleet, one a single location. Plans are looked up where no
route needs the question, with schedules and without. At last benchmarks/publishing.py: a change on its way.
"""

import asyncio
import gc
import itertools
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import publishing
from adjudge.config import Configuration, Request
from load.fleets import compiled, fleet
from load.report import Row, Target, median, parser, publish

COMPILE: Final = "compile the fleet"
PLAIN: Final = "look up a plan"
TIMED: Final = "look up a plan, with schedules"
MEMORY: Final = "memory above that of one location"
LOOKED_UP: Final = 200_000
HERE: Final = Path(__file__).parent
WEEKDAY: Final = datetime(2026, 3, 3, 17, 30, tzinfo=UTC)

TARGETS: Final = (
    Target("compile in the background", COMPILE, "value", "<=", 2, "s"),
    Target("look up a plan", PLAIN, "value", "<=", 2, "us"),
    Target("look up a plan, with schedules", TIMED, "value", "<=", 2, "us"),
    Target("memory for the fleet above one location", MEMORY, "value", "<=", 40, "MiB"),
    *publishing.TARGETS,
)


def seconds(act: Callable[[], object], runs: int) -> float:
    """Return the median time of a process at work."""
    found = []
    for _ in range(runs):
        gc.collect()
        began = time.process_time()
        act()
        found.append(time.process_time() - began)
    return median(found)


def microseconds_a_look_up(configuration: Configuration, locations: list[str], types: int) -> float:
    """Return the time of one look-up of the plan of a question, what the loop itself takes taken off."""
    request = Request(WEEKDAY)
    pairs = list(
        itertools.islice(itertools.cycle((name, f"t{n}") for name in locations for n in range(types)), LOOKED_UP)
    )
    way = configuration.way
    began = time.process_time()
    for location, kind in pairs:
        way(location, kind, request)
    whole = time.process_time() - began
    began = time.process_time()
    for location, kind in pairs:
        len((location, kind))
    return (whole - (time.process_time() - began)) / LOOKED_UP * 1e6


def held_mib(locations: int, types: int) -> float:
    """Return what a process holds that has compiled the fleet."""
    command = [sys.executable, "-m", "load.fleets", str(locations), str(types)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120, cwd=HERE).stdout)


async def measure(options: Namespace) -> list[Row]:
    return [*of_one_process(options), *await publishing.measure(options)]


def of_one_process(options: Namespace) -> Iterator[Row]:
    documents = fleet(options.locations, options.types)
    took = seconds(lambda: compiled(documents), options.runs)
    yield Row(COMPILE, f"CPU, {options.locations} x {options.types} types", took, "s")
    configuration = compiled(documents)
    timed = [name for name, site in configuration.sites.items() if site.scheduled]
    plain = [name for name, site in configuration.sites.items() if not site.scheduled]
    for name, locations in ((PLAIN, plain), (TIMED, timed)):
        found = [microseconds_a_look_up(configuration, locations, options.types) for _ in range(options.runs)]
        yield Row(name, "median of runs", median(found), "us")
    del configuration
    one = median([held_mib(1, options.types) for _ in range(options.runs)])
    many = median([held_mib(options.locations, options.types) for _ in range(options.runs)])
    yield Row("memory with one location", "private", one, "MiB")
    yield Row(MEMORY, "private", many - one, "MiB", ratio=many / one)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--locations", type=int, default=1_000)
    arguments.add_argument("--types", type=int, default=20)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--publishes", type=int, default=10)
    options = arguments.parse_args()
    publish(asyncio.run(measure(options)), TARGETS, options)


if __name__ == "__main__":
    main()
