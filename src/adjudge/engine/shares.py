"""Which of several locations goes before the others with what it asks next, and which has had its share."""

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

    def goes_first(self, location: str, now: float, rate: float, *, is_crowded: bool) -> bool:
        """Return whether a location's next question goes before the others; then it has taken of its share.

        `rate`: questions answered a second. Nobody has a share where it is not crowded, or nobody else asks.
        """
        if location != self._latest:
            self._shared_until = now + SHARED_SECONDS if self._latest is not None else 0.0
            self._latest = location
        if not is_crowded:
            return True
        self._note(location, now)
        taken_until = max(now, self._taken_until.get(location, 0.0))
        if taken_until > now + AHEAD_SECONDS:
            if now < self._shared_until and not self._asks_little(location):
                return False
            taken_until = now + AHEAD_SECONDS
        self._taken_until[location] = taken_until + max(2, len(self._asked)) / rate
        return True

    def _asks_little(self, location: str) -> bool:
        return self._asked[location] * len(self._asked) <= LITTLE * self._total

    def _note(self, location: str, now: float) -> None:
        if now >= self._window_ends:
            self._window_ends = now + WINDOW_SECONDS
            self._asked = {each: asked / 2 for each, asked in self._asked.items() if asked / 2 >= FORGOTTEN}
            self._total = sum(self._asked.values())
            self._taken_until = {each: until for each, until in self._taken_until.items() if until > now}
        self._asked[location] = self._asked.get(location, 0.0) + 1
        self._total += 1
