"""Celery: 32 threads; results off."""

from celery import Celery

from peers.effects import Setting

setting = Setting()
app = Celery("bench", broker=setting.url)
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True

WORKER = ("celery", "-A", "peers.celery", "worker", "-P", "threads", "-c", str(setting.concurrency), "-l", "WARNING")


@app.task(name="handle")
def handle(message: dict) -> None:
    setting.handle(message["n"])


def publish(message: dict) -> None:
    handle.delay(message)
