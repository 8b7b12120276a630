"""A declared handler: its name, the type of its messages, and how they are sent to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from adjudge.streams.asking import Receipt
from adjudge.streams.codecs import Codec
from adjudge.streams.fairness import KeyRules
from adjudge.streams.handlers.declaring import Shape
from adjudge.streams.keys import Keys
from adjudge.streams.messages import NO_HEADERS, Duplicate, Entry, Full
from adjudge.streams.publishing import Published
from adjudge.streams.results import REPLY_TO
from adjudge.streams.retrying import Retries
from adjudge.streams.schedules import Schedule
from adjudge.streams.session import Session
from adjudge.streams.signals import Unavailable
from adjudge.streams.subscriptions import OnDead

M = TypeVar("M")
R = TypeVar("R")

Pool = Literal["thread", "process"]


class NotTaken(Exception):
    """A question could not be put: `answer` is why its message was not published."""

    def __init__(self, answer: Full | Duplicate) -> None:
        super().__init__(str(answer))
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a handler is run. What has a name in `Subscription` means the same there."""

    name: str
    lanes: Mapping[str, int] = field(default_factory=lambda: {"standard": 1})
    """Weights; the first is the lane of messages that name none."""
    batch: int = 200
    linger_ms: int = 0
    batch_ms: int | None = None
    concurrency: int = 32
    prefetch: int = 200
    retries: Retries = field(default_factory=Retries)
    lease_seconds: float = 30.0
    timeout_seconds: float | None = None
    pool: Pool | None = None
    """Where a function runs that is not async; None: in a thread."""
    max_calls: int | None = None
    """After so many calls a child process is replaced, which bounds what it can leak."""
    key: Callable[[Any], str] | None = None
    """Whom a message belongs to, where `publish` is not told."""
    keys: KeyRules | None = None
    max_length: int = 100_000
    """Most unfinished messages in a lane; past it `publish` answers `Full`."""
    crash_limit: int = 5
    keep_dead_seconds: float = 14 * 86_400.0
    on_dead: OnDead | None = None
    expired: Literal["drop", "dead"] = "drop"
    keep_result_seconds: float = 3600.0
    schedules: Sequence[Schedule] = ()

    def __post_init__(self) -> None:
        if self.max_length < 1 or (self.max_calls is not None and self.max_calls < 1):
            raise ValueError(f"{self.name}: max_length and max_calls must be at least 1")
        for lane in self.lanes:
            Keys(self.name).lane(lane)

    @property
    def usual_lane(self) -> str:
        """Of messages that name none."""
        return next(iter(self.lanes))


class Host(Protocol):
    """The app of a task."""

    @property
    def session(self) -> Session:
        """What it is connected with, in the running event loop."""

    def traceparent(self) -> str:
        """W3C `traceparent` of whatever goes on at present; empty: none."""


class Task(Generic[M, R]):
    """A handler of messages of type `M` that answers an `R`. Made by `App.handler`; calling it calls the function."""

    def __init__(
        self,
        function: Callable[..., Any],
        shape: Shape,
        options: Options,
        *,
        takes: Codec[M],
        answers: Codec[R],
        host: Host,
    ) -> None:
        self.function, self.shape, self.options = function, shape, options
        self.takes, self.answers, self._host = takes, answers, host
        self.__name__, self.__doc__, self.__module__ = function.__name__, function.__doc__, function.__module__
        self.__qualname__, self.__wrapped__ = function.__qualname__, function

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the function itself, here and now: for tests."""
        return self.function(*arguments, **named)

    @property
    def name(self) -> str:
        """Of the handler and its streams."""
        return self.options.name

    async def publish(
        self,
        message: M,
        *,
        lane: str | None = None,
        key: str | None = None,
        delay_seconds: float = 0.0,
        expires_in: float | None = None,
        dedup_id: str = "",
        dedup_seconds: float = 3600.0,
        headers: Mapping[str, str] = NO_HEADERS,
        trace: str | None = None,
    ) -> Published:
        """Send one message; an id, or why there is none: a broker that is away or full is an answer, not an error.

        `expires_in` counts from now on the server's clock. Raises TypeError for what cannot be encoded.
        """
        expires_at = None
        if expires_in is not None:
            try:
                expires_at = await self._host.session.server_time() + expires_in
            except Unavailable as error:
                return error
        entry = self._entry(
            message,
            lane=lane,
            key=key,
            delay_seconds=delay_seconds,
            expires_at=expires_at,
            dedup_id=dedup_id,
            dedup_seconds=dedup_seconds,
            headers=headers,
            trace=trace,
        )
        return await self._host.session.outgoing.publish(entry)

    async def publish_many(
        self, messages: Sequence[M], *, lane: str | None = None, key: str | None = None
    ) -> list[Published]:
        """Send many in one write; one answer each, in order."""
        return await self._host.session.streams.publish([self._entry(each, lane=lane, key=key) for each in messages])

    async def request(self, message: M, **options: Any) -> Receipt[R] | Full | Duplicate | Unavailable:
        """Send one message whose answer is kept for you. Takes what `publish` takes."""
        session = self._host.session
        token, hearing = session.new_token(), session.hearing
        hearing.expect(token)
        await hearing.be_ready()
        headers = {**options.pop("headers", NO_HEADERS), REPLY_TO: f"{hearing.channel} {token}"}
        answer = await self.publish(message, headers=headers, **options)
        if isinstance(answer, str):
            return Receipt(answer, token, self.name, session.streams, hearing, self.answers)
        hearing.forget(token)
        return answer

    async def ask(self, message: M, *, timeout_seconds: float, **options: Any) -> R:
        """Send a message and wait for what its handler returns. Takes what `publish` takes.

        Raises `HandlerFailed` when it was given up, `ResultTimeout`, `NotTaken` or `Unavailable`.
        """
        receipt = await self.request(message, **options)
        match receipt:
            case Receipt():
                return await receipt.result(timeout_seconds)
            case Unavailable():
                raise receipt
        raise NotTaken(receipt)

    def _entry(self, message: M, *, lane: str | None, key: str | None, trace: str | None = None, **given: Any) -> Entry:
        options = self.options
        if lane is not None and lane not in options.lanes:
            raise ValueError(f"{self.name} has no lane {lane!r}")
        if key is None:
            key = options.key(message) if options.key else ""
        return Entry(
            self.name,
            lane or options.usual_lane,
            self.takes.encode(message),
            options.max_length,
            key=key,
            trace=self._host.traceparent() if trace is None else trace,
            **given,
        )
