"""What a consumer does beside handling messages: it renews its leases, and takes over from dead consumers."""

import asyncio
from collections.abc import Callable

from adjudge.streams.broker import Streams
from adjudge.streams.consuming.holding import Holding
from adjudge.streams.group import Group
from adjudge.streams.observing import Observer
from adjudge.streams.signals import NoGroup, Unavailable
from adjudge.streams.subscriptions import Subscription

TICK_SECONDS = 0.5
_FORGET_EVERY_SECONDS = 60.0
_FORGET_AFTER_SECONDS = 3600.0


class Upkeep:
    """Runs until it is cancelled. `may_claim` says whether this consumer wants more work at present."""

    def __init__(
        self,
        subscription: Subscription,
        *,
        streams: Streams,
        group: Group,
        holding: Holding,
        observer: Observer,
        may_claim: Callable[[], bool],
    ) -> None:
        self._name, self._lanes = subscription.name, tuple(subscription.lanes)
        self._lease_seconds = subscription.lease_seconds
        self._wait_seconds = min(TICK_SECONDS, subscription.lease_seconds / 4)
        self._rng, self._group, self._holding, self._observer = streams.rng, group, holding, observer
        self._may_claim = may_claim
        self._loop_time = asyncio.get_running_loop().time
        self._forgot_at = self._loop_time()

    async def run(self) -> None:
        """Tick for ever; trouble with the broker is seen by the reader too, and survived here."""
        while True:
            try:
                await self._tick()
            except Unavailable as error:
                self._holding.doubtful = True  # a claim whose answer was lost has given us messages
                self._observer.disconnected(self._name, error)
            await asyncio.sleep(self._wait_seconds * self._rng.uniform(0.8, 1.0))

    async def _tick(self) -> None:
        now = self._loop_time()
        if now - self._holding.confirmed_at > self._lease_seconds / 3:
            await self._renew(now)  # before claiming, so that we do not claim from ourselves
        if self._may_claim():
            for lane, room in self._holding.lanes.with_room(at_least=1).items():
                await self._claim(lane, room)
        if now - self._forgot_at > _FORGET_EVERY_SECONDS:
            self._forgot_at = now
            await self._group.forget_dead(_FORGET_AFTER_SECONDS)

    async def _renew(self, now: float) -> None:
        for lane, ids in self._holding.ids().items():
            try:
                lost = self._holding.lose(lane, await self._group.renew(lane, ids))
            except NoGroup:  # flushed: the entries are gone, no lease is left to renew
                continue
            self._observer.renewed(self._name, len(ids) - lost)
            if lost:
                self._observer.lost(self._name, lost)
        self._holding.confirmed_at = now

    async def _claim(self, lane: str, room: int) -> None:
        cursor = "0-0"
        while cursor and room > 0:
            page = await self._group.claim(lane, self._lease_seconds, room, cursor)
            received = self._holding.receive(lane, page.messages, claimed=True)
            if received:
                self._observer.reclaimed(self._name, lane, received)
            if page.deleted:
                self._observer.vanished(self._name, lane, page.deleted)
            cursor, room = page.following, room - received
