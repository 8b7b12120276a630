"""Outcomes: versions of the answer."""

from typing import Literal, TypeAlias

import msgspec

OutcomeKind: TypeAlias = Literal["provisional", "final", "amended"]
OutcomeSource: TypeAlias = Literal["model", "rule", "reviewer", "fallback", "cancel"]


class Relied(msgspec.Struct, frozen=True):
    """A control that an acceptance rests on: the settle statement refuses another generation."""

    scope: str
    """`decider:vision-sku@2`."""
    generation: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the answer."""

    version: int
    kind: OutcomeKind
    answer: str | None
    """Key of the answer; None only where a decision was cancelled."""
    source: OutcomeSource
    confidence: float | None = None
    deciders: tuple[str, ...] = ()
    reason: str = ""
    code: str = ""
    """Closed set, for metrics: `by-hand`, `people`, or why the fallback answered."""
    certificate: str | None = None
    relied: tuple[Relied, ...] = ()
