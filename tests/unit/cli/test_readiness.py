"""A process says by a file that it is at work: not before it is, and no longer than it lives."""

import asyncio
import os

from adjudge.cli.processes import readiness
from adjudge.engine.health.readiness import Report


async def test_the_file_is_there_once_all_is_well_and_goes_with_its_process(tmp_path, monkeypatch):
    monkeypatch.setattr(readiness, "LOOK_AGAIN_SECONDS", 0.0)
    file, looked = tmp_path / "worker", asyncio.Semaphore(0)
    broker = {"ok": False}

    async def look() -> Report:
        looked.release()
        return Report({"valkey": dict(broker)})

    telling = asyncio.create_task(readiness.tell(file, look))
    async with asyncio.timeout(5):
        for _ in range(3):
            await looked.acquire()
        assert not file.exists()
        broker["ok"] = True
        while not file.exists():
            await asyncio.sleep(0)
    assert (file.read_text(), readiness.is_told(file)) == (f"{os.getpid()}\n", True)

    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)

    assert not file.exists()
