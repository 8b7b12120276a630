"""How long `adjudge up` takes until it takes questions: in a new folder, and again in the same one.

    python benchmarks/startup.py [--runs 5] [--json FILE]

From the start of the process until it says that it is ready: embedded PostgreSQL and Valkey, schema, api, worker,
keeper. Cold makes the data folders; files of the programs themselves may be in the page cache. The baseline is the
empty FastAPI application, until its port answers.
"""

import asyncio
from argparse import Namespace
from collections import defaultdict
from typing import Final

from load import starting
from load.questions import project_files
from load.report import Row, Target, median, parser, publish

BASELINE: Final = "empty FastAPI application"

TARGETS: Final = (
    Target("cold start with embedded servers", "adjudge up, cold", "value", "<=", 10, "s"),
    Target("warm start", "adjudge up, warm", "value", "<=", 4, "s"),
)


async def measure(options: Namespace) -> list[Row]:
    """Start everything again and again; return medians."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    clock = asyncio.get_running_loop().time
    for _ in range(options.runs):
        began = clock()
        async with starting.baseline("fastapi_post"):
            values[BASELINE].append(clock() - began)
        async with starting.project_folder(project_files()) as folder:
            for name in ("adjudge up, cold", "adjudge up, warm"):
                began = clock()
                async with starting.up(folder):
                    values[name].append(clock() - began)
    baseline = median(values[BASELINE])
    return [Row(name, "until it answers", median(each), "s", median(each) / baseline) for name, each in values.items()]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--runs", type=int, default=5)
    options = arguments.parse_args()
    publish(asyncio.run(measure(options)), TARGETS, options)


if __name__ == "__main__":
    main()
