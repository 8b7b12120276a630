"""Entries on their way out of a process: those that are published at the same time share one write."""

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
        """The broker's answer. One that is away keeps nobody waiting for longer than twice its time-out."""
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
        batch, behind = self._waiting[:_MOST], self._waiting[_MOST:]
        self._waiting = behind.copy()
        try:
            answers: Sequence[Published] = await self._streams.publish([each.entry for each in batch])
        except BaseException:  # cut off in the middle: the others must learn that theirs may be written or not
            answers = [Unavailable("the write was interrupted")] * len(batch)
            raise
        finally:
            for each, answer in zip(batch, answers, strict=True):
                each.answer = answer
        if all(isinstance(answer, Unavailable) for answer in answers):
            self._give_up(behind, answers[0])

    def _give_up(self, behind: Sequence[_Waiting], answer: Published) -> None:
        """Those that waited all the time that the broker did not answer have waited long enough."""
        for each in behind:
            each.answer = answer
        self._waiting = [each for each in self._waiting if each.answer is None]
