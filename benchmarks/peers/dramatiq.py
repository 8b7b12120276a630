"""Dramatiq: one process of 32 threads."""

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from peers.effects import Setting

setting = Setting()
dramatiq.set_broker(RedisBroker(url=setting.url))

WORKER = ("dramatiq", "peers.dramatiq", "--processes", "1", "--threads", str(setting.concurrency))


@dramatiq.actor
def handle(message: dict) -> None:
    setting.handle(message["n"])


def publish(message: dict) -> None:
    handle.send(message)
