"""Running the load generator in a process of its own."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Final

import msgspec

from load.generator import Order, Result

GENERATOR: Final = Path(__file__).with_name("generator.py")
SPARE_SECONDS: Final = 60.0


async def drive(order: Order) -> Result:
    """Run one load to its end. Raises RuntimeError, TimeoutError."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(GENERATOR), stdin=PIPE, stdout=PIPE)
    try:
        async with asyncio.timeout(order.warm_seconds + order.window_seconds + SPARE_SECONDS):
            out, _ = await process.communicate(msgspec.json.encode(order))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"the load generator ended with status {process.returncode}")
    return msgspec.json.decode(out, type=Result)
