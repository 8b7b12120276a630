"""A connection to a master that may change: whenever one is opened, the Sentinels are asked who the master is."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from adjudge.streams.connections.addresses import Address
from adjudge.streams.connections.line import Line
from adjudge.streams.connections.script import Command
from adjudge.streams.signals import Unavailable


class Sentinels:
    """Several of them; the one that answered last is asked first."""

    def __init__(self, service: str, lines: Sequence[Line]) -> None:
        self._question: Command = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)
        self._service = service
        self._lines = deque(lines)
        self._turn = asyncio.Lock()

    async def master(self, until: float) -> Address:
        """Where the master is, by loop time `until`. Raises `Unavailable`."""
        try:
            async with asyncio.timeout_at(until), self._turn:
                return await self._asked(until)
        except TimeoutError as error:
            raise Unavailable("no Sentinel answered in time") from error

    async def close(self) -> None:
        """Close the connections to all of them."""
        for line in self._lines:
            await line.close()

    async def _asked(self, until: float) -> Address:
        now = asyncio.get_running_loop().time
        said = "no Sentinel is given"
        for left in range(len(self._lines), 0, -1):
            try:  # a silent one may have its share of the time only
                [answer] = await self._lines[0].exchange([self._question], now() + (until - now()) / left)
            except Unavailable as error:
                answer, said = None, str(error)
            match answer:
                case [bytes(host), bytes(port)]:
                    return Address(host.decode(), int(port))
                case Exception() as refused:
                    said = str(refused)
            self._lines.rotate(-1)
        raise Unavailable(f"no Sentinel knows the master of {self._service!r}: {said}")


class MasterLine:
    """As a line, to whoever is master when it is opened."""

    def __init__(self, sentinels: Sentinels, dial: Callable[[Address], Line]) -> None:
        self._sentinels, self._dial = sentinels, dial
        self._address: Address | None = None
        self._line: Line | None = None

    async def exchange(self, commands: Sequence[Command], until: float) -> list[Any]:
        """Answers in order. Raises `Unavailable`."""
        return await (await self._opened(until)).exchange(commands, until)

    async def tell(self, command: Command, until: float) -> None:
        """Send a command whose answer comes through `listen`. Raises `Unavailable`."""
        await (await self._opened(until)).tell(command, until)

    async def listen(self, wait_seconds: float) -> Any:
        """What the server says unasked; None after silence. Raises `Unavailable`."""
        if self._line is None:
            raise Unavailable("nothing was told yet")
        return await self._line.listen(wait_seconds)

    async def close(self) -> None:
        """Close now; a later call opens anew."""
        if self._line:
            await self._line.close()

    async def _opened(self, until: float) -> Line:
        if self._line and self._line.is_open:
            return self._line
        address = await self._sentinels.master(until)
        if self._line is None or address != self._address:
            await self.close()
            self._address, self._line = address, self._dial(address)
        return self._line
