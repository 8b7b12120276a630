"""Decisions a second that `adjudge export` writes as a labelled set, and what it holds in memory, beside a bare COPY.

    python benchmarks/export.py [--exported 1000000] [--json FILE]

Some decisions are asked and settled as the system does it, then copied inside the database under new ids until there
are enough. The export runs twice, as users run it: over a tenth of them, and over all; memory is the peak of the whole
process. The bare COPY reads the same rows as CSV, puts nothing together and writes nothing.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import uvloop

from adjudge.engine.intake.group_commit import GroupCommit
from adjudge.store import intake, outcomes
from adjudge.streams import Entry
from load.inside import Rows, connected, database
from load.questions import TYPE
from load.report import Row, Target, parser, publish

SEEDED: Final = 20
"""Of so many decisions one is asked and settled as the system does it, in what the first export reads."""
BATCH: Final = 200
KEY_WINDOW: Final = timedelta(days=1)
RESEND: Final = timedelta(seconds=5)
COPY_SECONDS: Final = 600.0
COPIED: Final = ("decision", "outcome")
MILLION: Final = "a million decisions"
MEMORY: Final = "memory of the export, all"
TARGETS: Final = (
    Target("export of a million decisions", MILLION, "value", "<=", 60, "s"),
    Target("memory of ten times as many", MEMORY, "ratio", "<=", 1.2, "x"),
    Target("decisions not exported", "decisions not exported", "value", "<=", 0, ""),
)

# a twin's id keeps the time of its origin, and with it the partition
TWIN: Final = "overlay({id}::text placing substr(md5({id}::text || '{salt}'), 1, 12) from 25)::uuid"


async def settle(connection: Any, count: int) -> None:
    """Ask and settle so many decisions."""
    rows = Rows(GroupCommit(_never, key_window_seconds=1, rng=random.Random(1), publish=_unsent), name="export")
    for start in range(0, count, BATCH):
        made = [rows.asked() for _ in range(min(BATCH, count - start))]
        new = sorted((row for row, _ in made), key=lambda row: row.lock_key)
        await intake.insert(connection, new, KEY_WINDOW, RESEND)
        await outcomes.settle(connection, [rows.settled(decision) for _, decision in made])


async def multiply(connection: Any, times: int) -> None:
    """Copy all that is there until there are so many times as many."""
    await connection.execute("CREATE TEMPORARY TABLE seed AS SELECT id FROM decision")
    for nth in range(1, times):
        for table in COPIED:
            await connection.execute(await _copying(connection, table, f"{nth} of {times}"), timeout=COPY_SECONDS)
    await connection.execute("DROP TABLE seed; ANALYZE decision, outcome")


async def _copying(connection: Any, table: str, salt: str) -> str:
    """Return the statement that copies the seeds of a table under other ids."""
    key = "id" if table == "decision" else "decision_id"
    names = "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped"
    columns = [row["attname"] for row in await connection.fetch(names, table)]
    kept = ", ".join(name for name in columns if name not in (key, "number", "xid"))
    twin = TWIN.format(id=key, salt=salt)
    return (
        f"INSERT INTO {table} ({key}, {kept}) SELECT {twin}, {kept} FROM {table} WHERE {key} IN (SELECT id FROM seed)"
    )


async def copied(connection: Any) -> float:
    """Return the seconds that a bare COPY of the same rows takes."""
    began = asyncio.get_running_loop().time()
    query = "SELECT * FROM decision JOIN outcome ON outcome.decision_id = decision.id"
    await connection.copy_from_query(query, output=_drop, format="csv", timeout=COPY_SECONDS)
    return asyncio.get_running_loop().time() - began


@dataclass(frozen=True, slots=True)
class Exported:
    """What one run of `adjudge export` did."""

    decisions: int
    seconds: float
    cpu_seconds: float
    peak_mib: float


def exported(url: str) -> Exported:
    """Run `adjudge export` as users do."""
    with tempfile.TemporaryDirectory(prefix="adjudge-bench-") as folder:
        said = Path(folder) / "said.json"
        command = [sys.executable, "-m", "adjudge", "export", "--type", TYPE, "--out", f"{folder}/set", "--json"]
        began = time.monotonic()
        with said.open("wb") as output:
            process = subprocess.Popen(command, env=os.environ | {"DATABASE_URL": url}, stdout=output)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"`adjudge export` ended with {process.returncode}")
        return Exported(
            decisions=json.loads(said.read_text())["decisions"],
            seconds=time.monotonic() - began,
            cpu_seconds=used.ru_utime + used.ru_stime,
            peak_mib=used.ru_maxrss / 1024,
        )


async def measure(options: Namespace) -> list[Row]:
    """Export a tenth, then all; return the rows."""
    async with database() as url:
        connection = await connected(url)
        await settle(connection, max(1, options.exported // (SEEDED * 10)))
        await multiply(connection, SEEDED)
        tenth = await asyncio.to_thread(exported, url)
        await multiply(connection, 10)
        bare = await copied(connection)
        total = await connection.fetchval("SELECT count(*) FROM decision")
        await connection.close()
        found = await asyncio.to_thread(exported, url)
    return [
        Row("COPY, bare", "a second", total / bare, "/s"),
        Row("export, a tenth", "a second", tenth.decisions / tenth.seconds, "/s"),
        Row("export, all", "a second", found.decisions / found.seconds, "/s", bare / found.seconds),
        Row(MILLION, f"of {total:,}", 1e6 * found.seconds / found.decisions, "s"),
        Row("CPU of the export", "a decision", 1e6 * found.cpu_seconds / found.decisions, "us"),
        Row("memory of the export, a tenth", "peak", tenth.peak_mib, "MiB"),
        Row(MEMORY, "peak", found.peak_mib, "MiB", found.peak_mib / tenth.peak_mib),
        Row("decisions not exported", f"of {total:,}", total - found.decisions, ""),
    ]


async def _drop(_: bytes) -> None:
    """A COPY needs somewhere to write to."""


async def _unsent(entries: Sequence[Entry]) -> None:
    """Nothing is asked: rows are only made."""


async def _never() -> Any:
    raise AssertionError("rows are put in by hand")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--exported", type=int, default=1_000_000, help="decisions in the record")
    options = arguments.parse_args()
    publish(uvloop.run(measure(options)), TARGETS, options)


if __name__ == "__main__":
    main()
