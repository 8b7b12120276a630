"""How soon a change holds everywhere, and what taking it over costs whoever asks meanwhile.

    python benchmarks/publishing.py [--publishes 10] [--json FILE]

One project with one API, two workers and a keeper on embedded servers. A steady caller asks; meanwhile configurations
are published, each with another threshold, and their receipts awaited; then switches are thrown. At last revisions of
1,000 locations are taken over, one after the other, while the caller's latency is watched, beside its latency when
nothing changes.
"""

import asyncio
import time
from argparse import Namespace
from typing import Final

import httpx

from load import starting
from load.report import Row, Target, median, parser, percentile, publish
from load.starting import Project

RECEIVED: Final = "publish to last receipt"
THROWN: Final = "switch to a decision under it"
BUSY: Final = "API p99 while 1,000 locations are taken over"
FAILED: Final = "requests that failed meanwhile"
TARGETS: Final = (
    Target("publish to last receipt, 4 processes, under load", RECEIVED, "value", "<=", 1, "s"),
    Target("API p99 while compiling, to idle p99", BUSY, "ratio", "<=", 2, "x"),
    Target("kill switch to a decision under it", THROWN, "value", "<=", 1, "s"),
    Target("requests that failed while changes were published", FAILED, "value", "<=", 0, ""),
)
PROCESSES: Final = 4
PACE_SECONDS: Final = 0.01
ASKED_SECONDS: Final = 0.1
"""Between two looks at the receipts of a large revision: as `adjudge config apply --wait` looks. Oftener, it would be
the looking that the caller waits for."""
LOCATIONS: Final = 1_000
TAKEN_OVER: Final = 5
"""Revisions of so many locations: one is over before there is a hundredth request."""
CONFIG: Final = """
types: {{claim.pay: {{answers: [pay, refuse]}}}}
deciders: {{quick@1: {{python: "deciders:quick"}}}}
plans:
  claims:
    stages: [{{ask: quick@1, accept: {{by_hand: "confidence >= {threshold}"}}}}]
    fallback: {{answer: refuse}}
routes: [{{type: claim.pay, plan: claims}}]
locations:
{locations}
"""
MODEL: Final = """
def quick(questions):
    return [{"pay": 0.99, "refuse": 0.01} for _ in questions]
"""


def document(threshold: float, locations: int = 1) -> str:
    """Return a configuration; each location has attributes of its own."""
    named = "\n".join(f"  store-{n:04}: {{attributes: {{size: {n}}}}}" for n in range(locations))
    return CONFIG.format(threshold=threshold, locations=named)


class Caller:
    """Asks at an even pace, and knows how long each answer took."""

    def __init__(self, project: Project) -> None:
        self._client = httpx.AsyncClient(
            base_url=project.url, timeout=10, headers={"Authorization": f"Bearer {project.key}"}
        )
        self.seconds: list[float] = []
        self.failed = 0

    async def run(self) -> None:
        async with self._client:
            while True:
                began = time.perf_counter()
                answer = await self._client.post(
                    "/v1/decisions", json={"type": "claim.pay", "location": "store-0000", "evidence": {}}
                )
                self.failed += answer.status_code not in (200, 202)
                self.seconds.append(time.perf_counter() - began)
                await asyncio.sleep(PACE_SECONDS)

    def taken(self) -> list[float]:
        """Return what has come since this was called last."""
        taken, self.seconds = self.seconds, []
        return taken


async def measured(project: Project, publishes: int) -> list[Row]:
    """Return every figure; of what is bounded, the worst."""
    caller = Caller(project)
    headers = {"Authorization": f"Bearer {project.key}", "If-Match": "*"}
    async with httpx.AsyncClient(base_url=project.url, timeout=60, headers=headers) as client:
        asking = asyncio.create_task(caller.run())
        await asyncio.sleep(2)
        caller.taken()
        await asyncio.sleep(4)
        idle = percentile(caller.taken(), 0.99)
        received = [await published(client, document(0.5 + n / 1000)) for n in range(publishes)]
        thrown = [await switched(client, on=bool(n % 2)) for n in range(publishes)]
        caller.taken()
        large = [await published(client, document(0.9 + n / 1000, LOCATIONS), ASKED_SECONDS) for n in range(TAKEN_OVER)]
        busy = percentile(caller.taken(), 0.99)
        asking.cancel()
    return [
        Row(RECEIVED, "worst", max(received), "s"),
        Row("publish to last receipt, median", "median", median(received), "s"),
        Row("publish 1,000 locations to last receipt", "median", median(large), "s"),
        Row("API p99 idle", "one caller", 1000 * idle, "ms"),
        Row(BUSY, "one caller", 1000 * busy, "ms", busy / idle),
        Row(THROWN, "worst", max(thrown), "s"),
        Row(FAILED, "sum", caller.failed, ""),
    ]


async def published(client: httpx.AsyncClient, text: str, every: float = 0.01) -> float:
    """Publish; return the seconds until every live process has its receipt. `every`: seconds between two looks."""
    began = time.perf_counter()
    answer = await client.post("/v1/config/revisions", json={"documents": {"config/all.yaml": text}})
    answer.raise_for_status()
    number = answer.json()["number"]
    while True:
        told = (await client.get("/v1/config/receipts", params={"revision": number})).json()
        if told["complete"] and told["live"] >= PROCESSES:
            return time.perf_counter() - began
        await asyncio.sleep(every)


async def switched(client: httpx.AsyncClient, *, on: bool) -> float:
    """Switch a type; return the seconds until a decision that is asked then is settled as the switch wants it."""
    began = time.perf_counter()
    body = {"kind": "type", "name": "claim.pay", "on": on, "reason": "benchmark"}
    (await client.post("/v1/controls", json=body)).raise_for_status()
    wanted = "model" if on else "fallback"
    while True:
        asked = await client.post(
            "/v1/decisions",
            json={"type": "claim.pay", "location": "store-0000", "evidence": {}},
            headers={"Prefer": "wait=5"},
        )
        outcome = asked.json()["outcome"]
        if outcome and outcome["source"] == wanted:
            return time.perf_counter() - began


async def measure(options: Namespace) -> list[Row]:
    files = {"config/all.yaml": document(0.5), "deciders.py": MODEL}
    async with starting.project_folder(files) as folder, starting.up(folder, workers=2) as project:
        return await measured(project, options.publishes)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--publishes", type=int, default=10)
    options = arguments.parse_args()
    publish(asyncio.run(measure(options)), TARGETS, options)


if __name__ == "__main__":
    main()
