"""Which of several locations goes before the others with what it asks next, and which has had its share."""

from statistics import median_low
from typing import Final

AHEAD_SECONDS: Final = 0.1
"""How long ahead a location may have taken its share: by so much others wait for it."""
SHARED_SECONDS: Final = 60.0
"""How long a location is one of several after another has asked."""
WINDOW_SECONDS: Final = 1.0
"""After which what was asked counts for half."""
FORGOTTEN: Final = 0.5
"""Of a question; who has asked less than that lately has no share."""
LITTLE: Final = 0.75
"""Of what locations ask on average. Who asks less is never in the way, however slow the decider is taken to be."""
BEYOND: Final = 4
"""Times its share of a second, and times what the others ask: what a location asks in a burst."""


class Shares:
    """Of what a decider answers in one lane: alike for all locations that ask it.

    A generic cell rate algorithm (ITU-T I.371): a question takes as much time of its location's share as that share
    needs to grow by one, and may do so up to AHEAD_SECONDS early.
    """

    def __init__(self) -> None:
        self._taken_until: dict[str, float] = {}
        """By location, until when its share is taken."""
        self._asked: dict[str, float] = {}
        """By location, what it has asked lately, where it was crowded."""
        self._total = 0.0
        self._latest: str | None = None
        """Who asked last."""
        self._shared_until = 0.0
        self._window_ends = 0.0
        self._burst_until: dict[str, float] = {}
        """By location, until when what its burst has put behind the others will take by itself."""

    def goes_first(self, location: str, now: float, rate: float, *, is_crowded: bool) -> bool:
        """Return whether a location's next question goes before the others; then it has taken of its share.

        `rate`: questions answered a second. Nobody has a share where it is not crowded, or nobody else asks. Of what
        comes in a burst nothing goes first, until the burst is over or what it has put behind is answered.
        """
        if location != self._latest:
            self._shared_until = now + SHARED_SECONDS if self._latest is not None else 0.0
            self._latest = location
        if not is_crowded and not self._burst_until:
            return True
        self._note(location, now)
        is_shared = now < self._shared_until
        burst_until = max(now, self._burst_until.get(location, 0.0))
        if is_shared and (is_crowded or burst_until > now) and self._is_in_a_burst(location, rate):
            self._burst_until[location] = min(burst_until + 1 / rate, now + WINDOW_SECONDS)
            return False
        if not is_crowded:
            return True
        taken_until = max(now, self._taken_until.get(location, 0.0))
        if taken_until > now + AHEAD_SECONDS:
            if is_shared and not self._asks_little(location):
                return False
            taken_until = now + AHEAD_SECONDS
        self._taken_until[location] = taken_until + self._sharing / rate
        return True

    @property
    def _sharing(self) -> int:
        return max(2, len(self._asked))

    def _is_in_a_burst(self, location: str, rate: float) -> bool:
        asked = self._asked[location]
        if asked * self._sharing <= BEYOND * rate or self._asks_little(location):
            return False
        return len(self._asked) == 1 or asked > BEYOND * median_low(self._asked.values())

    def _asks_little(self, location: str) -> bool:
        return self._asked[location] * len(self._asked) <= LITTLE * self._total

    def _note(self, location: str, now: float) -> None:
        if now >= self._window_ends:
            left = 0.5 ** (1 + int((now - self._window_ends) / WINDOW_SECONDS))
            self._window_ends = now + WINDOW_SECONDS
            self._asked = {each: asked * left for each, asked in self._asked.items() if asked * left >= FORGOTTEN}
            self._total = sum(self._asked.values())
            self._taken_until = {each: until for each, until in self._taken_until.items() if until > now}
            self._burst_until = {each: until for each, until in self._burst_until.items() if until > now}
        self._asked[location] = self._asked.get(location, 0.0) + 1
        self._total += 1
