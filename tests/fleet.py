"""Roles as processes, each with its probes, and callers who go on asking whatever happens to them."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
from tests.configured import question
from tests.ports import free_port
from tests.stacks import Role, Stack

READY_SECONDS = 60.0
LEISURE_SECONDS = 0.05


def plain(seconds: float, **more: Any) -> httpx.AsyncClient:
    """A client for HTTP without TLS: to read its authorities takes ten times as long as a request."""
    return httpx.AsyncClient(timeout=seconds, verify=False, **more)


class Member:
    """One process, by the name of its place; started again it keeps its port."""

    def __init__(self, stack: Stack, name: str, *, probe: str = "/readyz", **environment: str) -> None:
        self.name = name
        self._probe = probe
        self.role = name.partition("-")[0]
        self._stack = stack
        self._environment = environment
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.process: Role
        self.said = ""
        """What it answered last."""

    async def start(self) -> None:
        variable = "ADJUDGE_PORT" if self.role == "api" else "ADJUDGE_METRICS_PORT"
        self.process = await self._stack.spawn(self.role, **{variable: str(self._port), **self._environment})

    async def answers(self, path: str) -> int | None:
        """Status of a probe; None: nobody is there."""
        async with plain(5) as client:
            try:
                answer = await client.get(self.url + path)
            except httpx.TransportError as error:
                self.said = repr(error)
                return None
            self.said = answer.text
            return answer.status_code

    async def until_ready(self) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                while await self.answers(self._probe) != 200:
                    assert self.process.is_running, f"{self.name} ended: {self.process.last_words()}"
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{self.name} is not ready: {self.said}") from None


class Fleet:
    """Several of each role."""

    def __init__(self, stack: Stack, names: Sequence[str], **environment: str) -> None:
        self.members: Mapping[str, Member] = {name: Member(stack, name, **environment) for name in names}

    async def start(self) -> None:
        for member in self.members.values():
            await member.start()
        await asyncio.gather(*(member.until_ready() for member in self.members.values()))

    def urls(self) -> list[str]:
        return [member.url for member in self.members.values() if member.role == "api"]


class Callers:
    """Ask without end, each question with its key: what is not answered is asked again, of the next replica."""

    def __init__(
        self, urls: Sequence[str], key: str, kinds: Sequence[str], locations: Sequence[str] = ("default",)
    ) -> None:
        self._urls = urls
        self._headers = {"Authorization": f"Bearer {key}"}
        self._kinds = itertools.cycle(kinds)
        self._locations = itertools.cycle(locations)
        self._numbers = itertools.count()
        self.accepted: dict[str, str] = {}
        """Decision by idempotency key."""
        self.repeated = 0
        self._pause_seconds = 0.0
        self._grown = asyncio.Condition()

    @asynccontextmanager
    async def asking(self, count: int = 4) -> AsyncIterator["Callers"]:
        """Ask for as long as the block lasts; every question that was begun is answered at its end."""
        over = asyncio.Event()
        async with plain(10, headers=self._headers) as client, asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self._ask(client, over))
            try:
                yield self
            finally:
                over.set()

    @contextmanager
    def at_leisure(self) -> Iterator[None]:
        """Ask less within the block: what starts there needs the CPU, and shows nothing before it has."""
        self._pause_seconds = LEISURE_SECONDS
        try:
            yield
        finally:
            self._pause_seconds = 0.0

    async def accepts(self, more: int, seconds: float = 30) -> None:
        """Wait until so many more are accepted: the others carry on."""
        wanted = len(self.accepted) + more
        async with asyncio.timeout(seconds), self._grown:
            await self._grown.wait_for(lambda: len(self.accepted) >= wanted)

    async def _ask(self, client: httpx.AsyncClient, over: asyncio.Event) -> None:
        while not over.is_set():
            number = next(self._numbers)
            key, body = f"call-{number}", question(next(self._kinds), location=next(self._locations), n=number)
            decision = await self._accepted(client, key, body, number)
            async with self._grown:
                self.accepted[key] = decision
                self._grown.notify_all()
            await asyncio.sleep(self._pause_seconds)

    async def _accepted(self, client: httpx.AsyncClient, key: str, body: object, number: int) -> str:
        """Return the decision once a replica has accepted the question."""
        met: Counter[str] = Counter()
        async with _within(60, met):
            for attempt in itertools.count(number):
                url = self._urls[attempt % len(self._urls)]
                try:
                    answer = await client.post(f"{url}/v1/decisions", json=body, headers={"Idempotency-Key": key})
                except httpx.TransportError as error:
                    answer = None
                    met[type(error).__name__] += 1
                if answer is not None and answer.status_code in (200, 202):
                    return answer.json()["id"]
                if answer is not None:
                    assert answer.status_code in (429, 503), answer.text
                    met[answer.text] += 1
                self.repeated += 1
                await asyncio.sleep(0.05)
        raise AssertionError("unreachable")


@asynccontextmanager
async def _within(seconds: float, met: Mapping[str, int]) -> AsyncIterator[None]:
    """Bound a wait; past it, say what was met."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise AssertionError(f"not accepted in {seconds:g} s: {dict(met)}") from None
