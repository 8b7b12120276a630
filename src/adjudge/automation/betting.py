"""Licensing at any time: one betting e-process for each threshold, looked at after every audit.

Against "the risk is at least α" each certify-audit that reaches the threshold multiplies a capital by the
likelihood ratio of a lower risk q < α; the process is the mixture over several q (Waudby-Smith and Ramdas
2024). Under the null its expectation never rises, so it ever reaches 1/δ with probability at most δ
(Ville 1939), however often one looks. It depends on audits and errors alone; so "has it reached 1/δ" is
"are there as many audits as so many errors need", which is a table.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike

from adjudge.automation.binomial import Floats
from adjudge.automation.certifying import (
    CERTIFY_SHARE,
    Aim,
    Licensed,
    NotEnough,
    Start,
    Unanimity,
    Verdict,
    agreement_too_weak,
    checked,
    not_enough,
)
from adjudge.automation.samples import Audit, Role, reaching

BETS: Final = tuple(round(0.05 + 0.1 * i, 2) for i in range(9))
"""Risks bet on, as shares of the target: 0.05 to 0.85, in equal parts."""
_BISECTIONS: Final = 40


def log_capital(audits: float, errors: float, target: float) -> float:
    """Return the logarithm of the process after so many audits, so many of them wrong."""
    logs = [
        errors * math.log(share) + (audits - errors) * math.log((1 - share * target) / (1 - target)) for share in BETS
    ]
    largest = max(logs)
    return largest + math.log(sum(math.exp(log - largest) for log in logs) / len(logs))


@lru_cache(maxsize=4096)
def audits_needed(errors: int, target: float, delta: float) -> int:
    """Return the fewest audits at which so many errors leave the process at 1/delta or above."""
    low, high = errors, errors + 1
    while log_capital(high, errors, target) < math.log(1 / delta):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if log_capital(middle, errors, target) >= math.log(1 / delta) else (middle, high)
    return high


def in_order(audits: Iterable[Audit], last: int) -> list[Audit]:
    """Return audits that come after `last` in intake order. Raises ValueError for one that does not."""
    found = list(audits)
    for audit in found:
        if audit.number <= last:
            raise ValueError(f"audit {audit.number} comes after {last}: audits are read once, in intake order")
        last = audit.number
    return found


def sequence_from(grid: Sequence[float] | Floats, start: Start) -> tuple[float, ...]:
    """Return the thresholds to be tested: those of the grid from the starting point towards looser ones."""
    return tuple(float(threshold) for threshold in grid if threshold <= start.threshold)


def all_audits(certifying: int) -> int:
    """Return about how many audits were drawn for so many that certify: those that calibrate take as long."""
    return round(certifying / CERTIFY_SHARE)


def epoch_delta(delta: float, epoch: int) -> float:
    """Return what epoch 1, 2, … of one decider version may spend: together never more than `delta`."""
    return delta * 6 / (math.pi * epoch) ** 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """What is fixed before a certify-audit is read, and what has been counted since. JSON by value."""

    target: float
    delta: float
    """This epoch's part of the error budget."""
    start: Start
    grid: tuple[float, ...]
    """From the starting point towards looser thresholds."""
    reached: tuple[int, ...]
    """Certify-audits that reach each threshold, and of them the wrong ones."""
    errors: tuple[int, ...]
    shown: tuple[bool, ...]
    """Whether a look has found the threshold's own process at 1/delta. Licensed where all before it are shown, too."""
    audits: int = 0
    """Certify-audits read."""
    last_number: int = -1
    """Intake number of the last audit read."""

    @classmethod
    def begin(cls, *, target: float, delta: float, grid: Sequence[float] | Floats, start: Start) -> Self:
        """Start with nothing counted. `grid` from strict to loose; `start` as `certifying.choose_start` found it.

        Both may rest on calibrate-audits and unaudited scores alone. Certify-audits drawn before this
        moment may be read afterwards, if nobody chose anything by them. Raises ValueError for a target or
        a chance that is not between 0 and 1.
        """
        checked(target, delta)
        sequence = sequence_from(grid, start)
        nothing = (0,) * len(sequence)
        return cls(
            target=target,
            delta=delta,
            start=start,
            grid=sequence,
            reached=nothing,
            errors=nothing,
            shown=(False,) * len(sequence),
        )

    @property
    def is_done(self) -> bool:
        """Whether all of the sequence is licensed: nothing is left to be wrong about."""
        return bool(self.shown) and all(self.shown)

    def after(self, audits: Iterable[Audit]) -> Self:
        """Read closed audits in intake order; those that calibrate are passed over, the lost are wrong.

        Raises ValueError for an audit that was read before or comes out of order: an open one blocks.
        """
        given = in_order(audits, self.last_number)
        read = [audit for audit in given if audit.role is Role.CERTIFY]
        wrong = [audit.score for audit in read if audit.wrong or audit.lost]
        last = given[-1].number if given else self.last_number
        return replace(self.counting([audit.score for audit in read], wrong), last_number=last)

    def counting(self, scores: ArrayLike, wrong: ArrayLike) -> Self:
        """Count certify-audits by their scores, and by the scores of those that are wrong. For whole columns.

        Raises ValueError for a score that is no number.
        """
        all_scores, grid = np.sort(np.asarray(scores, float)), np.asarray(self.grid)
        if np.isnan(all_scores).any():
            raise ValueError("a score of an audit is not a number")
        reached = reaching(all_scores, grid)
        errors = reaching(np.sort(np.asarray(wrong, float)), grid)
        return replace(
            self,
            reached=tuple(map(int, self.reached + reached)),
            errors=tuple(map(int, self.errors + errors)),
            audits=self.audits + len(all_scores),
        )

    def look(self, *, unanimity: Unanimity | None = None, audits_per_day: float | None = None) -> tuple[Self, Verdict]:
        """Return the epoch with what is shown by now, and the verdict. As often as one likes.

        Where truth is unanimity, its bound holds at all times at once, at half of delta.
        """
        target, delta = self.tested(unanimity)
        if target <= 0:
            return self, NotEnough(reason=agreement_too_weak(self.target, self.target - target), more_audits=None)
        shown = tuple(
            before or reached >= audits_needed(errors, target, delta)
            for before, reached, errors in zip(self.shown, self.reached, self.errors, strict=True)
        )
        now = replace(self, shown=shown)
        return now, now._verdict(Aim(target, delta, audits_per_day))

    def of_now(self, *, unanimity: Unanimity | None = None, least: float = -math.inf) -> Licensed | None:
        """Return the loosest licensed threshold from `least` on that the evidence still shows, after the last audit.

        What was shown once stays licensed; but a certificate that is issued today says what is shown today. None:
        nothing is.
        """
        target, delta = self.tested(unanimity)
        if target <= 0:
            return None
        for place in reversed(range(self._licensed)):
            if self.grid[place] >= least and self.reached[place] >= audits_needed(self.errors[place], target, delta):
                return self._licence(place, target, delta)
        return None

    def at(self, threshold: float, *, unanimity: Unanimity | None = None) -> Licensed | None:
        """Return what the evidence says by now of a threshold of the grid. None: there is no such, or no test of it."""
        target, delta = self.tested(unanimity)
        if target <= 0 or threshold not in self.grid:
            return None
        return self._licence(self.grid.index(threshold), target, delta)

    def tested(self, unanimity: Unanimity | None) -> tuple[float, float]:
        """Return target and chance of error that are left for the test once unanimity's own error is bounded."""
        if unanimity is None:
            return self.target, self.delta
        return self.target - upper_bound(unanimity.wrong, unanimity.checked, self.delta / 2), self.delta / 2

    @property
    def _licensed(self) -> int:
        """How many thresholds in a row are shown."""
        return self.shown.index(False) if False in self.shown else len(self.shown)

    def _verdict(self, aim: Aim) -> Verdict:
        if not self.grid:
            return NotEnough(reason="there are no audits yet", more_audits=audits_needed(1, aim.target, aim.delta))
        if not self._licensed:
            return not_enough(
                self.reached[0],
                self.errors[0],
                all_audits(self.audits),
                aim,
                wanted=audits_needed(self.errors[0], aim.target, aim.delta),
            )
        return self._licence(self._licensed - 1, aim.target, aim.delta)

    def _licence(self, place: int, target: float, delta: float) -> Licensed:
        reached, errors = self.reached[place], self.errors[place]
        return Licensed(
            threshold=self.grid[place],
            coverage=reached / self.audits,
            upper_bound=min(1.0, upper_bound(errors, reached, delta) + self.target - target),
            p_value=min(1.0, math.exp(-log_capital(reached, errors, target))),
            audits=reached,
            errors=errors,
            start=self.start,
            unanimity=self.target - target,
        )


def upper_bound(errors: int, audits: int, delta: float) -> float:
    """Return an upper bound of a rate that holds at all times at once but for a chance of `delta`."""
    low, high = (errors + 1e-9) / (audits + 1), 1 - 1e-9
    if log_capital(audits, errors, high) < math.log(1 / delta):
        return 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        reached = log_capital(audits, errors, middle) >= math.log(1 / delta)
        low, high = (low, middle) if reached else (middle, high)
    return high
