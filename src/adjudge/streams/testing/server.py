"""A Redis in memory: the commands and scripts of this package, on the time of the event loop."""

import asyncio
from collections.abc import Sequence
from typing import Any

from adjudge.streams.connections.refusals import Refusal
from adjudge.streams.connections.script import Argument, Command, Script
from adjudge.streams.testing import plain_commands, stream_commands
from adjudge.streams.testing.keyspace import Keyspace
from adjudge.streams.testing.lua import Refused, Status, run_script

BORN = 1_750_000_000.0
"""Unix seconds of the server when the event loop's clock shows 0."""

_COMMANDS = {**plain_commands.COMMANDS, **stream_commands.COMMANDS}
_NEWS = frozenset({b"XADD", b"XGROUP", b"DEL", b"UNLINK"})
_NO_SCRIPT = "NOSCRIPT No matching script. Please use EVAL."


class MemoryServer:
    """One server; as many `MemoryStreams` as wanted reach it. Make it inside the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.keys = Keyspace(self._now_ms)
        self.clock_step_seconds = 0.0
        """How far the server's clock has been set forward, or back."""
        self._scripts: dict[bytes, str] = {}
        self._is_news = False
        """Something happened that a blocked reader may wait for."""
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._listeners: dict[bytes, list[asyncio.Queue[Any]]] = {}

    def time(self) -> float:
        """Unix seconds of the server."""
        return BORN + self._loop.time() + self.clock_step_seconds

    def flush(self) -> None:
        """Lose all data, as after FLUSHALL."""
        self.keys.clear()
        self._wake()

    def flush_scripts(self) -> None:
        """Lose all scripts, as after a restart."""
        self._scripts.clear()

    def answer(self, command: Command) -> Any:
        """Carry out a command that does not wait; an error stands in the answer's place."""
        words = [_bytes(word) for word in command]
        try:
            return self._carried_out(words)
        except Refused as error:
            return Refusal(str(error))
        finally:
            if self._is_news:
                self._wake()

    async def answer_in_time(self, command: Command) -> Any:
        """Carry out a command that may wait."""
        seconds = _block_seconds(command)
        if seconds is None:
            return self.answer(command)
        until = self._loop.time() + seconds
        while (found := self.answer(command)) is None and (left := until - self._loop.time()) > 0:
            await self._until_something_happens(left)
        return found

    def subscribe(self, channel: bytes, queue: asyncio.Queue[Any]) -> None:
        """Put what is published there into the queue."""
        listeners = self._listeners.setdefault(channel, [])
        listeners.append(queue)
        queue.put_nowait([b"subscribe", channel, len(listeners)])

    def unsubscribe(self, queue: asyncio.Queue[Any]) -> None:
        """Put nothing more into the queue."""
        for listeners in self._listeners.values():
            if queue in listeners:
                listeners.remove(queue)

    async def _until_something_happens(self, seconds: float) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting[future] = None
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            return
        finally:
            self._waiting.pop(future, None)

    def _wake(self) -> None:
        self._is_news = False
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    def _now_ms(self) -> int:
        return int(self.time() * 1000)

    def _carried_out(self, words: Sequence[bytes]) -> Any:
        name, rest = words[0].upper(), words[1:]
        if name in _COMMANDS:
            self._is_news = self._is_news or name in _NEWS
            return _COMMANDS[name](self.keys, rest)
        match name:
            case b"EVALSHA":
                if rest[0] not in self._scripts:
                    raise Refused(_NO_SCRIPT)
                return self._run(self._scripts[rest[0]], rest[1:])
            case b"EVAL":
                return self._run(self._loaded(rest[0]), rest[1:])
            case b"SCRIPT":
                return self._script(rest)
            case b"TIME":
                micros = round(self.time() * 1_000_000)
                return [b"%d" % (micros // 1_000_000), b"%d" % (micros % 1_000_000)]
            case b"PING":
                return Status(b"PONG")
            case b"PUBLISH":
                return self._publish(rest[0], rest[1])
            case b"COMMAND":
                return [[word.lower()] if word.upper() in _COMMANDS else None for word in rest[1:]]
            case b"FLUSHALL" | b"FLUSHDB":
                self.flush()
                return Status(b"OK")
            case _:
                raise Refused(f"ERR unknown command '{words[0].decode()}'")

    def _script(self, words: Sequence[bytes]) -> Any:
        match words[0].upper():
            case b"FLUSH":
                self.flush_scripts()
                return Status(b"OK")
            case b"EXISTS":
                return [int(sha in self._scripts) for sha in words[1:]]
            case _:
                raise Refused(f"ERR unknown subcommand '{words[0].decode()}'")

    def _loaded(self, source: bytes) -> str:
        text = source.decode()
        self._scripts[_sha(text)] = text
        return text

    def _run(self, source: str, words: Sequence[bytes]) -> Any:
        count = int(words[0])
        return run_script(source, words[1 : 1 + count], words[1 + count :], self._carried_out)

    def _publish(self, channel: bytes, payload: bytes) -> int:
        listeners = self._listeners.get(channel, [])
        for queue in listeners:
            queue.put_nowait([b"message", channel, payload])
        return len(listeners)


def _sha(source: str) -> bytes:
    return Script(source).sha.encode()


def _bytes(word: Argument) -> bytes:
    if isinstance(word, bytes):
        return word
    return word.encode() if isinstance(word, str) else repr(word).encode()


def _block_seconds(command: Command) -> float | None:
    words = [str(word).upper() for word in command[:9]]
    if words[0] != "XREADGROUP" or "BLOCK" not in words:
        return None
    return int(command[words.index("BLOCK") + 1]) / 1000
