"""All messages that one consumer holds: those that wait for the handler, and those that are not finished."""

from collections.abc import Iterable, Mapping, Sequence

from adjudge.streams.consuming.lanes import Lanes
from adjudge.streams.messages import Message
from adjudge.streams.subscriptions import Subscription


class Holding:
    """Messages of one consumer, each under a lease that must be renewed."""

    def __init__(self, subscription: Subscription) -> None:
        self.lanes = Lanes(subscription.lanes, subscription.in_hand)
        self._held: dict[str, dict[str, Message]] = {lane: {} for lane in subscription.lanes}
        self.confirmed_at = float("-inf")
        """Loop time at which the server last confirmed the leases of all."""
        self.doubtful = True
        """The server may hold messages for this consumer that it does not know of: an answer was lost."""

    def receive(self, lane: str, messages: Sequence[Message], *, claimed: bool) -> int:
        """Put messages in front of the handler, except those in hand already; return how many."""
        held = self._held[lane]
        new = {message.id: message for message in messages if message.id not in held}
        held.update(new)
        self.lanes.add(lane, new.values(), claimed=claimed)
        return len(new)

    def release(self, lane: str, messages: Iterable[Message]) -> None:
        """They are finished, or in other hands."""
        held = self._held[lane]
        for message in messages:
            held.pop(message.id, None)

    def lose(self, lane: str, ids: Iterable[str]) -> int:
        """Another consumer has claimed these: forget those that wait, and return how many were still in hand.

        What a handler has begun it may finish: the effects of both bear repetition.
        """
        held = self._held[lane]
        lost = {entry_id for entry_id in ids if entry_id in held}
        for message in self.lanes.remove(lane, lost):
            del held[message.id]
        return len(lost)

    def ids(self) -> Mapping[str, Sequence[str]]:
        """Ids of all that is in hand, by lane."""
        return {lane: list(held) for lane, held in self._held.items() if held}

    def holds(self, message: Message) -> bool:
        """Whether it is still in hand."""
        return message.id in self._held[message.lane]
