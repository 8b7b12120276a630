"""Many slices at once: how often something happens, with the limits that so many tries allow."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from adjudge.automation.binomial import upper_bound
from adjudge.automation.samples import Sample

TARGET = 0.01
DELTA = 0.1
TOLERANCE = 0.02
"""By how much the upper 95% limit of a simulated chance may lie above what is promised."""


@dataclass(frozen=True, slots=True)
class Share:
    """How often, in so many tries."""

    times: int
    tries: int

    @classmethod
    def of(cls, found: Iterable[bool]) -> "Share":
        results = [bool(one) for one in found]
        return cls(sum(results), len(results))

    @property
    def value(self) -> float:
        return self.times / self.tries

    @property
    def high(self) -> float:
        """Upper 95% limit."""
        return upper_bound(self.times, self.tries, 0.05)

    @property
    def low(self) -> float:
        """Lower 99.9% limit."""
        return 1 - upper_bound(self.tries - self.times, self.tries, 0.001) if self.times else 0.0

    def __str__(self) -> str:
        return f"{self.value:.1%} of {self.tries} (at most {self.high:.1%})"


def holds(found: Share, promised: float) -> bool:
    """Whether a promise about a chance is kept."""
    print(f"promised {promised:.1%}: {found}")
    return found.value <= promised and found.high <= promised + TOLERANCE


def is_broken(found: Share, promised: float) -> bool:
    """Whether it is surely broken."""
    print(f"promised {promised:.1%}, the wrong way: {found}")
    return found.low > promised


def a_slice(rng: np.random.Generator, audits: int, risk: Callable[[np.ndarray], np.ndarray] | float = TARGET) -> Sample:
    """Audits with uniform scores; `risk` by the position in the order of scores, 0 the surest."""
    position = rng.random(audits)
    risks = risk(position) if callable(risk) else risk
    return Sample.columns(1 - position, rng.random(audits) < risks, rng.random(audits) < 0.8)


def rising(reaching: float) -> Callable[[np.ndarray], np.ndarray]:
    """Risk that rises with doubt, so that the selective risk is the target at that coverage exactly."""
    return lambda position: 2 * TARGET * position / reaching
