"""The deciders of a process, opened together and asked by their ids."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

from adjudge.core.errors import AdjudgeError
from adjudge.core.specifications import DeciderSpec
from adjudge.deciders.decider import Decider, DeciderState
from adjudge.deciders.functions import Unusable
from adjudge.deciders.importing import importable
from adjudge.deciders.questions import Answered, Failed, Question


class DeciderUnavailable(AdjudgeError):
    """A decider's function cannot be imported or called: names the decider, the function and the reason."""

    kind = "decider-unavailable"

    def __init__(self, decider: str, detail: str) -> None:
        super().__init__(f"{decider} cannot be imported: {detail}")


class Deciders:
    """What can be asked while `open_deciders` lasts."""

    def __init__(self, deciders: Mapping[str, Decider]) -> None:
        self._deciders = deciders

    async def ask(self, decider: str, questions: Sequence[Question]) -> list[Answered | Failed]:
        """Return one answer or fault for each question, in order.

        Raises KeyError for a decider that was not opened, and nothing for what a model does.
        """
        return await self._deciders[decider].ask(questions)

    def states(self) -> list[DeciderState]:
        """Return what each decider is doing, in order of id."""
        return [self._deciders[decider].state() for decider in sorted(self._deciders)]


@asynccontextmanager
async def open_deciders(
    specs: Iterable[DeciderSpec],
    *,
    folder: Path,
    clock: Callable[[], float],
    now: Callable[[], datetime],
    rng: random.Random,
    strict: bool = True,
) -> AsyncIterator[Deciders]:
    """Load the functions, `folder` first on the path, and keep them as long as the context lasts.

    `clock` is monotonic, in seconds, for what is measured; `now` is UTC, for what is shown; `rng` spreads
    pauses. Raises DeciderUnavailable; a worker that must start anyway is not `strict`: then every
    question to such a decider fails, and `states` says why.
    """
    deciders = {spec.id: Decider(spec, clock=clock, now=now, rng=rng) for spec in specs}
    async with AsyncExitStack() as stack:
        stack.enter_context(importable(folder))
        for decider in deciders.values():
            stack.push_async_callback(decider.close)
        opened = await asyncio.gather(*(decider.open() for decider in deciders.values()), return_exceptions=True)
        for name, result in zip(deciders, opened, strict=True):
            if isinstance(result, BaseException) and (strict or not isinstance(result, Unusable)):
                raise DeciderUnavailable(name, str(result)) if isinstance(result, Unusable) else result
        yield Deciders(deciders)
