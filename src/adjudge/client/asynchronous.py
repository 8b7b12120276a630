"""The client for code in an event loop: the same calls, awaited."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar
from uuid import uuid4

import httpx

from adjudge.client import administration, decisions, reviews
from adjudge.client.binding import AsyncResource, awaited
from adjudge.client.calls import Call, Pause, Steps, with_key
from adjudge.client.finding import connection_to
from adjudge.client.problems import Problem
from adjudge.client.retrying import Attempts, Patience
from adjudge.client.sending import Requests, Result, failure_of
from adjudge.client.values import Decision, Source, Status

T = TypeVar("T")


class AsyncSending:
    """Carries out calls, one attempt after the other."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        requests: Requests,
        patience: Patience,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        chance: Callable[[], float],
        new_key: Callable[[], str],
    ) -> None:
        self._http = http
        self._requests = requests
        self._patience = patience
        self._sleep = sleep
        self._chance = chance
        self.now = now
        self.new_key = new_key

    async def run(self, call: Call[T], /) -> T:
        """Return the answer of the call. Raises Problem."""
        call = with_key(call, self.new_key)
        attempts = Attempts(self._patience, call.repeatable, self.now())
        while True:
            result = await self._attempt(call)
            failure = failure_of(result)
            pause = None if failure is None else attempts.pause_after(failure, self.now(), self._chance)
            if pause is None:
                return self._requests.read(call, result)
            await self._sleep(pause)

    async def follow(self, steps: Steps[T], /) -> T:
        """Carry out several calls, each decided by the answers before."""
        answer = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            answer = await (self._sleep(step.seconds) if isinstance(step, Pause) else self.run(step))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _attempt(self, call: Call[T]) -> Result:
        try:
            return await self._http.send(self._requests.build(self._http, call))
        except httpx.TransportError as error:
            return error


class AsyncDecisions(AsyncResource):
    """Questions and their outcomes."""

    create = awaited(decisions.create)
    get = awaited(decisions.get)
    path = awaited(decisions.explain)
    cancel = awaited(decisions.cancel)
    truth = awaited(decisions.truth)

    async def create_many(self, questions: Iterable[decisions.Question]) -> list[Decision | Problem]:
        """Ask many questions; return a decision or a problem for each, in order."""
        return await self._executor.follow(decisions.create_many(questions, self._executor.new_key))

    async def wait(self, id: str, timeout: float) -> Decision:  # noqa: A002, ASYNC109  long polls, each with its end
        """Wait up to `timeout` seconds for an outcome; return the decision as it then stands."""
        return await self._executor.follow(decisions.wait_for(id, timeout, self._executor.now))

    async def list(
        self,
        *,
        type: str | None = None,  # noqa: A002
        location: str | None = None,
        status: Status | None = None,
        source: Source | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Decision]:
        """Yield decisions, newest first; pages are asked for as they are needed."""
        listing = decisions.Listing(limit, type, location, status, source, since, until)
        while (call := listing.next_page()) is not None:
            for decision in listing.take(await self._executor.run(call)):
                yield decision


class AsyncReviews(AsyncResource):
    """Tasks for people."""

    claim = awaited(reviews.claim)
    answer = awaited(reviews.answer)
    decline = awaited(reviews.decline)
    release = awaited(reviews.release)
    heartbeat = awaited(reviews.heartbeat)
    queues = awaited(reviews.queues)


class AsyncKeys(AsyncResource):
    """API keys."""

    create = awaited(administration.create_key)
    list = awaited(administration.list_keys)
    revoke = awaited(administration.revoke_key)


class AsyncReviewers(AsyncResource):
    """The people who answer."""

    add = awaited(administration.add_reviewer)
    list = awaited(administration.list_reviewers)


class AsyncDeciders(AsyncResource):
    """Whoever can be asked."""

    list = awaited(administration.list_deciders)


class AsyncConfig(AsyncResource):
    """The configuration in force."""

    get = awaited(administration.get_config)


class AsyncAdjudge:
    """The API of one Adjudge, awaited. Close it with `aclose`, or use it in an `async with` statement.

    Where the address and the key come from: as for `Adjudge`.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        patience: Patience = Patience(),  # noqa: B008  frozen
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        new_key: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._executor = AsyncSending(
            httpx.AsyncClient(transport=transport),
            Requests(connection_to(url, key)),
            patience,
            now=now,
            sleep=sleep,
            chance=chance,
            new_key=new_key,
        )
        self.decisions = AsyncDecisions(self._executor)
        self.reviews = AsyncReviews(self._executor)
        self.keys = AsyncKeys(self._executor)
        self.reviewers = AsyncReviewers(self._executor)
        self.deciders = AsyncDeciders(self._executor)
        self.config = AsyncConfig(self._executor)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._executor.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
