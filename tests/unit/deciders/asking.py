"""Deciders made of a test's own function, on a clock of the test's."""

import random
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from adjudge.core.answers import ClosedSpace, Labels
from adjudge.core.specifications import DeciderSpec
from adjudge.deciders import Answered, Deciders, DeciderState, Failed, Question, open_deciders

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAY_OR_REFUSE = Labels(("pay", "refuse"))
MODULE = "a_model_of_a_test"


class Clock:
    """Stands still unless moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)


class Bench:
    """The open decider `model@1` and its clock."""

    def __init__(self, deciders: Deciders, clock: Clock) -> None:
        self.deciders = deciders
        self.clock = clock

    async def ask(self, *questions: Question) -> list[Answered | Failed]:
        return await self.deciders.ask("model@1", questions)

    async def faults(self, *questions: Question) -> list[str | None]:
        """The fault of each question, None where it was answered."""
        return [each.fault if isinstance(each, Failed) else None for each in await self.ask(*questions)]

    @property
    def state(self) -> DeciderState:
        return self.deciders.states()[0]


def a_question(amount: object = "50.00", space: ClosedSpace = PAY_OR_REFUSE, **changes: Any) -> Question:
    values: dict[str, Any] = {"id": "q", "type": "claim.pay", "location": "default", **changes}
    return Question(evidence={"amount": amount}, space=space, **values)


def questions(*amounts: object) -> list[Question]:
    return [a_question(amount) for amount in amounts]


def a_spec(python: str = f"{MODULE}:model", **changes: Any) -> DeciderSpec:
    return DeciderSpec(**{"name": "model", "version": "1", "python": python, **changes})


@asynccontextmanager
async def opened(
    spec: DeciderSpec, folder: Path = Path("/nonexistent"), *, strict: bool = True
) -> AsyncIterator[Bench]:
    clock = Clock()
    async with open_deciders(
        [spec], folder=folder, clock=clock, now=clock.now, rng=random.Random(7), strict=strict
    ) as deciders:
        yield Bench(deciders, clock)


@asynccontextmanager
async def asking(model: Callable[..., Any], **changes: Any) -> AsyncIterator[Bench]:
    """Open a decider of which `model` is the function."""
    module = ModuleType(MODULE)
    module.model = model  # type: ignore[attr-defined]
    sys.modules[MODULE] = module
    try:
        async with opened(a_spec(**changes)) as bench:
            yield bench
    finally:
        del sys.modules[MODULE]


def sure(answer: str = "pay") -> Mapping[str, float]:
    return {answer: 1.0}
