"""A second request for a call that is slow: the first answer counts, the other request is given up.

It helps if one of several servers behind an address is slow. If all are slow it would double the load, so only a share
of the calls may have one.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from adjudge.core.remote import Hedge
from adjudge.deciders.lines import Asked
from adjudge.deciders.questions import Question
from adjudge.deciders.results import Priced

MOST_SAVED: Final = 10.0
"""Second requests that a quiet time allows at once."""


class Hedged:
    """A model that may be asked twice."""

    def __init__(self, model: Asked, hedge: Hedge, *, cost_micros: int) -> None:
        """`cost_micros`: what the second request costs for each question."""
        self._model = model
        self._hedge = hedge
        self._cost_micros = cost_micros
        self._allowed = 1.0

    async def ask_async(self, questions: Sequence[Question]) -> list[Any]:
        """Ask, and ask again where it takes long. Raises what the model raises, of two the first that was asked."""
        self._allowed = min(MOST_SAVED, self._allowed + self._hedge.share)
        first = asyncio.create_task(self._model.ask_async(questions))
        tries = [first]
        try:
            await asyncio.wait(tries, timeout=self._hedge.after_seconds)
            if first.done() or self._allowed < 1:
                return await first
            self._allowed -= 1
            tries.append(asyncio.create_task(self._model.ask_async(questions)))
            return [self._paid_twice(each) for each in await _first_answer(tries)]
        finally:
            await _end(tries)

    def _paid_twice(self, result: Any) -> Priced:
        if isinstance(result, Priced):
            return result._replace(cost_micros=result.cost_micros + self._cost_micros)
        return Priced(result, self._cost_micros)


async def _first_answer(tries: Sequence[asyncio.Task[list[Any]]]) -> list[Any]:
    waiting = set(tries)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in tries:
            if task in done and task.exception() is None:
                return task.result()
    return await tries[0]


async def _end(tries: Sequence[asyncio.Task[list[Any]]]) -> None:
    for task in tries:
        task.cancel()
    await asyncio.gather(*tries, return_exceptions=True)
