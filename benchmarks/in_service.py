"""What being in service costs: telemetry, keys, limits and webhooks on, beside the same without them.

    python benchmarks/in_service.py [--runs 3] [--seconds 5] [--readers 500] [--traced SHARE] [--webhooks 10000]
        [--exported 1000000] [--json FILE]

Three projects run side by side on embedded servers, and are loaded in turn: a plain one; one that is asked with a
limited key and writes down webhooks for an endpoint; one that exports traces to a sink besides. Callers have no
traces of their own, but for one row in which each request comes with one that is sampled. The endpoint's
receiver is away, and keepers leave it alone, so that the outbox is measured and no delivery. Then the feed to many
readers at once, and a model behind the Open Inference Protocol with micro-batches and without. The model server takes
one request at a time: 4 ms, and 0.05 ms for each row. At last, each by itself, benchmarks/webhooks.py and
benchmarks/export.py.
"""

import asyncio
import json
import time
from argparse import Namespace
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg
import httpx

import export
import webhooks
from load import messages, starting
from load.driving import drive
from load.generator import Order
from load.ledger import Ledger
from load.questions import TYPE, project_files
from load.report import Row, Target, median, parser, publish
from load.starting import HOST, Project

CONNECTIONS: Final = 64
WARM_SECONDS: Final = 1.5
FED: Final = 1_000
"""Outcomes that every reader of the feed is to see."""
ASKED: Final = 1_500
"""Questions to the model server, each way."""
PAGE: Final = 500
PERMITTED: Final = {"ADJUDGE_OUTBOUND_ALLOW": "127.0.0.0/8"}
READ_SECONDS: Final = 120.0
PLAIN: Final = "without: posts settled @64"
LIMITED: Final = "keys, limits, outbox: posts settled @64"
SERVING: Final = "telemetry too: posts settled @64"
TRACED: Final = "telemetry, callers trace all: posts settled @64"
FEED: Final = "events to readers of the feed"
MISSED: Final = "events that a reader missed"
SINGLY: Final = "OIP decider, one question a request"
BATCHED: Final = "OIP decider, micro-batches"
TARGETS: Final = (
    Target("telemetry, keys, limits, outbox: rate kept", SERVING, "ratio", ">=", 0.85, "x"),
    Target("OIP decider, micro-batches", BATCHED, "ratio", ">=", 5, "x"),
    Target("events that a reader of the feed missed", MISSED, "value", "<=", 0, ""),
    Target("accepted decisions lost", "decisions lost", "value", "<=", 0, ""),
    Target("decisions settled twice", "decisions settled twice", "value", "<=", 0, ""),
    *webhooks.TARGETS,
    *export.TARGETS,
)
MODELS: Final = """
types:
  oip.singly: {{answers: [pay, refuse]}}
  oip.batched: {{answers: [pay, refuse]}}
deciders:
  singly@1: {{oip: {model}, batch: 1, concurrency: 4, timeout: 60s}}
  batched@1: {{oip: {model}, batch: 64, linger: 5ms, concurrency: 4, timeout: 60s}}
plans:
  oip.singly: {{stages: [{{ask: singly@1, accept: {accept}, timeout: 120s}}], fallback: {{answer: refuse}}}}
  oip.batched: {{stages: [{{ask: batched@1, accept: {accept}, timeout: 120s}}], fallback: {{answer: refuse}}}}
routes: [{{type: oip.singly, plan: oip.singly}}, {{type: oip.batched, plan: oip.batched}}]
"""


def models(port: int) -> str:
    """Return the configuration of two deciders of one model."""
    model = {
        "url": f"http://{HOST}:{port}",
        "model": "bench",
        "inputs": [{"name": "n", "datatype": "FP32", "shape": [-1, 1], "from": "/evidence/n"}],
        "output": {"name": "scores", "labels": ["pay", "refuse"]},
    }
    return MODELS.format(model=json.dumps(model), accept=json.dumps({"by_hand": "confidence >= 0.95"}))


@dataclass(slots=True)
class Loaded:
    """A project that is loaded, and how it is asked."""

    project: Project
    key: str
    ledger: Ledger
    next: int = 1

    async def settled_rate(self, seconds: float, *, trace: str | None = None) -> float:
        """Return the outcomes a second that posts one by one come to; `trace`: that of whoever asks."""
        order = Order(
            host=HOST,
            port=self.project.port,
            template=messages.single(TYPE, path="/v1/decisions", host=HOST, key=self.key, trace=trace),
            first=self.next,
            connections=CONNECTIONS,
            warm_seconds=WARM_SECONDS,
            window_seconds=seconds,
        )
        result = await drive(order)
        if result.refused:
            raise RuntimeError(f"posts were refused: {result.statuses}")
        self.next = result.next
        self.ledger.accepted += result.accepted
        await self.ledger.drained()
        return await self.ledger.settled(result.began, result.ended) / (result.ended - result.began)

    async def ask(self, client: httpx.AsyncClient, question_type: str, count: int) -> None:
        """Post so many questions in bulk."""
        for start in range(0, count, PAGE):
            items = [question(question_type, n) for n in range(start, min(start + PAGE, count))]
            answer = await client.post("/v1/decisions/bulk", json={"items": items})
            answer.raise_for_status()
            self.ledger.accepted += len(items)


def question(question_type: str, number: int) -> Mapping[str, object]:
    """Return a question by its number: to the model that costs nothing, or to the model server."""
    if question_type != TYPE:
        return {"type": question_type, "evidence": {"n": number}}
    like: Mapping[str, object] = json.loads(
        json.dumps(messages.question(TYPE)).replace(messages.NUMBER, f"{number:09}")
    )
    return like


@asynccontextmanager
async def opened(project: Project, key: str) -> AsyncIterator[Loaded]:
    connection = await asyncpg.connect(project.database_url, timeout=10)
    try:
        yield Loaded(project, key, Ledger(connection))
    finally:
        await connection.close()


def client_of(project: Project, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=project.url, headers={"Authorization": f"Bearer {key}"}, timeout=60)


async def put_into_service(project: Project) -> str:
    """Make a limited key and an endpoint whose receiver is away; return the key."""
    limits = {"requests_per_second": 1_000_000, "open_decisions": 1_000_000, "bytes_per_second": 10**10}
    async with client_of(project, project.key) as client:
        made = await client.post("/v1/keys", json={"name": "bench", "role": "client", "limits": limits})
        made.raise_for_status()
        away = {"url": f"http://{HOST}:{starting.free_port()}/hook"}
        (await client.post("/v1/webhooks", json=away)).raise_for_status()
    key: str = made.json()["key"]
    return key


async def fed(loaded: Loaded, readers: int) -> tuple[float, int]:
    """Follow the feed with so many readers; return the events a second, and how many were missed."""
    async with client_of(loaded.project, loaded.project.key) as client:
        edge = (await client.get("/v1/outcomes?since=2100-01-01T00:00:00Z")).json()["next"]
        opening = [_reader(loaded.project, edge) for _ in range(readers)]
        streams = await asyncio.gather(*opening)
        reading = [asyncio.create_task(_read(stream)) for stream, _ in streams]
        started = time.monotonic()
        await loaded.ask(client, TYPE, FED)
        seen = await asyncio.gather(*reading)
        seconds = time.monotonic() - started
    for _, writer in streams:
        writer.close()
    return sum(seen) / seconds, readers * FED - sum(seen)


async def _reader(project: Project, edge: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(HOST, project.port, limit=1 << 20)
    writer.write(
        f"GET /v1/outcomes?after={edge} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {project.key}\r\n"
        "Accept: text/event-stream\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def _read(stream: asyncio.StreamReader) -> int:
    """Count events until all have come, or none comes for long."""
    seen, rest = 0, b""
    try:
        async with asyncio.timeout(READ_SECONDS):
            while seen < FED:
                came = rest + await stream.read(1 << 16)
                seen += came.count(b"\nid: ") + came.startswith(b"id: ")
                rest = came[-4:] if not came.endswith(b"\n") else b""
                seen -= rest.count(b"\nid: ")
    except TimeoutError:
        pass
    return seen


async def asked(loaded: Loaded, question_type: str) -> float:
    """Return the outcomes a second that questions to the model server come to."""
    async with client_of(loaded.project, loaded.project.key) as client:
        started = time.monotonic()
        await loaded.ask(client, question_type, ASKED)
        await loaded.ledger.drained()
        return ASKED / (time.monotonic() - started)


async def measure(options: Namespace) -> list[Row]:
    """Measure one part after the other, and return all rows."""
    return [*await served(options), *await webhooks.measure(options), *await export.measure(options)]


async def served(options: Namespace) -> list[Row]:
    """Start the projects, load them in turn, and return the rows."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        oip, sink = await enter(starting.baseline("oip_server")), await enter(starting.baseline("trace_sink"))
        exporting = {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{HOST}:{sink}",
        }
        if options.traced is not None:
            share = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": str(options.traced)}
            exporting |= share
        files = {**project_files(), "config/oip.yaml": models(oip)}
        plain = await enter(starting.up(await enter(starting.project_folder(files)), PERMITTED))
        limited = await enter(starting.up(await enter(starting.project_folder(files)), PERMITTED))
        serving = await enter(starting.up(await enter(starting.project_folder(files)), PERMITTED | exporting))
        ways = {
            PLAIN: await enter(opened(plain, plain.key)),
            LIMITED: await enter(opened(limited, await put_into_service(limited))),
            SERVING: await enter(opened(serving, await put_into_service(serving))),
        }
        without = ways[PLAIN]
        values: defaultdict[str, list[float]] = defaultdict(list)
        for _ in range(options.runs):
            for name, loaded in ways.items():
                values[name].append(await loaded.settled_rate(options.seconds))
            values[TRACED].append(await ways[SERVING].settled_rate(options.seconds, trace=messages.TRACE))
            values[SINGLY].append(await asked(without, "oip.singly"))
            values[BATCHED].append(await asked(without, "oip.batched"))
        rate, missed = await fed(without, options.readers)
        verdicts = [await one.ledger.verdict() for one in ways.values()]
    return [
        *rows(values, rate, missed, options.readers),
        Row("decisions accepted", "all loads", sum(one.accepted for one in verdicts), ""),
        Row("decisions lost", "accepted, not settled", sum(one.lost for one in verdicts), ""),
        Row("decisions settled twice", "more than one final", sum(one.twice for one in verdicts), ""),
    ]


def rows(values: Mapping[str, Sequence[float]], rate: float, missed: int, readers: int) -> list[Row]:
    """Return medians of all runs; the plain way is the baseline of the other."""
    found = {name: median(each) for name, each in values.items()}
    return [
        Row(PLAIN, "settled a second", found[PLAIN], "/s"),
        Row(LIMITED, "settled a second", found[LIMITED], "/s", found[LIMITED] / found[PLAIN]),
        Row(SERVING, "settled a second", found[SERVING], "/s", found[SERVING] / found[PLAIN]),
        Row(TRACED, "settled a second", found[TRACED], "/s", found[TRACED] / found[PLAIN]),
        Row(SINGLY, "settled a second", found[SINGLY], "/s"),
        Row(BATCHED, "settled a second", found[BATCHED], "/s", found[BATCHED] / found[SINGLY]),
        Row(FEED, f"a second, {readers} readers", rate, "/s"),
        Row(MISSED, f"{readers} readers", missed, ""),
    ]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=5.0, help="length of each timed window")
    arguments.add_argument("--readers", type=int, default=500, help="of the feed, at once")
    arguments.add_argument("--traced", type=float, help="share of traces exported, not 5 a second")
    arguments.add_argument("--webhooks", type=int, default=10_000, help="in each run")
    arguments.add_argument("--exported", type=int, default=1_000_000, help="decisions in the record")
    options = arguments.parse_args()
    publish(asyncio.run(measure(options)), TARGETS, options)


if __name__ == "__main__":
    main()
