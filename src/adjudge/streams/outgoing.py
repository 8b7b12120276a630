"""Entries on their way out of one process: what is published at the same time goes in one write."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from adjudge.streams.broker import Streams
from adjudge.streams.messages import Entry
from adjudge.streams.publishing import Published
from adjudge.streams.signals import Unavailable

_MOST = 500


@dataclass(slots=True, eq=False)
class _Waiting:
    entry: Entry
    answer: Published | None = None


class Outgoing:
    """Publishes single entries. Whoever has its turn takes along those that wait behind it."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._waiting: list[_Waiting] = []
        self._turn = asyncio.Lock()

    async def publish(self, entry: Entry) -> Published:
        """The broker's answer, within its time-out for those before and once more."""
        mine = _Waiting(entry)
        self._waiting.append(mine)
        try:
            async with self._turn:
                if mine.answer is None:
                    await self._write()
        finally:
            if mine.answer is None and mine in self._waiting:
                self._waiting.remove(mine)
        assert mine.answer is not None
        return mine.answer

    async def _write(self) -> None:
        batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        try:
            answers: Sequence[Published] = await self._streams.publish([each.entry for each in batch])
        except BaseException:  # cut off in the middle: the others must learn that theirs may be written or not
            answers = [Unavailable("the write was interrupted")] * len(batch)
            raise
        finally:
            for each, answer in zip(batch, answers, strict=True):
                each.answer = answer
