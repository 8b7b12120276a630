"""What a worker is asked to do."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from adjudge.streams.consuming.lanes import SUSPECT_CRASHES
from adjudge.streams.fairness import KeyRules
from adjudge.streams.keys import Keys
from adjudge.streams.messages import Message
from adjudge.streams.retrying import Retries
from adjudge.streams.schedules import Schedule


@dataclass(frozen=True, slots=True)
class Said:
    """What a handler of batches says about its messages, by their ids."""

    errors: Mapping[str, Exception] = field(default_factory=dict)
    answers: Mapping[str, bytes] = field(default_factory=dict)
    """For those who asked, encoded."""


Handler = Callable[[Sequence[Message]], Awaitable[Mapping[str, Exception] | Said | None]]
"""Handles a batch of one lane.

Returning None: all are done. Returning a mapping: those whose ids it holds failed, the others are done. Raising:
all failed. It is called with the same message again whenever a worker died, so its effects must bear repetition.
"""


@dataclass(frozen=True, slots=True)
class Single:
    """A handler of one message at a time; a slow one holds back no other, up to `concurrency`.

    Returning: the message is done, and what it returned, if anything, is the encoded answer for whoever asked.
    """

    call: Callable[[Message], Awaitable[bytes | None]]


OnDead = Callable[[Sequence[Message], Exception], Awaitable[None]]
"""Called before messages go to the dead letters, and again until it returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One name, its lanes, and who handles their messages."""

    name: str
    lanes: Mapping[str, int]
    """Weights: where several lanes wait, each gets this share of the messages handled."""
    handler: Handler | Single
    batch: int = 200
    """Most messages in one call of the handler; of a `Single`, most that are acknowledged together."""
    prefetch: int = 200
    """Of a `Single`: most messages of a lane that wait in front of it."""
    linger_ms: int = 0
    """How long an incomplete batch waits for more."""
    batch_ms: int | None = None
    """How long a batch should take: the next ones get smaller, as far as that helps; two fifths of it while
    messages come of a lane with more weight. None: it may take any time."""
    concurrency: int = 2
    """Batches handled at once; of a `Single`, messages."""
    timeout_seconds: float | None = None
    """A run of the handler that takes longer is ended, and counts as a failure. None: it may take for ever."""
    expired: Literal["drop", "dead"] = "drop"
    """Where messages go whose deadline was over before they were handled: away, or to the dead letters."""
    keep_result_seconds: float = 3600.0
    """How long answers wait for those who asked."""
    lease_seconds: float = 30.0
    """A worker silent for this long loses its messages to the others."""
    retries: Retries = field(default_factory=Retries)
    crash_limit: int = 5
    """A message is given up as poison after this many consumers died with it."""
    keep_dead_seconds: float = 14 * 86_400.0
    """Age limit of dead letters."""
    on_dead: OnDead | None = None
    schedules: Sequence[Schedule] = ()
    """Periodic messages, published by one of the workers of this name."""
    keys: KeyRules | None = None
    """Bounds for each key; kept on the server, where those of the worker that came last count."""

    @property
    def in_hand(self) -> int:
        """Most messages of a lane that may ever wait in front of the handler; see also `Batches.ahead`."""
        return self.prefetch if isinstance(self.handler, Single) else self.batch

    def __post_init__(self) -> None:
        for lane in self.lanes:
            Keys(self.name).lane(lane)
        if self.concurrency < 1 or self.prefetch < 1 or self.lease_seconds <= 0 or self.linger_ms < 0:
            raise ValueError(f"{self.name}: concurrency, prefetch and lease must be positive, linger not negative")
        if self.batch_ms is not None and self.batch_ms < 1:
            raise ValueError(f"{self.name}: batch_ms must be positive")
        if (self.timeout_seconds is not None and self.timeout_seconds <= 0) or self.keep_result_seconds <= 0:
            raise ValueError(f"{self.name}: time-out and the time to keep results must be positive")
        if any(schedule.lane not in self.lanes for schedule in self.schedules):
            raise ValueError(f"{self.name}: a schedule has a lane that nobody reads")
        if self.crash_limit <= SUSPECT_CRASHES:
            raise ValueError(f"{self.name}: crash_limit must be over {SUSPECT_CRASHES}, else the innocent die too")
