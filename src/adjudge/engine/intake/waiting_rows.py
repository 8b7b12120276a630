"""Rows that wait for a flush, taken fairly from lanes and locations: one store's burst cannot fill every batch."""

from collections import deque
from collections.abc import Sequence

from adjudge.engine.intake.pending import Pending


class WaitingRows:
    """Of one flusher; of the rows with one key only one is on its way."""

    def __init__(self) -> None:
        self._queues: dict[tuple[str, str], deque[Pending]] = {}
        """By lane and location."""
        self._size = 0
        self._keys_in_flight: set[tuple[str, bytes]] = set()

    def __len__(self) -> int:
        return self._size

    def put(self, pending: Pending, *, first: bool = False) -> None:
        """Have a row wait, behind the others of its lane and location or before them."""
        queue = self._queues.setdefault((pending.row.terms.lane, pending.row.terms.location), deque())
        (queue.appendleft if first else queue.append)(pending)
        self._size += 1

    def take(self, most: int) -> list[Pending]:
        """Take rows from the queues in turn, until they have `landed`; one whose key has not landed goes on waiting."""
        batch: list[Pending] = []
        held_back: list[Pending] = []
        while self._queues and len(batch) < most:
            for name in list(self._queues):
                pending = self._pop(name)
                if pending.row.key_hash is not None and pending.key in self._keys_in_flight:
                    held_back.append(pending)
                    continue
                self._keys_in_flight.add(pending.key)
                batch.append(pending)
                if len(batch) >= most:
                    break
        for pending in reversed(held_back):
            self.put(pending, first=True)
        return batch

    def landed(self, batch: Sequence[Pending]) -> None:
        """These are no longer on their way, whether they are durable or not."""
        self._keys_in_flight.difference_update([pending.key for pending in batch])

    def take_older(self, than: float) -> list[Pending]:
        """Take out for good what has waited since before then."""
        old: list[Pending] = []
        for name in list(self._queues):
            while (queue := self._queues.get(name)) and queue[0].since < than:
                old.append(self._pop(name))
        return old

    def _pop(self, name: tuple[str, str]) -> Pending:
        queue = self._queues[name]
        pending = queue.popleft()
        if not queue:
            del self._queues[name]
        self._size -= 1
        return pending
