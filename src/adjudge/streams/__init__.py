"""Workers on Redis Streams: at-least-once delivery, in batches, that recover from whatever happens to the broker.

    async with Streams("redis://localhost", rng=random.SystemRandom()) as streams:
        await streams.publish([Entry("ask:vision@1", "standard", b"...", max_length=10_000)])
        await run(streams, [Subscription(name="ask:vision@1", lanes={"standard": 1}, handler=handle)], stop=stop)

It can be used without the rest of Adjudge. A message may come twice, so handlers must bear that.
"""

from adjudge.streams.app import App
from adjudge.streams.asking import HandlerFailed, Receipt, ResultTimeout
from adjudge.streams.broker import Streams
from adjudge.streams.codecs import Undecodable
from adjudge.streams.consuming.worker import Worker, run
from adjudge.streams.counting import Counters
from adjudge.streams.cron import InvalidCron
from adjudge.streams.dead_letters import DeadLetters
from adjudge.streams.fairness import KeyRules
from adjudge.streams.handlers.contexts import BatchContext, Context
from adjudge.streams.handlers.declaring import NotAHandler
from adjudge.streams.logs import Events, LogObserver, Observers
from adjudge.streams.loop_watch import LoopWatch
from adjudge.streams.messages import DeadLetter, Depth, Duplicate, Entry, Failure, Full, LaneDepth, Message
from adjudge.streams.observing import Observer
from adjudge.streams.publishing import Published
from adjudge.streams.retrying import Retries
from adjudge.streams.schedules import Cron, Every, Missed, Schedule, Tick
from adjudge.streams.shedding import Shedding
from adjudge.streams.signals import (
    Crashed,
    Escaped,
    Expired,
    NoGroup,
    Poison,
    Reject,
    RetryLater,
    Stall,
    TimedOut,
    Unavailable,
)
from adjudge.streams.subscriptions import Handler, OnDead, Said, Single, Subscription
from adjudge.streams.tasks import NotTaken, Task

__all__ = [
    "App",
    "BatchContext",
    "Context",
    "Counters",
    "Crashed",
    "Cron",
    "DeadLetter",
    "DeadLetters",
    "Depth",
    "Duplicate",
    "Entry",
    "Escaped",
    "Events",
    "Every",
    "Expired",
    "Failure",
    "Full",
    "Handler",
    "HandlerFailed",
    "InvalidCron",
    "KeyRules",
    "LaneDepth",
    "LogObserver",
    "LoopWatch",
    "Message",
    "Missed",
    "NoGroup",
    "NotAHandler",
    "NotTaken",
    "Observer",
    "Observers",
    "OnDead",
    "Poison",
    "Published",
    "Receipt",
    "Reject",
    "ResultTimeout",
    "Retries",
    "RetryLater",
    "Said",
    "Schedule",
    "Shedding",
    "Single",
    "Stall",
    "Streams",
    "Subscription",
    "Task",
    "Tick",
    "TimedOut",
    "Unavailable",
    "Undecodable",
    "Worker",
    "run",
]
