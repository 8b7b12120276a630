"""The certificate: the loosest threshold at which audits show the selective risk to be below the target.

Exact binomial tests in a fixed sequence, from a starting point that the calibrate-audits choose towards
looser thresholds, until one cannot be rejected (Bauer 1991, Angelopoulos et al. 2021).
The chance that the licensed threshold's risk is at least the target is at most `delta`, because the first
threshold of the sequence for which that is so would have to pass its own test.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from adjudge.automation.binomial import Floats, audits_needed, divergence, tail, tails, upper_bound
from adjudge.automation.samples import Role, Sample, grid_of
from adjudge.core.counting import counted

StartWhy: TypeAlias = Literal["calibrate-audits", "one-error"]

ENOUGH_TO_CALIBRATE: Final = 0.5
"""Calibrate-audits choose the start where there are this share of those at which one error would pass."""
CERTIFY_SHARE: Final = 0.8
"""Of the audits, where none has been drawn yet to see it by."""
TELLING_ERRORS: Final = 5
"""By fewer wrong audits nobody can tell what a risk is but by guessing."""
MOST_AUDITS: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanimity:
    """What experts found among audits that people had answered alike, drawn by a coin of their own."""

    checked: int
    wrong: int

    def bound(self, delta: float) -> float:
        """Return the upper bound of the share of unanimous truths that are wrong."""
        return upper_bound(self.wrong, self.checked, delta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The strictest threshold that is claimed, and what chose it."""

    threshold: float
    why: StartWhy


@dataclass(frozen=True, slots=True, kw_only=True)
class Licensed:
    """A threshold at and above which a plan's prefix may answer without people."""

    threshold: float
    coverage: float
    """Share of the audited decisions, so of all decisions, that reach the threshold."""
    upper_bound: float
    """Of the selective risk, exact at the licensed threshold; unanimity's own error added."""
    p_value: float
    audits: int
    """Certify-audits that reach the threshold."""
    errors: int
    start: Start
    unanimity: float = 0.0
    """Bound on the error of unanimous truths by which the target was lowered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnough:
    """No threshold is licensed. Not a finding that the risk is above the target."""

    reason: str
    more_audits: int | None
    """At the error rate seen so far; None where at that rate no number would do."""
    days: float | None = None
    """At the present rate of audits, where that was given."""


Verdict: TypeAlias = Licensed | NotEnough


@dataclass(frozen=True, slots=True)
class Aim:
    """What a test is to show, with which chance of error, and how fast audits come for it."""

    target: float
    delta: float
    audits_per_day: float | None = None


def certify(
    sample: Sample,
    *,
    target: float,
    delta: float,
    grid: Floats | None = None,
    start: Start | None = None,
    unanimity: Unanimity | None = None,
    audits_per_day: float | None = None,
) -> Verdict:
    """Test the sample once, spending `delta`. For repeated looks: `betting`, or a part of `delta` for each.

    `grid` (strict to loose) and `start`: as fixed at the beginning of the epoch; without them they
    follow from the calibrate-audits of the sample. Where truth is unanimity, half of `delta` bounds its
    error and half tests the target less that bound. Raises ValueError for a target or a chance that is
    not between 0 and 1.
    """
    checked(target, delta)
    believed, chance = lowered(target, delta, unanimity)
    if believed <= 0:
        return NotEnough(reason=agreement_too_weak(target, target - believed), more_audits=None)
    aim = Aim(believed, chance, audits_per_day)
    calibrate, judged = sample.part(Role.CALIBRATE), sample.part(Role.CERTIFY)
    grid = grid_of(calibrate.scores) if grid is None else grid
    if not grid.size or not len(judged):
        return too_few(len(judged), len(sample), aim)
    start = start or choose_start(calibrate, grid, target=believed, delta=chance, certify_audits=len(judged))
    if start is None:
        return too_few(len(judged), len(sample), aim)
    sequence = grid[grid <= start.threshold]
    reached, errors = judged.counts(sequence)
    passed = _in_a_row(reached.tolist(), errors.tolist(), lambda wrong: audits_needed(wrong, believed, chance))
    if not passed:
        return not_enough(
            int(reached[0]),
            int(errors[0]),
            len(sample),
            aim,
            wanted=audits_needed(int(errors[0]), believed, chance),
        )
    last = passed - 1
    threshold = float(sequence[last])
    return Licensed(
        threshold=threshold,
        coverage=float(np.mean(sample.scores >= threshold)),
        upper_bound=min(1.0, upper_bound(int(errors[last]), int(reached[last]), chance) + target - believed),
        p_value=tail(int(errors[last]), int(reached[last]), believed),
        audits=int(reached[last]),
        errors=int(errors[last]),
        start=start,
        unanimity=target - believed,
    )


def checked(target: float, delta: float) -> None:
    """Raise ValueError for a target or a chance of error that is not between 0 and 1."""
    if not (0 < target < 1 and 0 < delta < 1):
        raise ValueError(f"a target of {target} at an error of {delta} cannot be tested")


def lowered(target: float, delta: float, unanimity: Unanimity | None) -> tuple[float, float]:
    """Return target and chance of error that are left for the test once unanimity's own error is bounded."""
    return (target, delta) if unanimity is None else (target - unanimity.bound(delta / 2), delta / 2)


def choose_start(calibrate: Sample, grid: Floats, *, target: float, delta: float, certify_audits: int) -> Start | None:
    """Return where the sequence begins: never a matter of the certify-audits' scores or labels. None: too few of all.

    The threshold with the smallest p-value on the calibrate-audits; where these are too few, the
    strictest at which one error would still pass among `certify_audits`, by their coverage.
    """
    needed = audits_needed(1, target, delta)
    reached, errors = calibrate.counts(grid)
    if len(calibrate) < ENOUGH_TO_CALIBRATE * needed:
        feasible = np.flatnonzero(certify_audits * reached / max(len(calibrate), 1) >= needed)
        return Start(threshold=float(grid[feasible[0]]), why="one-error") if feasible.size else None
    return Start(threshold=float(grid[int(np.argmin(tails(errors, reached, target)))]), why="calibrate-audits")


def not_enough(reached: int, errors: int, audits: int, aim: Aim, *, wanted: int, found: str = "") -> NotEnough:
    """Return how many more audits the strictest claimed threshold wants, `reached` of `audits` having reached it.

    `wanted`: the fewest with which the errors so far pass. If errors go on as they came, evidence grows by
    the divergence of their rate from the target with each audit. `found`: what is said of them, if not these counts.
    """
    found = found or f"{errors} of {reached} audits were wrong"
    rate = errors / max(reached, 1)
    steady = math.log(1 / aim.delta) / max(divergence(rate, aim.target), 1e-9)
    share = max(reached, 1) / max(audits, 1)
    more = max(1, math.ceil((max(wanted, steady) - reached) / share))
    if rate >= aim.target or more > MOST_AUDITS:
        reason = f"{found} at the strictest threshold; the target is {aim.target:.2%}"
        return NotEnough(reason=reason, more_audits=None)
    return _wanting(found, more, aim, is_guess=errors < TELLING_ERRORS)


def too_few(certify_audits: int, audits: int, aim: Aim) -> NotEnough:
    """Return what is wanted at least, where audits are too few to begin anywhere."""
    share = certify_audits / audits if certify_audits else CERTIFY_SHARE
    more = max(1, math.ceil((audits_needed(1, aim.target, aim.delta) - certify_audits) / share))
    return _wanting(f"{counted(audits, 'audit')} so far: too few to begin with", more, aim)


def agreement_too_weak(target: float, bound: float) -> str:
    """Return why unanimity is not good enough a truth for the target."""
    return (
        f"people who agree may still be wrong in up to {bound:.1%} here: a {target:.1%} target needs more audits "
        "checked by an expert, or an expert for each"
    )


def _in_a_row(reached: Sequence[int], errors: Sequence[int], needed: Callable[[int], int]) -> int:
    """Return how many thresholds pass before the first that does not."""
    for passed, (audits, wrong) in enumerate(zip(reached, errors, strict=True)):
        if audits < needed(wrong):
            return passed
    return len(reached)


def _wanting(found: str, more: int, aim: Aim, *, is_guess: bool = False) -> NotEnough:
    days = more / aim.audits_per_day if aim.audits_per_day else None
    wanted = f"about {more} more{in_days(days, aim.audits_per_day)}" + (", a guess by so few" if is_guess else "")
    return NotEnough(reason=f"{found}; a risk below {aim.target:.2%} wants {wanted}", more_audits=more, days=days)


def in_days(days: float | None, audits_per_day: float | None) -> str:
    """Say about how long that many audits take, to be put behind their number; empty where nothing is known of it."""
    if days is None or not audits_per_day:
        return ""
    return f", about {math.ceil(days)} days at {audits_per_day:.0f} a day" if days > 1 else ", within a day"
