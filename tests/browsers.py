"""A real browser, where the machine has one."""

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Final

from tests.children import child

FOUND: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ONLY_HERE: Final = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
QUIET: Final = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
SECONDS: Final = 60.0


async def dom_of(url: str, profile: Path) -> str:
    """Return what a browser that reaches this machine alone makes of a page, its scripts run. Raises TimeoutError."""
    assert FOUND is not None
    options = ("--headless", *QUIET, ONLY_HERE, f"--user-data-dir={profile}", "--virtual-time-budget=10000")
    browser = child(FOUND, *options, "--dump-dom", url, stdout=PIPE, stderr=DEVNULL)
    async with asyncio.timeout(SECONDS), browser as process:
        shown, _ = await process.communicate()
    return shown.decode()
