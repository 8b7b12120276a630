"""What a worker is asked to do."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from adjudge.streams.keys import Keys
from adjudge.streams.lanes import SUSPECT_CRASHES
from adjudge.streams.messages import Message
from adjudge.streams.retrying import Retries

Handler = Callable[[Sequence[Message]], Awaitable[Mapping[str, Exception] | None]]
"""Handles a batch of one lane.

Returning None: all are done. Returning a mapping: those whose ids it holds failed, the others are done. Raising:
all failed. It is called with the same message again whenever a worker died, so its effects must bear repetition.
"""

OnDead = Callable[[Sequence[Message], Exception], Awaitable[None]]
"""Called before messages go to the dead letters, and again until it returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One name, its lanes, and who handles their messages."""

    name: str
    lanes: Mapping[str, int]
    """Weights: where several lanes wait, each gets this share of the messages handled."""
    handler: Handler
    batch: int = 200
    """Most messages in one call of the handler."""
    linger_ms: int = 0
    """How long an incomplete batch waits for more."""
    concurrency: int = 2
    """Batches handled at once."""
    lease_seconds: float = 30.0
    """A worker silent for this long loses its messages to the others."""
    retries: Retries = field(default_factory=Retries)
    crash_limit: int = 5
    """A message is given up as poison after this many consumers died with it."""
    keep_dead_seconds: float = 14 * 86_400.0
    """Age limit of dead letters."""
    on_dead: OnDead | None = None

    def __post_init__(self) -> None:
        for lane in self.lanes:
            Keys(self.name).lane(lane)
        if self.concurrency < 1 or self.lease_seconds <= 0 or self.linger_ms < 0:
            raise ValueError(f"{self.name}: concurrency and lease must be positive, linger not negative")
        if self.crash_limit <= SUSPECT_CRASHES:
            raise ValueError(f"{self.name}: crash_limit must be over {SUSPECT_CRASHES}, else the innocent die too")
