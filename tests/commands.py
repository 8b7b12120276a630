"""Commands against the API of a stack in this process: served on a port, typed in another thread."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import pytest
import uvicorn
from tests.ports import free_port
from tests.waiting import until

from adjudge.cli.root import run

Typed: TypeAlias = Callable[..., Awaitable[tuple[int, str]]]
"""Runs a command; returns its status and what it printed."""


@contextlib.asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The API on a port; return its address."""
    config = uvicorn.Config(app, host="127.0.0.1", port=free_port(), lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield f"http://127.0.0.1:{config.port}"
    server.should_exit = True
    await serving


def typed(url: str, key: str | None, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Commands as the holder of this key."""
    monkeypatch.setenv("ADJUDGE_URL", url)
    monkeypatch.setenv("ADJUDGE_KEY", key or "")

    async def command(*words: str) -> tuple[int, str]:
        printed = io.StringIO()

        def act() -> int:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
                return run(words)

        status = await asyncio.to_thread(act)
        lines = printed.getvalue().splitlines()  # less what the stack in this process logs
        return status, "\n".join(line for line in lines if "event='" not in line)

    return command
