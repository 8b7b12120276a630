"""What each process holds while a day of 50,000 decisions runs through, one in forty answered by people.

    python benchmarks/memory.py [--decisions 50000] [--json FILE]

Bulk and single posts in turn; reviewers claim and answer over HTTP. Memory is the proportional set size (PSS) of
every process below `adjudge up`: private pages and a fair share of shared ones. It is read at the start, after the
first 10,000, halfway and at the end, each time when all is settled; `ratio` is to that after the first 10,000, when
caches and pools have their size.
"""

import asyncio
from argparse import Namespace
from collections.abc import Mapping
from typing import Final

import asyncpg

from load import messages, starting
from load.driving import drive
from load.generator import Order
from load.ledger import Ledger
from load.processes import ROLES, by_role, memory_mib
from load.questions import TYPE, project_files
from load.report import Row, Target, parser, publish
from load.reviewers import at_work
from load.starting import HOST, Project

PEOPLE: Final = 4
BULK_ITEMS: Final = 100
SINGLES: Final = 1_000
"""Sent singly between two lots of bulk posts."""
WARM: Final = 10_000
LONGEST_SECONDS: Final = 120.0

Memory = Mapping[str, float]

TARGETS: Final = (
    *(Target(f"memory of {role}", f"{role}, at the end", "value", "<=", 120, "MiB") for role in ROLES),
    *(Target(f"growth of {role} after 10,000", f"{role}, at the end", "ratio", "<=", 1.1, "x") for role in ROLES),
    Target("accepted decisions lost", "decisions lost", "value", "<=", 0, ""),
    Target("decisions settled twice", "decisions settled twice", "value", "<=", 0, ""),
)


class Sender:
    """Sends singles and bulks in turn."""

    def __init__(self, project: Project, ledger: Ledger) -> None:
        self._project, self._ledger = project, ledger
        self._next = 1
        self._single = messages.single(TYPE, path="/v1/decisions", host=HOST, key=project.key)
        self._bulk = messages.bulk(TYPE, BULK_ITEMS, path="/v1/decisions/bulk", host=HOST, key=project.key)

    async def send_until(self, decisions: int) -> None:
        """Send until so many have been accepted in all, and all of them are settled."""
        while self._ledger.accepted < decisions:
            await self._post(self._single, 16, SINGLES)
            await self._post(self._bulk, 2, SINGLES // BULK_ITEMS)
            await self._ledger.drained()

    async def _post(self, template: messages.Template, connections: int, requests: int) -> None:
        result = await drive(
            Order(
                host=HOST,
                port=self._project.port,
                template=template,
                first=self._next,
                connections=connections,
                warm_seconds=0.0,
                window_seconds=LONGEST_SECONDS,
                most=requests,
            )
        )
        self._next = result.next
        self._ledger.accepted += result.accepted


async def measure(options: Namespace) -> list[Row]:
    """Run the day through; return memory by role and moment."""
    moments: dict[str, Memory] = {}
    stops = {"after 10,000": WARM, "halfway": options.decisions // 2, "at the end": options.decisions}
    async with (
        starting.project_folder(project_files(decider="often_sure", deadline="24h")) as folder,
        starting.up(folder) as project,
    ):
        connection = await asyncpg.connect(project.database_url, timeout=10)
        ledger = Ledger(connection)
        async with at_work(project, PEOPLE):
            moments["at the start"] = by_role(project.pid, memory_mib)
            sender = Sender(project, ledger)
            for name, decisions in stops.items():
                await sender.send_until(decisions)
                moments[name] = by_role(project.pid, memory_mib)
        verdict = await ledger.verdict()
        people = await connection.fetchval("SELECT count(*) FROM outcome WHERE source = 'reviewer'")
        await connection.close()
    return [
        *_rows(moments),
        Row("decisions accepted", "bulk and single", verdict.accepted, ""),
        Row("decisions by people", "votes over HTTP", people, ""),
        Row("decisions lost", "accepted, not settled", verdict.lost, ""),
        Row("decisions settled twice", "more than one final", verdict.twice, ""),
    ]


def _rows(moments: Mapping[str, Memory]) -> list[Row]:
    warm = moments["after 10,000"]
    return [
        Row(f"{role}, {moment}", "proportional set size", memory[role], "MiB", memory[role] / warm[role])
        for role in warm
        for moment, memory in moments.items()
    ]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--decisions", type=int, default=50_000)
    options = arguments.parse_args()
    publish(asyncio.run(measure(options)), TARGETS, options)


if __name__ == "__main__":
    main()
