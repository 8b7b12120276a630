"""A worker's figures as plain numbers, and as text that Prometheus reads. No library is needed."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from adjudge.streams.messages import Depth, Message
from adjudge.streams.observing import Observer
from adjudge.streams.signals import Poison

PREFIX = "adjudge_streams_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the text that Prometheus reads."""

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """A name under which figures are told; a counter's name ends in `_total`."""

    name: str
    help: str

    @property
    def kind(self) -> str:
        """As Prometheus has it."""
        return "counter" if self.name.endswith("_total") else "gauge"


READ = Metric("read_total", "Messages that came in.")
HANDLED = Metric("handled_total", "Messages that are done.")
SECONDS = Metric("handler_seconds_total", "Time in handlers.")
FAILED = Metric("failed_total", "Times that a handler failed on a message.")
RETRIED = Metric("retried_total", "Failed messages that were put back to be tried again.")
DEAD = Metric("dead_total", "Messages that went to the dead letters.")
EXPIRED = Metric("expired_total", "Messages whose deadline was over.")
CRASHED = Metric("crashed_total", "Messages with which a child process died.")
STALLED = Metric("stalled_total", "Times that what stands behind a handler was gone.")
RENEWED = Metric("lease_renewals_total", "Leases that were renewed.")
LOST = Metric("lost_total", "Messages in hand that another worker claimed.")
CLAIMED = Metric("claims_total", "Messages claimed from dead consumers.")
VANISHED = Metric("vanished_total", "Pending messages that were deleted from their stream.")
DISCONNECTED = Metric("disconnects_total", "Calls that the broker did not answer.")
RECONNECTED = Metric("reconnects_total", "Times that the broker answered reads again.")
REGROUPED = Metric("regrouped_total", "Consumer groups that were missing and have been made.")
RETURNED = Metric("returned_total", "Messages handed back at shutdown.")
TICKED = Metric("ticks_total", "Periodic messages that were published.")
DROPPED = Metric("ticks_dropped_total", "Missed ticks that a schedule's policy left out.")
BLOCKED = Metric("loop_blocked_total", "Times that the event loop stood still.")
BLOCKED_SECONDS = Metric("loop_blocked_seconds_total", "Time in which the event loop stood still.")
LOOP_DELAY = Metric("loop_delay_seconds", "Greatest delay of the event loop in its last second.")
WEDGED = Metric("wedged_total", "Times that work waited and this worker did nothing.")
PAUSED = Metric("paused_lanes", "Lanes that an operator has paused.")
LAG = Metric("lag", "Entries that nobody has read, over all workers.")
PENDING = Metric("pending", "Entries in the hands of all workers.")
OLDEST = Metric("oldest_seconds", "Age of the oldest unfinished entry; 0: there is none.")
DELAYED = Metric("delayed", "Messages that wait for their time or another try.")
DEAD_LETTERS = Metric("dead_letters", "Dead letters that are kept.")


class Counters(Observer):
    """Labels are names of subscriptions, their lanes and schedules: closed sets, never a message or its key."""

    def __init__(self) -> None:
        self._values: defaultdict[Metric, dict[Labels, float]] = defaultdict(dict)

    def value(self, metric: Metric, **labels: str) -> float:
        """One figure; of labels that are left out, all together."""
        wanted = set(labels.items())
        return math.fsum(value for found, value in self._values[metric].items() if wanted <= set(found))

    def exposition(self) -> str:
        """All figures in the text format of Prometheus, version 0.0.4. Not older than the last call of a hook."""
        return "".join(line for metric, values in list(self._values.items()) for line in _lines(metric, values))

    def read(self, name: str, lane: str, count: int) -> None:
        self._add(READ, count, name=name, lane=lane)

    def handled(self, name: str, count: int, seconds: float) -> None:
        self._add(HANDLED, count, name=name)
        self._add(SECONDS, seconds, name=name)

    def failed(self, message: Message, error: Exception, retry_seconds: float) -> None:
        self._add(FAILED, name=message.name)
        self._add(RETRIED, name=message.name)

    def dead(self, message: Message, error: Exception) -> None:
        self._add(FAILED, 0 if isinstance(error, Poison) else 1, name=message.name)
        self._add(DEAD, name=message.name)

    def expired(self, message: Message) -> None:
        self._add(EXPIRED, name=message.name)

    def crashed(self, message: Message, error: Exception) -> None:
        self._add(CRASHED, name=message.name)

    def stalled(self, name: str, error: Exception) -> None:
        self._add(STALLED, name=name)

    def renewed(self, name: str, count: int) -> None:
        self._add(RENEWED, count, name=name)

    def lost(self, name: str, count: int) -> None:
        self._add(LOST, count, name=name)

    def reclaimed(self, name: str, lane: str, count: int) -> None:
        self._add(CLAIMED, count, name=name, lane=lane)

    def vanished(self, name: str, lane: str, count: int) -> None:
        self._add(VANISHED, count, name=name, lane=lane)

    def disconnected(self, name: str, error: Exception) -> None:
        self._add(DISCONNECTED, name=name)

    def reconnected(self, name: str) -> None:
        self._add(RECONNECTED, name=name)

    def regrouped(self, name: str) -> None:
        self._add(REGROUPED, name=name)

    def returned(self, name: str, messages: Sequence[Message]) -> None:
        self._add(RETURNED, len(messages), name=name)

    def paused(self, name: str, lanes: Sequence[str]) -> None:
        self._set(PAUSED, len(lanes), name=name)

    def ticked(self, name: str, schedule: str, count: int, dropped: int) -> None:
        self._add(TICKED, count, name=name, schedule=schedule)
        self._add(DROPPED, dropped, name=name, schedule=schedule)

    def measured(self, name: str, depth: Depth) -> None:
        for lane, found in depth.lanes.items():
            self._set(LAG, found.lag, name=name, lane=lane)
            self._set(PENDING, found.pending, name=name, lane=lane)
            self._set(OLDEST, found.oldest_seconds or 0.0, name=name, lane=lane)
        self._set(DELAYED, depth.delayed, name=name)
        self._set(DEAD_LETTERS, depth.dead, name=name)

    def loop_delay(self, seconds: float) -> None:
        self._set(LOOP_DELAY, seconds)

    def loop_blocked(self, name: str, seconds: float, where: str) -> None:
        self._add(BLOCKED, name=name)
        self._add(BLOCKED_SECONDS, seconds, name=name)

    def wedged(self, name: str, seconds: float, reason: str) -> None:
        self._add(WEDGED, name=name)

    def _add(self, metric: Metric, count: float = 1, **labels: str) -> None:
        values, key = self._values[metric], tuple(labels.items())
        values[key] = values.get(key, 0) + count

    def _set(self, metric: Metric, value: float, **labels: str) -> None:
        self._values[metric][tuple(labels.items())] = value


def _lines(metric: Metric, values: Mapping[Labels, float]) -> Iterator[str]:
    name = PREFIX + metric.name
    yield f"# HELP {name} {metric.help}\n# TYPE {name} {metric.kind}\n"
    for labels, value in list(values.items()):
        yield f"{name}{_written(labels)} {value:.17g}\n"


def _written(labels: Iterable[tuple[str, str]]) -> str:
    pairs = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels)
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
