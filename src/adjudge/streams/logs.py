"""One log event for each thing that happens to a worker: a stable name as the message, its facts as `extra`.

With the standard library's logging, under `adjudge.streams`; any formatter that writes `extra` makes structured
lines of it, and `Events` does so by itself: `2026-12-01 18:21:07,214 warning message.failed stream=mail id=...`.
"""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from adjudge.streams.messages import Message
from adjudge.streams.observing import Observer

LOGGER = "adjudge.streams"

log = logging.getLogger(LOGGER)


class LogObserver(Observer):
    """Says what is rare. What every message does is counted (`Counters`), not said."""

    def failed(self, message: Message, error: Exception, retry_seconds: float) -> None:
        _say(
            logging.WARNING,
            "message.failed",
            message.name,
            **_of(message, error),
            retry_seconds=round(retry_seconds, 3),
        )

    def dead(self, message: Message, error: Exception) -> None:
        _say(logging.ERROR, "message.dead", message.name, **_of(message, error), failures=message.failures + 1)

    def expired(self, message: Message) -> None:
        _say(logging.WARNING, "message.expired", message.name, **_of(message), expires_at=message.expires_at)

    def crashed(self, message: Message, error: Exception) -> None:
        _say(logging.ERROR, "message.crashed", message.name, **_of(message, error))

    def stalled(self, name: str, error: Exception) -> None:
        _say(logging.WARNING, "worker.stalled", name, error=repr(error))

    def lost(self, name: str, count: int) -> None:
        _say(logging.WARNING, "messages.lost", name, count=count)

    def reclaimed(self, name: str, lane: str, count: int) -> None:
        _say(logging.WARNING, "messages.reclaimed", name, lane=lane, count=count)

    def vanished(self, name: str, lane: str, count: int) -> None:
        _say(logging.WARNING, "messages.vanished", name, lane=lane, count=count)

    def disconnected(self, name: str, error: Exception) -> None:
        _say(logging.WARNING, "broker.disconnected", name, error=repr(error))

    def reconnected(self, name: str) -> None:
        _say(logging.INFO, "broker.reconnected", name)

    def regrouped(self, name: str) -> None:
        _say(logging.INFO, "group.made", name)

    def returned(self, name: str, messages: Sequence[Message]) -> None:
        _say(logging.INFO, "messages.handed_back", name, count=len(messages))

    def paused(self, name: str, lanes: Sequence[str]) -> None:
        if lanes:
            _say(logging.WARNING, "subscription.paused", name, lanes=list(lanes))
        else:
            _say(logging.INFO, "subscription.resumed", name)

    def ticked(self, name: str, schedule: str, count: int, dropped: int) -> None:
        if dropped:
            _say(logging.WARNING, "ticks.dropped", name, schedule=schedule, count=dropped)

    def loop_blocked(self, name: str, seconds: float, where: str) -> None:
        _say(logging.WARNING, "loop.blocked", name, seconds=round(seconds, 3), where=where)

    def wedged(self, name: str, seconds: float, reason: str) -> None:
        _say(logging.ERROR, "worker.wedged", name, seconds=round(seconds, 1), reason=reason)


class Observers(Observer):
    """Several observers in the place of one, told in this order."""

    def __init__(self, *observers: Observer) -> None:
        for hook in vars(Observer):
            if not hook.startswith("_"):
                setattr(self, hook, _all([getattr(observer, hook) for observer in observers]))


class Events(logging.Formatter):
    """Writes an event and its facts as `name=value`, the values as JSON where they are more than a word."""

    def format(self, record: logging.LogRecord) -> str:
        facts = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        words = [f"{name}={_word(value)}" for name, value in facts.items()]
        line = " ".join([self.formatTime(record), record.levelname.lower(), record.getMessage(), *words])
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _say(level: int, event: str, stream: str, **facts: Any) -> None:
    log.log(level, event, extra={"stream": stream, **facts})


def _of(message: Message, error: Exception | None = None) -> dict[str, Any]:
    facts: dict[str, Any] = {"lane": message.lane, "id": message.id}
    return {**facts, "error": repr(error)[:500]} if error else facts


def _word(value: object) -> str:
    if isinstance(value, str) and value.isprintable() and value and not set(value) & set(' "='):
        return value
    return msgspec.json.encode(value, enc_hook=str).decode()


def _all(hooks: Sequence[Any]) -> Any:
    def call(*arguments: Any) -> None:
        for hook in hooks:
            hook(*arguments)

    return call
