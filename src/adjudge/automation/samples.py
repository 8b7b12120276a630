"""The audits of a slice as columns, in intake order; the thresholds they may be asked about."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adjudge.automation.binomial import Floats, Integers

Booleans = NDArray[np.bool_]

POINTS: Final = 50
"""Thresholds in a grid: steps of two points of coverage."""


class Role(StrEnum):
    """What an audit serves for, by a hash of its own at intake."""

    CALIBRATE = "calibrate"
    CERTIFY = "certify"


@dataclass(frozen=True, slots=True)
class Beside:
    """What else is known of an audit where the model, or the plan, is compared with people."""

    rest_wrong: bool
    """Whether what the plan answers where it is deferred is wrong."""
    people_wrong: bool
    """Whether the majority of the votes set apart is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One closed audit: what would have been accepted, and whether rightly."""

    number: int
    """Intake number within the slice."""
    score: float
    """What the threshold is compared with: accepted where `score >= threshold`."""
    wrong: bool
    """Against the truth of the audit. A lost audit is wrong, whatever the model said."""
    role: Role
    lost: bool = False
    """Declined by all, evidence gone or still open at the cut. Counted as wrong in every test."""
    weight: float = 1.0
    """Stake over audit probability, over the largest such ratio that may occur; 1 unless money is at issue."""
    beside: Beside | None = None
    """None unless people are at issue. Of a lost audit: the rest of the plan wrong, people right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The audits of one epoch as columns of equal length, in intake order.

    Complete: every audit drawn before the cut is in it, the lost ones as wrong.
    """

    scores: Floats
    wrong: Booleans
    certifies: Booleans
    """False: calibrates."""
    weights: Floats

    @classmethod
    def of(cls, audits: Iterable[Audit]) -> Self:
        """Build from values in any order. Raises ValueError for a score or weight that is no number."""
        ordered = sorted(audits, key=lambda audit: audit.number)
        return cls.columns(
            [audit.score for audit in ordered],
            [audit.wrong or audit.lost for audit in ordered],
            [audit.role is Role.CERTIFY for audit in ordered],
            [audit.weight for audit in ordered],
        )

    @classmethod
    def columns(
        cls, scores: ArrayLike, wrong: ArrayLike, certifies: ArrayLike, weights: ArrayLike | None = None
    ) -> Self:
        """Build from columns in intake order. Raises ValueError where they do not fit or are no numbers."""
        score = np.asarray(scores, float)
        weight = np.ones_like(score) if weights is None else np.asarray(weights, float)
        sample = cls(
            scores=score,
            wrong=np.asarray(wrong, bool),
            certifies=np.asarray(certifies, bool),
            weights=weight,
        )
        if len({column.shape for column in (score, weight, sample.wrong, sample.certifies)}) != 1 or score.ndim != 1:
            raise ValueError("columns of audits differ in length")
        if not (np.isfinite(score).all() and np.isfinite(weight).all() and (weight >= 0).all()):
            raise ValueError("a score or a weight of an audit is not a number")
        return sample

    def __len__(self) -> int:
        return len(self.scores)

    def part(self, role: Role) -> Self:
        """Return the audits of one role."""
        return self.where(self.certifies if role is Role.CERTIFY else ~self.certifies)

    def where(self, kept: Booleans) -> Self:
        """Return the audits marked."""
        return type(self)(
            scores=self.scores[kept],
            wrong=self.wrong[kept],
            certifies=self.certifies[kept],
            weights=self.weights[kept],
        )

    def counts(self, thresholds: Floats) -> tuple[Integers, Integers]:
        """Return, for each threshold, how many audits reach it and how many of these are wrong."""
        reached = reaching(np.sort(self.scores), thresholds)
        return reached, reaching(np.sort(self.scores[self.wrong]), thresholds)


def reaching(rising: Floats, thresholds: Floats) -> Integers:
    """Return how many of the rising scores are at or above each threshold."""
    return (len(rising) - np.searchsorted(rising, thresholds, side="left")).astype(np.int64)


def grid_of(scores: ArrayLike, points: int = POINTS) -> Floats:
    """Return thresholds from strict to loose, at most `points`: quantiles of scores, without ties.

    The scores are those of unaudited decisions and calibrate-audits: the grid is fixed before any
    label of a certify-audit is read, and of no score of theirs (a score that is a threshold is not a
    fair draw from those above it).
    """
    found = np.asarray(scores, float)
    if not np.isfinite(found).all():
        raise ValueError("a score is not a number")
    if not found.size:
        return np.empty(0)
    shares = np.arange(1, points + 1) / points
    return np.unique(np.quantile(found, 1 - shares, method="inverted_cdf"))[::-1]
