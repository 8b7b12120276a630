"""Hooks by which a worker reports what happens to it, for metrics and logs."""

from collections.abc import Sequence

from adjudge.streams.messages import Depth, Message


class Observer:
    """Hooks, called in the event loop; they must be quick and must not raise. All do nothing here."""

    def read(self, name: str, lane: str, count: int) -> None:
        """Messages came in."""

    def handled(self, name: str, count: int, seconds: float) -> None:
        """A handler of batches returned after `seconds`, and `count` messages of its batch are done.

        Of handlers of single messages: `count` are done, which took `seconds` in all.
        """

    def failed(self, message: Message, error: Exception, retry_seconds: float) -> None:
        """A handler failed on a message, which is tried again after this wait."""

    def crashed(self, message: Message, error: Exception) -> None:
        """A child process died with a message, which is handed back."""

    def dead(self, message: Message, error: Exception) -> None:
        """A message went to the dead letters."""

    def expired(self, message: Message) -> None:
        """A message was finished without being handled, because its deadline was over."""

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

    def freed(self, name: str, count: int) -> None:
        """Slots of keys were held by entries that are gone, and are free again."""

    def disconnected(self, name: str, error: Exception) -> None:
        """The broker did not answer, or refused; it is tried again."""

    def reconnected(self, name: str) -> None:
        """The broker answers reads again."""

    def regrouped(self, name: str) -> None:
        """The consumer group was missing and has been made: a new name, or a server that was flushed."""

    def returned(self, name: str, messages: Sequence[Message]) -> None:
        """Messages were handed back unfinished at shutdown."""

    def paused(self, name: str, lanes: Sequence[str]) -> None:
        """An operator's orders have changed: these lanes are not read; none: all are."""

    def ticked(self, name: str, schedule: str, count: int, dropped: int) -> None:
        """So many ticks of a schedule were published, and so many missed ones left out by its policy."""

    def measured(self, name: str, depth: Depth) -> None:
        """How much is unfinished under the name, over all workers; every few seconds."""

    def loop_delay(self, seconds: float) -> None:
        """The event loop's greatest delay within the last second."""

    def loop_blocked(self, name: str, seconds: float, where: str) -> None:
        """The loop stood still; `name` is the subscription whose handler did it, where known, `where` its code."""

    def wedged(self, name: str, seconds: float, reason: str) -> None:
        """Work has waited for so long, and this worker has done nothing: its liveness fails from now on."""
