"""What handlers did, in a file that outlives them, so that nobody's own counters are asked.

The file has, for each message by its number, when it was last handled (nanoseconds of the monotonic clock, which all
processes of a machine share) and how often. Standard library only: every peer's interpreter reads this.
"""

import asyncio
import mmap
import os
import time
from pathlib import Path

_BYTES = 9
"""Per message: eight for the time, one for the count."""

BODY_BYTES = 312
_BARE_BYTES = len('{"n":,"decision":"","evidence":""}') + 36


class Effects:
    """The file, mapped into memory: what a killed process has noted stays."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            whole = memoryview(mmap.mmap(file.fileno(), 0))
        self.size = len(whole) // _BYTES
        self.stamps = whole[: self.size * 8].cast("q")
        self.counts = whole[self.size * 8 :]

    @classmethod
    def new(cls, path: Path, size: int) -> "Effects":
        """Make a file for messages 0 to `size` - 1. The size is rounded up to a multiple of eight."""
        with path.open("wb") as file:
            file.truncate(-(-size // 8) * 8 * _BYTES)
        return cls(path)

    def note(self, number: int) -> None:
        """Say that a message was handled."""
        self.stamps[number] = time.monotonic_ns()
        self.counts[number] += 1

    def handled(self, first: int, count: int) -> int:
        """How many of these messages were handled at all."""
        return count - bytes(self.counts[first : first + count]).count(0)

    def twice(self, first: int, count: int) -> int:
        """How many of these messages were handled more than once."""
        return count - sum(map(bytes(self.counts[first : first + count]).count, (0, 1)))

    def times(self, first: int, count: int) -> list[int]:
        """When these messages were handled, in order of time; those that were not are left out."""
        return sorted(filter(None, self.stamps[first : first + count]))


def payload(number: int) -> dict[str, object]:
    """A message whose compact JSON has 312 bytes."""
    filling = BODY_BYTES - _BARE_BYTES - len(str(number))
    return {"n": number, "decision": "0" * 36, "evidence": "x" * filling}


class Setting:
    """What the benchmark tells a contestant, by its environment."""

    def __init__(self) -> None:
        self.url = os.environ["BENCH_URL"]
        self.concurrency = int(os.environ["BENCH_CONCURRENCY"])
        self.handler_seconds = float(os.environ["BENCH_HANDLER_SECONDS"])
        self.effects = Effects(Path(os.environ["BENCH_EFFECTS"]))

    def handle(self, number: int) -> None:
        """The handler of all contestants that have threads."""
        if self.handler_seconds:
            time.sleep(self.handler_seconds)
        self.effects.note(number)

    async def handle_async(self, number: int) -> None:
        """The handler of all that have an event loop."""
        if self.handler_seconds:
            await asyncio.sleep(self.handler_seconds)
        self.effects.note(number)
