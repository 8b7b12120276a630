"""The handlers of an app, at work for the length of a block."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from adjudge.streams import App


@asynccontextmanager
async def running(app: App, **options: Any) -> AsyncIterator[None]:
    """Run an app until the block ends, then let it drain. `options`: of `App.run`."""
    stop = asyncio.Event()
    async with asyncio.timeout(40), asyncio.TaskGroup() as group:
        group.create_task(app.run(stop=stop, **options))
        try:
            yield
        finally:
            stop.set()
