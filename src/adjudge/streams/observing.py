"""What a worker tells about itself, for metrics and logs."""

from collections.abc import Sequence

from adjudge.streams.messages import Message


class Observer:
    """Hooks, called in the event loop; they must be quick and must not raise. All do nothing here."""

    def read(self, name: str, lane: str, count: int) -> None:
        """Messages came in."""

    def handled(self, name: str, count: int, seconds: float) -> None:
        """A handler returned; `count` messages of its batch are done."""

    def failed(self, message: Message, error: Exception, retry_seconds: float) -> None:
        """A handler failed on a message, which is tried again after this wait."""

    def dead(self, message: Message, error: Exception) -> None:
        """A message went to the dead letters."""

    def stalled(self, name: str, error: Exception) -> None:
        """A handler said that what stands behind it is gone; or `on_dead` raised."""

    def renewed(self, name: str, count: int) -> None:
        """Leases were renewed."""

    def lost(self, name: str, count: int) -> None:
        """Messages in hand were claimed by another worker: this one was silent for longer than the lease."""

    def reclaimed(self, name: str, lane: str, count: int) -> None:
        """Messages of a dead consumer were claimed."""

    def vanished(self, name: str, lane: str, count: int) -> None:
        """Pending messages were found deleted from their stream: trimmed or deleted by hand."""

    def disconnected(self, name: str, error: Exception) -> None:
        """The broker did not answer, or refused; it is tried again."""

    def reconnected(self, name: str) -> None:
        """The broker answers reads again."""

    def regrouped(self, name: str) -> None:
        """The consumer group was missing and has been made: a new name, or a server that was flushed."""

    def returned(self, name: str, messages: Sequence[Message]) -> None:
        """Messages were handed back unfinished at shutdown."""
