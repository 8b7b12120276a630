"""huey: 32 threads; results off."""

from huey import RedisHuey

from peers.effects import Setting

setting = Setting()
huey = RedisHuey("bench", url=setting.url, results=False)

WORKER = ("huey_consumer", "peers.huey.huey", "-k", "thread", "-w", str(setting.concurrency), "-q")


@huey.task()
def handle(message: dict) -> None:
    setting.handle(message["n"])


def publish(message: dict) -> None:
    handle(message)
