"""Whether a failed message is tried again, and when."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from adjudge.streams.messages import Failure, Message, Trail
from adjudge.streams.signals import Poison, Reject, RetryLater

HISTORY_LIMIT = 10
DETAIL_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a message that failed is tried again, and after which waits.

    The waits grow by doubling and are drawn between 0 and their bound ("full jitter"), so that messages which
    failed together do not come back together: Brooker, "Exponential Backoff And Jitter", 2015.
    """

    limit: int = 5
    """Retries after the first try; 0: none."""
    base_seconds: float = 0.5
    cap_seconds: float = 60.0
    max_age_seconds: float = math.inf
    """No retry begins later than this after the first publication."""
    by_error: Mapping[type[Exception], "Retries"] = field(default_factory=dict)
    """Other rules for some errors; the nearest class in an error's ancestry counts."""

    def __post_init__(self) -> None:
        if self.limit < 0 or not 0 <= self.base_seconds <= self.cap_seconds or not self.max_age_seconds > 0:
            raise ValueError(f"retries need limit >= 0, 0 <= base <= cap and a positive age: {self}")

    def rules_for(self, error: Exception) -> "Retries":
        """The rules of the error's nearest ancestor that has some; else these."""
        return next((self.by_error[kind] for kind in type(error).__mro__ if kind in self.by_error), self)


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after a wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """To the dead letters."""


def after_failure(
    message: Message, error: Exception, retries: Retries, rng: random.Random, now: float
) -> Retry | GiveUp:
    """What becomes of a message after `error`, its `message.failures + 1`-st, at Unix seconds `now` of the server.

    What could be tried again only after its deadline, or when it is too old, is given up now.
    """
    rules = retries.rules_for(error)
    if isinstance(error, Reject | Poison) or message.failures >= rules.limit:
        return GiveUp()
    wait = _wait(message, error, rules, rng)
    return Retry(wait) if now + wait < _end(message, rules) else GiveUp()


def _wait(message: Message, error: Exception, rules: Retries, rng: random.Random) -> float:
    if isinstance(error, RetryLater):
        return error.seconds
    return backoff(message.failures, rules.base_seconds, rules.cap_seconds, rng)


def _end(message: Message, rules: Retries) -> float:
    deadline = math.inf if message.expires_at is None else message.expires_at
    return min(deadline, message.published_at + rules.max_age_seconds)


def backoff(earlier: int, base_seconds: float, cap_seconds: float, rng: random.Random) -> float:
    """Wait after `earlier` earlier failures: anywhere in 0..min(cap, base * 2 ** earlier) seconds."""
    return rng.uniform(0.0, min(cap_seconds, base_seconds * 2.0 ** min(earlier, 60)))


def trail_after(message: Message, error: Exception, at: float) -> Trail:
    """The message's trail with this failure added."""
    history = message.trail.history if message.trail else ()
    return Trail(
        origin=message.origin,
        published_ms=message.published_ms,
        failures=message.failures + 1,
        history=(*history, Failure(at, name_of(error), str(error)[:DETAIL_LIMIT]))[-HISTORY_LIMIT:],
    )


def name_of(error: Exception) -> str:
    """The error's class with its module."""
    return f"{type(error).__module__}.{type(error).__qualname__}"
