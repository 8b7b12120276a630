"""A disk that fills up while everything runs: nothing that was accepted is lost, and nobody dies of it."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from tests.ports import free_port

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk"),
]
QUESTION = {"type": "claim.pay", "evidence": {"amount": "30.00", "text": os.urandom(50_000).hex()}}


@pytest.fixture
def disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="adjudge-full-") as name:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150m,mode=700", "tmpfs", name], check=True)
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), file.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(1 << 16))


async def test_questions_are_refused_while_the_disk_is_full_and_taken_as_soon_as_it_is_not(disk):
    adjudge, port = [sys.executable, "-m", "adjudge"], free_port()
    made = await asyncio.create_subprocess_exec(*adjudge, "init", "shop", cwd=disk)
    assert await made.wait() == 0
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    up = await asyncio.create_subprocess_exec(
        *(*adjudge, "up", "--port", str(port)),
        cwd=disk / "shop",
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    said: list[str] = []

    async def until(words: str) -> None:
        async with asyncio.timeout(120):
            while words not in (line := (await up.stderr.readline()).decode()):
                said.append(line)

    await until("api is ready")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:

        async def ask() -> int:
            key = json.loads((disk / "shop/.adjudge/api.json").read_bytes())["key"]
            headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=10"}
            return (await client.post("/v1/decisions", json=QUESTION, headers=headers)).status_code

        before = await ask()
        fill(disk / "fill")
        await until("is full: nothing can be accepted")
        async with asyncio.timeout(60):
            while (refused := await ask()) == 200:  # there is room in pages that are there already
                pass
        (disk / "fill").unlink()
        await until("has space again")
        async with asyncio.timeout(60):
            while (after := await ask()) != 200:
                await asyncio.sleep(0.2)
    up.terminate()
    assert await up.wait() == 0

    assert (before, refused, after) == (200, 503, 200)
    assert not [line for line in said if "ended by itself" in line]
