"""RQ: the worker that does not fork for each job, its fastest; one job at a time, as it has no other."""

from redis import Redis
from rq import Queue

from peers.effects import Setting

setting = Setting()
queue = Queue("bench", connection=Redis.from_url(setting.url))

WORKER = ("rq", "worker", "--worker-class", "rq.SimpleWorker", "--url", setting.url, "--quiet", "bench")
AT_ONCE = 1


def handle(message: dict) -> None:
    setting.handle(message["n"])


def publish(message: dict) -> None:
    queue.enqueue(handle, message, result_ttl=0)


def publish_many(messages: list[dict]) -> None:
    queue.enqueue_many([Queue.prepare_data(handle, (message,), result_ttl=0) for message in messages])
