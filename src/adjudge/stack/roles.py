"""The role processes of one machine: started together, restarted when they end, stopped in order."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from adjudge.stack.children import Child, Order, spawn
from adjudge.stack.errors import NotSpawned
from adjudge.stack.logs import held_to_bound
from adjudge.stack.restarts import delay_after, described
from adjudge.stack.tasks import cancelled, until

ANSWER_SECONDS: Final = 5.0

Ready = Callable[[], Awaitable[bool]]


async def run_roles(
    commands: Mapping[str, Sequence[str]],
    *,
    env: Mapping[str, str],
    ready: Mapping[str, Ready] | None = None,
    report: Callable[[str], None],
    stop: asyncio.Event,
    ended: Callable[[int], None] | None = None,
    log_folder: Path | None = None,
    drain_seconds: float = 30.0,
) -> None:
    """Run each command under its name until `stop` is set; then stop them one by one, in the order given.

    So name the one that takes in work first: `api`, then `worker`, then `keeper`. Each gets SIGTERM,
    `drain_seconds` to finish, then SIGKILL. `env` is their whole environment. Output goes to
    `<log_folder>/<name>.log`, held to a bound, or to our standard error. A role that ends by itself is
    reported and started again, after longer and longer waits; `ended` is told of each process that is gone.
    """
    roles = [
        _Role(name, _order(name, command, env, log_folder, drain_seconds), (ready or {}).get(name), report, ended)
        for name, command in commands.items()
    ]
    async with asyncio.TaskGroup() as group:
        keepers = [group.create_task(role.keep(), name=role.name) for role in roles]
        bounding = group.create_task(held_to_bound([role.order.log for role in roles if role.order.log]), name="logs")
        try:
            await stop.wait()
        finally:
            for keeper in keepers:
                keeper.cancel()
                await asyncio.wait((keeper,))
            bounding.cancel()


def _order(
    name: str, command: Sequence[str], env: Mapping[str, str], log_folder: Path | None, drain_seconds: float
) -> Order:
    return Order(
        command=command,
        folder=Path.cwd(),
        log=log_folder / f"{name}.log" if log_folder else None,
        patience_seconds=drain_seconds,
        env=env,
    )


@dataclass(frozen=True, slots=True)
class _Role:
    name: str
    order: Order
    ready: Ready | None
    report: Callable[[str], None]
    ended: Callable[[int], None] | None

    async def keep(self) -> None:
        """Run it for ever: cancel this to stop it."""
        clock, delay = asyncio.get_running_loop().time, 0.0
        while True:
            started = clock()
            end = await self._run_once()
            delay = delay_after(delay, lived_seconds=clock() - started)
            self.report(f"{self.name} {end}: starting it again in {delay:g} s{self._see_log()}")
            await asyncio.sleep(delay)

    async def _run_once(self) -> str:
        """Run it to its end, and tell it."""
        try:
            child = await spawn(self.order)
        except NotSpawned as error:
            return f"did not start ({error})"
        watcher = asyncio.create_task(self._tell_when_ready(child.pid), name=f"{self.name} ready")
        try:
            return f"ended by itself ({described(await child.wait())})"
        except asyncio.CancelledError:
            await self._stop(child)
            raise
        finally:
            if self.ended is not None:
                self.ended(child.pid)
            await cancelled(watcher)

    async def _stop(self, child: Child) -> None:
        self.report(f"{self.name} stopped ({described(await child.stop())})")

    async def _tell_when_ready(self, pid: int) -> None:
        if self.ready:
            await until(partial(_answers, self.ready))
        self.report(f"{self.name} {'is ready' if self.ready else 'started'} (process {pid})")

    def _see_log(self) -> str:
        return f" (log: {self.order.log})" if self.order.log else ""


async def _answers(ready: Ready) -> bool:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await ready()
    except TimeoutError:
        return False
