"""Workers on Redis Streams: at least once, in batches, alive through whatever happens to the broker.

    async with Streams("redis://localhost", rng=random.SystemRandom()) as streams:
        await streams.publish([Entry("ask:vision@1", "standard", b"...", max_length=10_000)])
        await run(streams, [Subscription(name="ask:vision@1", lanes={"standard": 1}, handler=handle)], stop=stop)

Usable alone: nothing here knows of decisions. Messages may come twice; handlers bear that.
"""

from adjudge.streams.broker import Streams
from adjudge.streams.dead_letters import DeadLetters
from adjudge.streams.messages import DeadLetter, Depth, Entry, Failure, Full, LaneDepth, Message
from adjudge.streams.observing import Observer
from adjudge.streams.publishing import Published
from adjudge.streams.retrying import Retries
from adjudge.streams.signals import NoGroup, Poison, Reject, RetryLater, Stall, Unavailable
from adjudge.streams.subscriptions import Handler, OnDead, Subscription
from adjudge.streams.worker import Worker, run

__all__ = [
    "DeadLetter",
    "DeadLetters",
    "Depth",
    "Entry",
    "Failure",
    "Full",
    "Handler",
    "LaneDepth",
    "Message",
    "NoGroup",
    "Observer",
    "OnDead",
    "Poison",
    "Published",
    "Reject",
    "Retries",
    "RetryLater",
    "Stall",
    "Streams",
    "Subscription",
    "Unavailable",
    "Worker",
    "run",
]
