"""Handlers that run in child processes, which import this module."""

import os
import sys
import time

import msgspec

from adjudge.streams import App, BatchContext, Context, Reject, Retries, RetryLater

time.sleep(float(os.environ.get("POOLED_START_SECONDS", "0")))

app = App("redis://nowhere.invalid")


class Order(msgspec.Struct, frozen=True):
    what: str


class Unportable(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


AT_ONCE = Retries(limit=1, base_seconds=0, cap_seconds=0)


@app.handler(pool="process", concurrency=1, retries=AT_ONCE, timeout_seconds=2, max_calls=3, lease_seconds=1)
def work(order: Order, context: Context) -> int:
    match order.what, context.failures:
        case "print", _:
            print("to standard output")
        case "die", _:
            os._exit(9)
        case "hang", 0:
            time.sleep(60)
        case "exit", 0:
            sys.exit(3)
        case "unportable", 0:
            raise Unportable("a", "b")
        case "later", 0:
            raise RetryLater(0.1)
        case "reject", _:
            raise Reject("garbage")
        case "progress", _:
            context.progress("half")
            time.sleep(0.5)
    return os.getpid()


@app.handler(pool="process", concurrency=1, retries=AT_ONCE)
def many(orders: list[Order], context: BatchContext) -> list[int]:
    for place, order in enumerate(orders):
        if order.what == "bad" and not context[place].failures:
            context.fail(place, ValueError("no"))
    return [os.getpid()] * len(orders)
