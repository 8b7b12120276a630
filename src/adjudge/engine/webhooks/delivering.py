"""Delivery of webhooks: claims what is due, sends it, tells what came of it.

Any number of processes do it at once, and may be killed at any moment: what one had in hand is due again
when its lease, no longer renewed, ends. So a receiver may be told twice, and never not at all. A dead
receiver has a line of its own (`receivers.py`) and holds nobody up.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from adjudge.engine.webhooks.attempts import Attempts
from adjudge.engine.webhooks.posting import Poster, message_id, outcome_body
from adjudge.engine.webhooks.receivers import REFRESH_SECONDS, Answered, Line, pause_after
from adjudge.store.connecting import UNAVAILABLE, Connection, Pool
from adjudge.store.webhooks import deliveries, endpoints
from adjudge.store.webhooks.deliveries import Attempt, Claimed, Ended

log = structlog.get_logger()

POLL_SECONDS: Final = 0.1
QUEUE_SECONDS: Final = 10.0
"""How long a claimed delivery waits for its turn, before others may have it."""
MOST_IN_HAND: Final = 2_048
KEPT_FREE: Final = 4
"""Deliveries that any receiver may have in hand, although slow ones hold all the others."""
LAST_WORDS_SECONDS: Final = 2.0


class Deliverer:
    """Sends what the fan-out has written. Any keeper runs one."""

    def __init__(
        self,
        pool: Pool,
        poster: Poster,
        *,
        monotonic: Callable[[], float],
        chance: Callable[[], float],
        lease_seconds: float,
    ) -> None:
        self._pool = pool
        self._poster = poster
        self._monotonic = monotonic
        self._chance = chance
        self._lease = timedelta(seconds=lease_seconds)
        self._attempts = Attempts(pool)
        self._lines: dict[str, Line] = {}
        self._in_hand: set[Claimed] = set()
        self._room = asyncio.Event()

    async def run(self) -> None:
        """Deliver until cancelled; then hand back what is in hand."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._claim(group), name="claim-webhooks")
                group.create_task(self._renew(), name="renew-webhooks")
                group.create_task(self._attempts.run(), name="record-webhooks")
        finally:
            await self._hand_back()

    async def _hand_back(self) -> None:
        self._attempts.unsent(self._in_hand)
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._attempts.write()
        except UNAVAILABLE as error:  # it is due again when the lease ends
            log.warning("webhooks.stalled", at="end", error=repr(error))

    async def _claim(self, group: asyncio.TaskGroup) -> None:
        refresh_at = 0.0
        while True:
            claimed: list[Claimed] = []
            try:
                async with self._pool.acquire() as connection:
                    if self._monotonic() >= refresh_at:
                        await self._refresh(connection)
                        refresh_at = self._monotonic() + REFRESH_SECONDS
                    if rooms := self._rooms():
                        claimed = await deliveries.claim(connection, rooms, self._lease)
            except UNAVAILABLE as error:
                log.warning("webhooks.stalled", at="claim", error=repr(error))
                await asyncio.sleep(REFRESH_SECONDS)
            self._line_up(group, claimed)
            self._let_go()
            if not claimed:
                await self._rest()

    async def _renew(self) -> None:
        """Keep what is in hand: only what a dead process had is due again."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            try:
                if self._in_hand:
                    async with self._pool.acquire() as connection:
                        await deliveries.renew(connection, self._in_hand, self._lease)
            except UNAVAILABLE as error:
                log.warning("webhooks.stalled", at="renew", error=repr(error))

    async def _rest(self) -> None:
        """Wait a while, or until a line that was full has room."""
        self._room.clear()
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._room.wait()
        except TimeoutError:
            return

    async def _refresh(self, connection: Connection) -> None:
        found = {receiver.id: receiver for receiver in await endpoints.receivers(connection)}
        for name, receiver in found.items():
            if name in self._lines:
                self._lines[name].receiver = receiver
            else:
                self._lines[name] = Line(receiver)
        for name in self._lines.keys() - found.keys():
            if not self._lines[name].in_hand:
                del self._lines[name]

    def _rooms(self) -> dict[str, int]:
        left, now, rooms = MOST_IN_HAND - len(self._in_hand), self._monotonic(), {}
        for name, line in self._lines.items():
            room = min(line.room(now), max(left, KEPT_FREE - line.in_hand))
            if room > 0:
                rooms[name] = room
                left -= room
        return rooms

    def _line_up(self, group: asyncio.TaskGroup, claimed: Sequence[Claimed]) -> None:
        """Put each into its receiver's line, and have enough senders there."""
        now = self._monotonic()
        self._in_hand.update(claimed)
        for each in claimed:
            line = self._lines[each.key.endpoint]
            line.in_hand += 1
            line.waiting.append((now, each))
        for name in {each.key.endpoint for each in claimed}:
            line = self._lines[name]
            for _ in range(line.wanted_senders()):
                line.senders += 1
                group.create_task(self._send(line), name="send-webhooks")

    def _let_go(self) -> None:
        """Let others have what has waited for its turn too long: the line of a slow receiver hardly moves."""
        oldest = self._monotonic() - QUEUE_SECONDS
        for line in self._lines.values():
            while line.waiting and line.waiting[0][0] < oldest:
                _, claimed = line.waiting.popleft()
                self._attempts.unsent([claimed])
                self._done_with(line, claimed)

    async def _send(self, line: Line) -> None:
        """Send what waits in a line, one after the other, until nothing does."""
        try:
            while line.waiting:
                _, claimed = line.waiting.popleft()
                await self._attempt(line, claimed)
                self._done_with(line, claimed)
        finally:
            line.senders -= 1

    def _done_with(self, line: Line, claimed: Claimed) -> None:
        self._in_hand.discard(claimed)
        now = self._monotonic()
        was_full = line.room(now) == 0
        line.in_hand -= 1
        if was_full and line.room(now):
            self._room.set()

    async def _attempt(self, line: Line, claimed: Claimed) -> None:
        if line.is_shut(self._monotonic()):
            self._attempts.unsent([claimed])
            return
        at = self._poster.now()
        answered = await self._answer(line, claimed, at)
        self._attempts.ended(self._judged(claimed, answered, at))
        if claimed.row is not None:
            self._learn(line, answered)

    async def _answer(self, line: Line, claimed: Claimed, at: datetime) -> Answered:
        row = claimed.row
        if row is None:
            return Answered(None, "the outcome is no longer kept", 0.0)
        try:
            message = message_id(row.decision_id, row.version)
            return await self._poster.post(line.receiver, message, outcome_body(row), at, row.trace)
        except Exception as error:  # a fault of ours on one delivery must not end all others
            log.error("webhook.failed", endpoint=claimed.key.endpoint, decision=str(row.decision_id), exc_info=error)
            return Answered(None, f"could not be sent: {type(error).__name__}", 0.0)

    def _judged(self, claimed: Claimed, answered: Answered, at: datetime) -> Ended:
        """Return what becomes of the delivery."""
        record = Attempt(
            attempt=claimed.attempt, at=at, seconds=answered.seconds, status=answered.status, error=answered.error
        )
        if answered.is_delivered:
            return Ended(claimed.key, record, "delivered")
        pause = pause_after(claimed.failures + 1, at - claimed.due_since, self._chance())
        if pause is None or claimed.row is None:
            log.error("webhook.parked", endpoint=claimed.key.endpoint, decision=str(claimed.key.decision), count=1)
            return Ended(claimed.key, record, "parked")
        return Ended(claimed.key, record, "waiting", max(pause, timedelta(seconds=answered.asked_to_wait)))

    def _learn(self, line: Line, answered: Answered) -> None:
        """Let the line know how its receiver does."""
        endpoint, now = line.receiver.id, self._monotonic()
        if answered.is_delivered:
            if line.succeeded():
                self._attempts.recovered(endpoint)
                log.info("webhook.recovered", endpoint=endpoint)
        elif answered.is_gone:
            line.leave_alone(now + 2 * REFRESH_SECONDS)
            self._attempts.gone(endpoint)
            log.error("webhook.stopped", endpoint=endpoint)
        elif self._is_news(line, answered, now):
            self._attempts.failing(endpoint, answered.error)
            log.warning("webhook.failing", endpoint=endpoint, error=answered.error)

    def _is_news(self, line: Line, answered: Answered, now: float) -> bool:
        """Count a failure; return whether it says more of the receiver than is on record."""
        if answered.is_receivers_fault:
            return line.failed(now, self._chance(), answered.asked_to_wait)
        return line.refused(answered.error)
