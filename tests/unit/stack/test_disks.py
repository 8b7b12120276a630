"""A disk that fills up is named, once each time."""

import asyncio
import shutil
from types import SimpleNamespace

from adjudge.stack import disks


async def test_a_disk_that_fills_up_is_named_once_and_when_it_has_space_again(monkeypatch, tmp_path):
    free = iter([disks.LOW_BYTES, 5, 0, disks.LOW_BYTES, 7])
    told: asyncio.Queue[str] = asyncio.Queue()
    monkeypatch.setattr(disks, "LOOK_SECONDS", 0.0)
    usual = shutil.disk_usage  # of the servers' folder, which is watched meanwhile

    def usage(folder):
        return SimpleNamespace(free=next(free, 7)) if folder == tmp_path else usual(folder)

    monkeypatch.setattr(shutil, "disk_usage", usage)

    async with asyncio.timeout(5), disks.disk_watched(tmp_path, told.put_nowait):
        said = [await told.get() for _ in range(3)]

    assert [line.removeprefix(f"the disk that holds {tmp_path} ").partition(":")[0] for line in said] == [
        "is full",
        "has space again",
        "is full",
    ]
    assert told.empty()
