"""What a handler can learn about its message, and what it can report beside returning or raising."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from adjudge.streams.messages import Message


class Context:
    """One message's circumstances."""

    __slots__ = ("_message", "_now", "_progress", "state")

    def __init__(
        self, message: Message, state: Any, now: Callable[[], float], progress: Callable[[Message, Any], None]
    ) -> None:
        self._message, self._now, self._progress = message, now, progress
        self.state = state
        """What the app's `lifespan` yielded."""

    @property
    def id(self) -> str:
        """Of the first publication: the same through all retries."""
        return self._message.origin

    @property
    def name(self) -> str:
        """Of the handler."""
        return self._message.name

    @property
    def lane(self) -> str:
        """In which it came."""
        return self._message.lane

    @property
    def key(self) -> str:
        """Whom it belongs to; empty: nobody."""
        return self._message.key

    @property
    def headers(self) -> Mapping[str, str]:
        """Given by its sender."""
        return self._message.headers

    @property
    def trace(self) -> str:
        """W3C `traceparent` of its sender; empty: none."""
        return self._message.trace

    @property
    def published_at(self) -> float:
        """Unix seconds of the first publication, clock of the server."""
        return self._message.published_at

    @property
    def expires_at(self) -> float | None:
        """Unix seconds of the server's clock from which on nobody needs it any more."""
        return self._message.expires_at

    def remaining(self) -> float | None:
        """Seconds until it expires, at least 0; None: it does not."""
        return None if self.expires_at is None else max(0.0, self.expires_at - self._now())

    @property
    def deliveries(self) -> int:
        """How often it was handed to a handler, this time included."""
        return self._message.deliveries

    @property
    def redelivered(self) -> bool:
        """Whether a handler may have seen it before."""
        return self._message.redelivered

    @property
    def failures(self) -> int:
        """How often a handler has failed on it."""
        return self._message.failures

    def progress(self, value: Any) -> None:
        """Tell whoever asked how far it is. Does not wait; values that come faster than they are sent are skipped."""
        self._progress(self._message, value)


class BatchContext(Sequence[Context]):
    """The contexts of a batch, in the order of its messages."""

    __slots__ = ("_contexts", "errors", "state")

    def __init__(self, contexts: Sequence[Context], state: Any) -> None:
        self._contexts = contexts
        self.state = state
        """What the app's `lifespan` yielded."""
        self.errors: dict[int, Exception] = {}
        """Of the messages that failed, by their place."""

    @overload
    def __getitem__(self, place: int) -> Context: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Context]: ...
    def __getitem__(self, place: int | slice) -> Context | Sequence[Context]:
        return self._contexts[place]

    def __len__(self) -> int:
        return len(self._contexts)

    def fail(self, place: int, error: Exception) -> None:
        """The message at this place failed, as if its handler had raised `error`; the others are done."""
        self.errors[range(len(self))[place]] = error
