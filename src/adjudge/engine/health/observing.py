"""Counts and logs what happens to workers on their streams."""

from collections.abc import Sequence

import structlog

from adjudge.streams import Message, Observer
from adjudge.telemetry import names

log = structlog.get_logger()


class StreamObserver(Observer):
    """Counts the rare; the frequent is counted where decisions are. `process` is the role it tells of."""

    def __init__(self, process: str) -> None:
        self._loop_delay = names.LOOP_DELAY.labels(process)

    def failed(self, message: Message, error: Exception, retry_seconds: float) -> None:
        names.STREAM_EVENTS.labels("failed").inc()
        log.warning("message.failed", stream=message.name, error=repr(error), retry_seconds=round(retry_seconds, 2))

    def dead(self, message: Message, error: Exception) -> None:
        log.error("message.dead", stream=message.name, id=message.id, error=repr(error))

    def stalled(self, name: str, error: Exception) -> None:
        names.STREAM_EVENTS.labels("stalled").inc()
        log.warning("worker.stalled", stream=name, error=repr(error))

    def reclaimed(self, name: str, lane: str, count: int) -> None:
        names.STREAM_EVENTS.labels("reclaimed").inc(count)
        log.warning("messages.reclaimed", stream=name, lane=lane, count=count)

    def lost(self, name: str, count: int) -> None:
        names.STREAM_EVENTS.labels("lost").inc(count)

    def vanished(self, name: str, lane: str, count: int) -> None:
        names.STREAM_EVENTS.labels("vanished").inc(count)
        log.warning("messages.vanished", stream=name, lane=lane, count=count)

    def disconnected(self, name: str, error: Exception) -> None:
        names.STREAM_EVENTS.labels("disconnected").inc()
        log.warning("broker.disconnected", stream=name, error=repr(error))

    def reconnected(self, name: str) -> None:
        log.info("broker.reconnected", stream=name)

    def regrouped(self, name: str) -> None:
        names.STREAM_EVENTS.labels("regrouped").inc()

    def returned(self, name: str, messages: Sequence[Message]) -> None:
        log.info("messages.handed_back", stream=name, count=len(messages))

    def expired(self, message: Message) -> None:
        names.STREAM_EVENTS.labels("expired").inc()
        log.warning("message.expired", stream=message.name, id=message.id)

    def paused(self, name: str, lanes: Sequence[str]) -> None:
        log.warning("subscription.paused" if lanes else "subscription.resumed", stream=name, lanes=list(lanes))

    def loop_delay(self, seconds: float) -> None:
        self._loop_delay.observe(seconds)

    def loop_blocked(self, name: str, seconds: float, where: str) -> None:
        names.STREAM_EVENTS.labels("loop_blocked").inc()
        log.warning("loop.blocked", stream=name, seconds=round(seconds, 3), where=where)

    def wedged(self, name: str, seconds: float, reason: str) -> None:
        names.STREAM_EVENTS.labels("wedged").inc()
        log.error("worker.wedged", stream=name, seconds=round(seconds, 1), reason=reason)
