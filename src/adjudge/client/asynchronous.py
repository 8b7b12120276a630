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

from adjudge.client import administration, automation, configuration, decisions, endpoints, erasures, keys, reviews
from adjudge.client.binding import AsyncExecutor, AsyncResource, awaited
from adjudge.client.calls import Call, Pause, Steps, with_key
from adjudge.client.finding import connection_to
from adjudge.client.keys import JournalEntry
from adjudge.client.outcomes import Following
from adjudge.client.problems import Problem
from adjudge.client.retrying import Attempts, Patience
from adjudge.client.sending import Requests, Result, authorities, failure_of
from adjudge.client.tracing import spanned
from adjudge.client.values import Decision, OutcomeEvent, Source, Status

T = TypeVar("T")


class AsyncSending:
    """Carries out calls, one attempt after the other."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        requests: Requests,
        patience: Patience,
        *,
        on_retry: Callable[[Problem, float], None],
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        chance: Callable[[], float],
        new_key: Callable[[], str],
    ) -> None:
        self._http = http
        self._requests = requests
        self._patience = patience
        self._on_retry = on_retry
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
            self._on_retry(self._requests.problem_of(result), pause)
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
            with spanned(call) as trace:
                return await self._http.send(self._requests.build(self._http, call, trace))
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

    async def wait(self, id: str, timeout: float) -> Decision:  # noqa: ASYNC109  long polls, each with its end
        """Wait up to `timeout` seconds for an outcome; return the decision as it then stands."""
        return await self._executor.follow(decisions.wait_for(id, timeout, self._executor.now))

    async def list(
        self,
        *,
        type: str | None = None,
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


class AsyncFeed:
    """The feed from a cursor on. `cursor` says how far it was read."""

    def __init__(self, executor: AsyncExecutor, following: Following) -> None:
        self._executor = executor
        self._following = following

    @property
    def cursor(self) -> str | None:
        """Where to go on: behind the outcome yielded last, or later, where a filter passed over others since."""
        return self._following.cursor

    async def __aiter__(self) -> AsyncIterator[OutcomeEvent]:
        while (call := self._following.next_page()) is not None:
            for event in self._following.take(await self._executor.run(call)):
                yield event


class AsyncOutcomes(AsyncResource):
    """The feed of all outcomes of the key's locations, amendments included."""

    def follow(
        self,
        *,
        after: str | None = None,
        since: datetime | None = None,
        type: str | None = None,
        location: str | None = None,
    ) -> AsyncFeed:
        """Yield every outcome, and wait for more, for ever.

        Without `after` and `since` it begins with the oldest that is kept. Keep the `cursor` of what
        you have dealt with: from there it goes on, days later too, and misses none. Raises Problem, when
        an outage lasts longer than the client's patience.
        """
        return AsyncFeed(self._executor, Following(after, since, type, location))

    def list(
        self,
        *,
        after: str | None = None,
        since: datetime | None = None,
        type: str | None = None,
        location: str | None = None,
    ) -> AsyncFeed:
        """Like `follow`, but end where there are no more."""
        return AsyncFeed(self._executor, Following(after, since, type, location, follow=False))


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

    create = awaited(keys.create)
    list = awaited(keys.list_all)
    rotate = awaited(keys.rotate)
    limit = awaited(keys.limit)
    revoke = awaited(keys.revoke)


class AsyncJournal(AsyncResource):
    """Who changed what stands above decisions, and who looked at evidence."""

    async def list(
        self,
        *,
        action: str | None = None,
        actor: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[JournalEntry]:
        """Yield entries, newest first; pages are asked for as they are needed."""
        listing = keys.JournalListing(limit, action, actor, subject, since, until)
        while (call := listing.next_page()) is not None:
            for entry in listing.take(await self._executor.run(call)):
                yield entry


class AsyncReviewers(AsyncResource):
    """The people who answer."""

    add = awaited(administration.add_reviewer)
    move = awaited(administration.move_reviewer)
    list = awaited(administration.list_reviewers)


class AsyncErasures(AsyncResource):
    """Subjects whose evidence and subject go."""

    create = awaited(erasures.erase)
    get = awaited(erasures.get)
    list = awaited(erasures.listed)

    async def wait(self, id: str, timeout: float) -> erasures.Erasure:  # noqa: ASYNC109
        """Wait up to `timeout` seconds until it is done; return it as it then stands."""
        return await self._executor.follow(erasures.until_done(id, timeout, self._executor.now))


class AsyncAutomation(AsyncResource):
    """What is automated, and on which evidence."""

    list = awaited(automation.list_slices)
    overview = awaited(automation.overview)
    why = awaited(automation.why)
    audits = awaited(automation.list_audits)
    audit = awaited(automation.audit)
    certificate = awaited(automation.certificate)
    learnt = awaited(automation.learnt)
    suspend = awaited(automation.suspend)
    renew = awaited(automation.renew)


class AsyncDeciders(AsyncResource):
    """Whoever can be asked."""

    list = awaited(administration.list_deciders)


class AsyncSystem(AsyncResource):
    """The whole system at a glance."""

    overview = awaited(administration.read_overview)


class AsyncWebhooks(AsyncResource):
    """Endpoints that outcomes are sent to."""

    add = awaited(endpoints.add)
    list = awaited(endpoints.list_all)
    remove = awaited(endpoints.remove)
    test = awaited(endpoints.test)
    rotate = awaited(endpoints.rotate)
    redeliver = awaited(endpoints.redeliver)
    deliveries = awaited(endpoints.deliveries)


class AsyncConfig(AsyncResource):
    """The configuration in force."""

    get = awaited(administration.get_config)
    revisions = awaited(configuration.revisions)
    revision = awaited(configuration.revision)
    publish = awaited(configuration.publish)
    check = awaited(configuration.check)
    preview = awaited(configuration.preview)
    receipts = awaited(configuration.receipts)
    create_draft = awaited(configuration.create_draft)
    list_drafts = awaited(configuration.list_drafts)
    approve_draft = awaited(configuration.approve_draft)
    publish_draft = awaited(configuration.publish_draft)
    discard_draft = awaited(configuration.discard_draft)


class AsyncSwitches(AsyncResource):
    """What stands above the configuration and acts at once."""

    list = awaited(configuration.list_switches)
    set = awaited(configuration.switch)


class AsyncAdjudge:
    """The API of one Adjudge, awaited. Close it with `aclose`, or use it in an `async with` statement.

    Where the address and the key come from, and what `on_retry` is told: as for `Adjudge`.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        patience: Patience = Patience(),  # noqa: B008  frozen
        on_retry: Callable[[Problem, float], None] = lambda problem, seconds: None,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        new_key: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._executor = AsyncSending(
            httpx.AsyncClient(transport=transport, verify=authorities()),
            Requests(connection_to(url, key)),
            patience,
            on_retry=on_retry,
            now=now,
            sleep=sleep,
            chance=chance,
            new_key=new_key,
        )
        self.decisions = AsyncDecisions(self._executor)
        self.outcomes = AsyncOutcomes(self._executor)
        self.reviews = AsyncReviews(self._executor)
        self.keys = AsyncKeys(self._executor)
        self.journal = AsyncJournal(self._executor)
        self.automation = AsyncAutomation(self._executor)
        self.reviewers = AsyncReviewers(self._executor)
        self.deciders = AsyncDeciders(self._executor)
        self.erasures = AsyncErasures(self._executor)
        self.config = AsyncConfig(self._executor)
        self.switches = AsyncSwitches(self._executor)
        self.webhooks = AsyncWebhooks(self._executor)
        self.system = AsyncSystem(self._executor)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._executor.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
