"""A model server that does as a test says, and deciders that configuration describes."""

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from tests.unit.deciders.asking import Bench, Clock

from adjudge.config import compile_documents
from adjudge.core.specifications import DeciderSpec
from adjudge.deciders import Outbound, open_deciders
from adjudge.outbound import parse_permitted

HERE = Outbound(parse_permitted("127.0.0.1"), lambda secret: {"vision": "s3cret"}.get(secret.name))
DOCUMENT = """
types: {claim.pay: {answers: [pay, refuse]}}
deciders: {model@1: %s}
plans: {claims: {stages: [{ask: model@1, accept: {by_hand: "confidence > 0.9"}}], fallback: {answer: refuse}}}
routes: [{type: claim.pay, plan: claims}]
"""

Answer = Callable[[web.Request, Any], Awaitable[web.StreamResponse | Any]]


class ModelServer:
    """Answers what `answer` returns, as JSON unless it is a response already."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Mapping[str, str], Any]] = []
        """(path, headers, body) of all requests."""
        self.url = ""

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        body = json.loads(text) if text else None
        self.asked.append((request.path, request.headers, body))
        answer = await self.answer(request, body)
        return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ModelServer"]:
        runner = web.ServerRunner(web.Server(self._handle, handler_cancellation=True), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


def spec_of(section: Mapping[str, Any]) -> DeciderSpec:
    """Compile a decider from its section, JSON being YAML."""
    return compile_documents({"claims.yaml": DOCUMENT % json.dumps(section)}, base=Path("/nonexistent")).deciders[
        "model@1"
    ]


@asynccontextmanager
async def deciding(section: Mapping[str, Any], outbound: Outbound = HERE) -> AsyncIterator[Bench]:
    clock = Clock()
    opening = open_deciders(
        [spec_of(section)],
        folder=Path("/nonexistent"),
        clock=clock,
        now=clock.now,
        rng=random.Random(7),
        outbound=outbound,
    )
    async with opening as deciders:
        yield Bench(deciders, clock)


@asynccontextmanager
async def asking_server(
    answer: Answer, kind: str, model: Mapping[str, Any], **section: Any
) -> AsyncIterator[tuple[Bench, ModelServer]]:
    """Run a server and a decider of a kind that asks it."""
    async with ModelServer(answer).running() as server:
        path = section.pop("path", "")
        async with deciding({kind: {"url": server.url + path, **model}, "timeout": "5s", **section}) as bench:
            yield bench, server


def problem(status: int, body: Any = None, **headers: str) -> web.Response:
    return web.json_response(body or {"error": "no"}, status=status, headers=headers)
