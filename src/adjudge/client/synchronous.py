"""The client for code without an event loop."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar
from uuid import uuid4

import httpx

from adjudge.client import administration, automation, configuration, decisions, endpoints, erasures, keys, reviews
from adjudge.client.binding import Executor, Resource, sync
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


class Sending:
    """Carries out calls, one attempt after the other."""

    def __init__(
        self,
        http: httpx.Client,
        requests: Requests,
        patience: Patience,
        *,
        on_retry: Callable[[Problem, float], None],
        now: Callable[[], float],
        sleep: Callable[[float], None],
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

    def run(self, call: Call[T], /) -> T:
        """Return the answer of the call. Raises Problem."""
        call = with_key(call, self.new_key)
        attempts = Attempts(self._patience, call.repeatable, self.now())
        while True:
            result = self._attempt(call)
            failure = failure_of(result)
            pause = None if failure is None else attempts.pause_after(failure, self.now(), self._chance)
            if pause is None:
                return self._requests.read(call, result)
            self._on_retry(self._requests.problem_of(result), pause)
            self._sleep(pause)

    def follow(self, steps: Steps[T], /) -> T:
        """Carry out several calls, each decided by the answers before."""
        answer = None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                result: T = end.value
                return result
            answer = self._sleep(step.seconds) if isinstance(step, Pause) else self.run(step)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _attempt(self, call: Call[T]) -> Result:
        try:
            with spanned(call) as trace:
                return self._http.send(self._requests.build(self._http, call, trace))
        except httpx.TransportError as error:
            return error


class Decisions(Resource):
    """Questions and their outcomes."""

    create = sync(decisions.create)
    get = sync(decisions.get)
    path = sync(decisions.explain)
    cancel = sync(decisions.cancel)
    truth = sync(decisions.truth)

    def create_many(self, questions: Iterable[decisions.Question]) -> list[Decision | Problem]:
        """Ask many questions; return a decision or a problem for each, in order."""
        return self._executor.follow(decisions.create_many(questions, self._executor.new_key))

    def wait(self, id: str, timeout: float) -> Decision:
        """Wait up to `timeout` seconds for an outcome; return the decision as it then stands."""
        return self._executor.follow(decisions.wait_for(id, timeout, self._executor.now))

    def list(
        self,
        *,
        type: str | None = None,
        location: str | None = None,
        status: Status | None = None,
        source: Source | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[Decision]:
        """Yield decisions, newest first; pages are asked for as they are needed."""
        listing = decisions.Listing(limit, type, location, status, source, since, until)
        while (call := listing.next_page()) is not None:
            yield from listing.take(self._executor.run(call))


class Feed:
    """The feed from a cursor on. `cursor` says how far it was read."""

    def __init__(self, executor: Executor, following: Following) -> None:
        self._executor = executor
        self._following = following

    @property
    def cursor(self) -> str | None:
        """Where to go on: behind the outcome yielded last, or later, where a filter passed over others since."""
        return self._following.cursor

    def __iter__(self) -> Iterator[OutcomeEvent]:
        while (call := self._following.next_page()) is not None:
            yield from self._following.take(self._executor.run(call))


class Outcomes(Resource):
    """The feed of all outcomes of the key's locations, amendments included."""

    def follow(
        self,
        *,
        after: str | None = None,
        since: datetime | None = None,
        type: str | None = None,
        location: str | None = None,
    ) -> Feed:
        """Yield every outcome, and wait for more, for ever.

        Without `after` and `since` it begins with the oldest that is kept. Keep the `cursor` of what
        you have dealt with: from there it goes on, days later too, and misses none. Raises Problem, when
        an outage lasts longer than the client's patience.
        """
        return Feed(self._executor, Following(after, since, type, location))

    def list(
        self,
        *,
        after: str | None = None,
        since: datetime | None = None,
        type: str | None = None,
        location: str | None = None,
    ) -> Feed:
        """Like `follow`, but end where there are no more."""
        return Feed(self._executor, Following(after, since, type, location, follow=False))


class Reviews(Resource):
    """Tasks for people."""

    claim = sync(reviews.claim)
    answer = sync(reviews.answer)
    decline = sync(reviews.decline)
    release = sync(reviews.release)
    heartbeat = sync(reviews.heartbeat)
    queues = sync(reviews.queues)


class Keys(Resource):
    """API keys."""

    create = sync(keys.create)
    list = sync(keys.list_all)
    rotate = sync(keys.rotate)
    limit = sync(keys.limit)
    revoke = sync(keys.revoke)


class Journal(Resource):
    """Who changed what stands above decisions, and who looked at evidence."""

    def list(
        self,
        *,
        action: str | None = None,
        actor: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[JournalEntry]:
        """Yield entries, newest first; pages are asked for as they are needed."""
        listing = keys.JournalListing(limit, action, actor, subject, since, until)
        while (call := listing.next_page()) is not None:
            yield from listing.take(self._executor.run(call))


class Reviewers(Resource):
    """The people who answer."""

    add = sync(administration.add_reviewer)
    move = sync(administration.move_reviewer)
    list = sync(administration.list_reviewers)


class Erasures(Resource):
    """Subjects whose evidence and subject go."""

    create = sync(erasures.erase)
    get = sync(erasures.get)
    list = sync(erasures.listed)

    def wait(self, id: str, timeout: float) -> erasures.Erasure:
        """Wait up to `timeout` seconds until it is done; return it as it then stands."""
        return self._executor.follow(erasures.until_done(id, timeout, self._executor.now))


class Automation(Resource):
    """What is automated, and on which evidence."""

    list = sync(automation.list_slices)
    overview = sync(automation.overview)
    why = sync(automation.why)
    audits = sync(automation.list_audits)
    audit = sync(automation.audit)
    certificate = sync(automation.certificate)
    learnt = sync(automation.learnt)
    suspend = sync(automation.suspend)
    renew = sync(automation.renew)


class Deciders(Resource):
    """Whoever can be asked."""

    list = sync(administration.list_deciders)


class System(Resource):
    """The whole system at a glance."""

    overview = sync(administration.read_overview)


class Webhooks(Resource):
    """Endpoints that outcomes are sent to."""

    add = sync(endpoints.add)
    list = sync(endpoints.list_all)
    remove = sync(endpoints.remove)
    test = sync(endpoints.test)
    rotate = sync(endpoints.rotate)
    redeliver = sync(endpoints.redeliver)
    deliveries = sync(endpoints.deliveries)


class Config(Resource):
    """The configuration in force."""

    get = sync(administration.get_config)
    revisions = sync(configuration.revisions)
    revision = sync(configuration.revision)
    publish = sync(configuration.publish)
    check = sync(configuration.check)
    preview = sync(configuration.preview)
    receipts = sync(configuration.receipts)
    create_draft = sync(configuration.create_draft)
    list_drafts = sync(configuration.list_drafts)
    approve_draft = sync(configuration.approve_draft)
    publish_draft = sync(configuration.publish_draft)
    discard_draft = sync(configuration.discard_draft)


class Switches(Resource):
    """What stands above the configuration and acts at once."""

    list = sync(configuration.list_switches)
    set = sync(configuration.switch)


class Adjudge:
    """The API of one Adjudge. Close it, or use it in a `with` statement.

    Without `url` and `key`: ADJUDGE_URL and ADJUDGE_KEY, else `.adjudge/api.json` of the current
    folder or a parent. Raises NotConnected where neither says enough.

    `on_retry` is told of each attempt that failed, before the call is sent again: why, and after how many seconds.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        patience: Patience = Patience(),  # noqa: B008  frozen
        on_retry: Callable[[Problem, float], None] = lambda problem, seconds: None,
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
        new_key: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._executor = Sending(
            httpx.Client(transport=transport, verify=authorities()),
            Requests(connection_to(url, key)),
            patience,
            on_retry=on_retry,
            now=now,
            sleep=sleep,
            chance=chance,
            new_key=new_key,
        )
        self.decisions = Decisions(self._executor)
        self.outcomes = Outcomes(self._executor)
        self.reviews = Reviews(self._executor)
        self.keys = Keys(self._executor)
        self.journal = Journal(self._executor)
        self.automation = Automation(self._executor)
        self.reviewers = Reviewers(self._executor)
        self.deciders = Deciders(self._executor)
        self.erasures = Erasures(self._executor)
        self.config = Config(self._executor)
        self.switches = Switches(self._executor)
        self.webhooks = Webhooks(self._executor)
        self.system = System(self._executor)

    def close(self) -> None:
        """Close all connections."""
        self._executor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
