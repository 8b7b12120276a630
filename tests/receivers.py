"""A receiver of webhooks: verifies each as its owner would, and answers as the test wants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from adjudge.client.values import OutcomeEvent
from adjudge.client.webhooks import verify

Answer = Callable[[int], web.Response | Awaitable[web.Response]]
"""Given how many requests came before: what to answer."""


def well(_: int) -> web.Response:
    return web.Response(status=204)


def says(status: int, **headers: str) -> Answer:
    return lambda _: web.Response(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})


@dataclass(slots=True)
class Receiver:
    """What came, in order; only what was answered with 2xx counts as told."""

    url: str = ""
    secrets: list[str] = field(default_factory=list)
    """Empty: nothing is verified."""
    answer: Answer = well
    requests: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    told: list[OutcomeEvent] = field(default_factory=list)
    tests: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append({name.lower(): value for name, value in request.headers.items()})
        self.bodies.append(body)
        self.queries.append(request.query_string)
        self.came.set()
        answer = self.answer(len(self.requests) - 1)
        response = answer if isinstance(answer, web.Response) else await answer
        if 200 <= response.status < 300 and self.secrets:
            event = verify(body, request.headers, self.secrets)
            if event is None:
                self.tests += 1
            else:
                self.told.append(event)
        self.came.set()
        return response

    async def until(self, count: int, seconds: float = 15) -> list[OutcomeEvent]:
        """Wait until so many different outcomes were told."""
        await self.until_that(lambda: len({event.id for event in self.told}) >= count, seconds)
        return self.told

    async def until_that(self, holds: Callable[[], bool], seconds: float = 15) -> None:
        """Wait until it holds after some request."""
        async with asyncio.timeout(seconds):
            while not holds():
                self.came.clear()
                await self.came.wait()

    def versions(self) -> dict[str, list[int]]:
        """What was told of each decision, in order."""
        found: dict[str, list[int]] = {}
        for event in self.told:
            found.setdefault(event.decision.id, []).append(event.outcome.version)
        return found


@asynccontextmanager
async def receiving(answer: Answer = well) -> AsyncIterator[Receiver]:
    """Listen on a port of this machine's own."""
    receiver = Receiver(answer=answer)
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield receiver
    finally:
        await runner.cleanup()
