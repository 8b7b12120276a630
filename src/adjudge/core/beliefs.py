"""What comes of combining opinions: a belief, the need of more opinions, or none."""

from typing import TypeAlias

import msgspec

from adjudge.core.events import Opinion


class Belief(msgspec.Struct, frozen=True):
    """The posterior over answers after combining opinions."""

    answer: str
    confidence: float
    margin: float
    """The confidence minus that of the next best answer."""
    opinions: tuple[Opinion, ...]
    """Those that the belief rests on."""
    agreeing: int
    asked: int

    @property
    def votes(self) -> int:
        return sum(opinion.source == "reviewer" for opinion in self.opinions)


class Pending(msgspec.Struct, frozen=True):
    """More opinions are needed: `seats` more people, beside those already asked. 0: wait for those who were asked."""

    seats: int = 0


class Undecided(msgspec.Struct, frozen=True):
    """No belief will come of this stage."""

    code: str
    reason: str


Combined: TypeAlias = Belief | Pending | Undecided
