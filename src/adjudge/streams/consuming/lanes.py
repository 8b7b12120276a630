"""Messages that wait in front of a consumer's handler, by lane, and which of them is next."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from adjudge.streams.messages import Message

SUSPECT_CRASHES = 2
"""A message that two consumers have died with is handled alone, so that it takes no other along."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one lane for one call of the handler."""

    lane: str
    messages: Sequence[Message]
    claimed: bool
    """They were taken from a dead consumer, not read."""

    @property
    def suspect(self) -> bool:
        """Whether its one message may be what killed its consumers."""
        return self.claimed and _is_suspect(self.messages[0])


class _Lane:
    def __init__(self, name: str, weight: int) -> None:
        self.name, self.weight, self.step = name, weight, 1 / weight
        self.fresh: deque[Message] = deque()
        self.claimed: deque[Message] = deque()
        self.served = 0.0
        """Messages taken divided by weight: the lane with the least is next."""

    def __len__(self) -> int:
        return len(self.fresh) + len(self.claimed)

    def next_of_claimed(self, limit: int) -> list[Message]:
        """The first of the claimed ones: those up to the first suspect, or one suspect."""
        trusted = next((i for i, message in enumerate(self.claimed) if _is_suspect(message)), limit)
        return _pop(self.claimed, max(1, min(limit, trusted)))

    def cut(self, limit: int) -> tuple[list[Message], bool]:
        if not self.claimed:
            return _pop(self.fresh, limit), False
        return self.next_of_claimed(limit), True


class Lanes:
    """Waiting messages by lane, taken in weighted fair order (self-clocked fair queueing, Golestani 1994)."""

    def __init__(self, weights: Mapping[str, int], batch: int) -> None:
        if not weights or min(weights.values()) < 1 or batch < 1:
            raise ValueError(f"lanes need weights of at least 1 and a batch of at least 1: {dict(weights)}, {batch}")
        self._lanes = {lane: _Lane(lane, weight) for lane, weight in weights.items()}
        self._in_order = sorted(self._lanes.values(), key=lambda lane: lane.name)  # as `take` decides between equals
        self._batch = batch
        self._clock = 0.0
        self._waiting = 0
        self.names = tuple(weights)
        self.closed: Set[str] = frozenset()
        """Lanes that are paused: they have no room."""

    def __len__(self) -> int:
        return self._waiting

    @property
    def all_closed(self) -> bool:
        """Whether all lanes are paused."""
        return len(self.closed) == len(self.names)

    def waiting(self, lane: str) -> int:
        """Messages of a lane that wait."""
        return len(self._lanes[lane])

    def fullest(self) -> int:
        """Messages of the lane with most."""
        return max(map(len, self._lanes.values()))

    def with_room(self, at_least: int, most: int | None = None) -> dict[str, int]:
        """The lanes with room for so many messages, and for how many they have it; `most` may wait in each."""
        limit = self._batch if most is None else most
        room = {name: limit - len(lane) for name, lane in self._lanes.items() if name not in self.closed}
        return {name: free for name, free in room.items() if free >= at_least}

    def add(self, lane: str, messages: Iterable[Message], *, claimed: bool) -> None:
        """Put messages in front of the handler. A lane that was empty gets no credit for its absence."""
        target = self._lanes[lane]
        if not len(target):
            target.served = max(target.served, self._clock)
        before = len(target)
        (target.claimed if claimed else target.fresh).extend(messages)
        self._waiting += len(target) - before

    def take(self, most: Callable[[str], int] | None = None) -> Batch | None:
        """The next batch: of the lane that has been served least for its weight, its claimed messages first.

        It has up to `most` of its lane, or as many as a batch may have.
        """
        ready = [(lane.served, name) for name, lane in self._lanes.items() if len(lane)]
        if not ready:
            return None
        self._clock, name = min(ready)
        lane = self._lanes[name]
        batch = Batch(name, *lane.cut(self._batch if most is None else most(name)))
        lane.served += len(batch.messages) / lane.weight
        self._waiting -= len(batch.messages)
        return batch

    def take_one(self, claimed: int) -> Message | Batch | None:
        """The next message, in the same order as `take`; where claimed ones are next, up to so many of them."""
        best: _Lane | None = None
        for lane in self._in_order:
            if (lane.fresh or lane.claimed) and (best is None or lane.served < best.served):
                best = lane
        if best is None:
            return None
        self._clock = best.served
        if best.claimed:
            batch = Batch(best.name, best.next_of_claimed(claimed), claimed=True)
            best.served += len(batch.messages) / best.weight
            self._waiting -= len(batch.messages)
            return batch
        self._waiting -= 1
        best.served += best.step
        return best.fresh.popleft()

    def remove(self, lane: str, ids: Set[str]) -> list[Message]:
        """Take waiting messages out without handling them."""
        target = self._lanes[lane]
        removed = [message for message in (*target.fresh, *target.claimed) if message.id in ids]
        self._waiting -= len(removed)
        target.fresh = deque(message for message in target.fresh if message.id not in ids)
        target.claimed = deque(message for message in target.claimed if message.id not in ids)
        return removed

    def drain(self) -> list[Message]:
        """Take out all that waits."""
        return [message for name, lane in self._lanes.items() for message in self.remove(name, _ids(lane))]


def _is_suspect(message: Message) -> bool:
    return message.crashes >= SUSPECT_CRASHES


def _pop(messages: deque[Message], limit: int) -> list[Message]:
    if len(messages) <= limit:
        taken = list(messages)
        messages.clear()
        return taken
    return [messages.popleft() for _ in range(limit)]


def _ids(lane: _Lane) -> set[str]:
    return {message.id for message in (*lane.fresh, *lane.claimed)}
