"""No worse than people: paired tests of a model, or of a whole plan, against a majority of k.

Each audit has votes set apart beforehand as "people", and a truth that uses none of them: an expert's, or
one that came late. A consensus that contains the people judged is no truth here: where model and people
share a mistake it takes their side.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike

from adjudge.automation.binomial import Floats, sign_test
from adjudge.automation.capitals import capital_at
from adjudge.automation.certifying import NotEnough, Start, in_days
from adjudge.automation.samples import Booleans, Role
from adjudge.core.counting import counted

ENOUGH_TO_CALIBRATE: Final = 50
"""Calibrate-audits below which no start is chosen."""


class Over(StrEnum):
    """What is compared with people."""

    AUTOMATED = "automated"
    """The answers given without them. A trap where it stands alone: the automated part is the easy one."""
    PLAN = "plan"
    """All answers, the deferred included: what "no worse than people" means to an operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Audits of an epoch as columns in intake order. A lost one: the model wrong, people right."""

    scores: Floats
    model_wrong: Booleans
    rest_wrong: Booleans
    """Whether the rest of the plan, to which it would be deferred, is wrong; by votes of purpose "stage"."""
    people_wrong: Booleans
    certifies: Booleans

    @classmethod
    def columns(
        cls,
        scores: ArrayLike,
        *,
        model_wrong: ArrayLike,
        people_wrong: ArrayLike,
        certifies: ArrayLike,
        rest_wrong: ArrayLike | None = None,
    ) -> Self:
        """Build from columns; `rest_wrong` may be left out where only the automated part is compared."""
        people = np.asarray(people_wrong, bool)
        pairs = cls(
            scores=np.asarray(scores, float),
            model_wrong=np.asarray(model_wrong, bool),
            rest_wrong=people if rest_wrong is None else np.asarray(rest_wrong, bool),
            people_wrong=people,
            certifies=np.asarray(certifies, bool),
        )
        shapes = {pairs.scores.shape, pairs.model_wrong.shape, pairs.rest_wrong.shape, people.shape}
        if shapes != {pairs.certifies.shape}:
            raise ValueError("columns of audits differ in length")
        if np.isnan(pairs.scores).any():
            raise ValueError("a score of an audit is not a number")
        return pairs

    def __len__(self) -> int:
        return len(self.scores)

    def part(self, role: Role) -> Self:
        kept = self.certifies if role is Role.CERTIFY else ~self.certifies
        return type(self)(
            scores=self.scores[kept],
            model_wrong=self.model_wrong[kept],
            rest_wrong=self.rest_wrong[kept],
            people_wrong=self.people_wrong[kept],
            certifies=self.certifies[kept],
        )

    def differences(self, threshold: float, over: Over) -> Floats:
        """Return, for each audit compared, 1 where only the model (or plan) is wrong, -1 where only people are."""
        automated = self.scores >= threshold
        wrong = np.where(automated, self.model_wrong, self.rest_wrong)
        found: Floats = wrong.astype(float) - self.people_wrong
        return found[automated] if over is Over.AUTOMATED else found


@dataclass(frozen=True, slots=True, kw_only=True)
class NoWorse:
    """A threshold at which the model (or plan) is shown to be no worse than people, within the margin."""

    threshold: float
    coverage: float
    over: Over
    margin: float
    p_value: float
    audits: int
    """Certify-audits compared."""
    only_model_wrong: int
    only_people_wrong: int
    start: Start


def choose_start(calibrate: Pairs, grid: Floats, *, margin: float, over: Over) -> Start | None:
    """Return the threshold with the smallest p-value on the calibrate-audits; None where these are too few."""
    if len(calibrate) < ENOUGH_TO_CALIBRATE or not grid.size:
        return None
    if margin > 0:
        accepted = margin + calibrate.people_wrong - calibrate.model_wrong.astype(float)
        rest = margin + calibrate.people_wrong - calibrate.rest_wrong.astype(float)
        deferred = rest if over is Over.PLAN else np.zeros_like(rest)
        best = int(np.argmax(capital_at(grid, calibrate.scores, accepted, deferred, 1 / (1 - margin))))
    else:
        best = int(np.argmin([_sign(calibrate.differences(threshold, over)) for threshold in grid.tolist()]))
    return Start(threshold=float(grid[best]), why="calibrate-audits")


def _sign(differences: Floats) -> float:
    against, for_model = int((differences > 0).sum()), int((differences < 0).sum())
    return sign_test(for_model=for_model, against=against)


def not_yet(
    *,
    compared: int,
    only_model: int,
    only_people: int,
    audits: int,
    margin: float,
    delta: float,
    audits_per_day: float | None = None,
) -> NotEnough:
    """Say how many more audits would show it, if they go on as they began: `compared` of all `audits` count."""
    found = f"only the model wrong in {counted(only_model, 'audit')}, only people in {only_people}"
    worse = (only_model - only_people) / compared if compared else 0.0
    if worse >= margin and only_model + only_people:
        return NotEnough(reason=f"{found}: not better by these", more_audits=None)
    # Evidence grows as n · gain² / (2 · variance): of both tests, to first order.
    variance = max((only_model + only_people) / compared if compared else 0.0, 1e-4)
    wanted = 2 * variance * math.log(1 / delta) / max(margin - worse, 1e-3) ** 2
    fewest = math.log(1 / delta) / math.log1p(margin) if margin else 0.0  # were neither side ever wrong
    more = max(1, math.ceil((max(wanted, fewest) - compared) * max(1, audits) / max(1, compared)))
    days = more / audits_per_day if audits_per_day else None
    spent = in_days(days, audits_per_day)
    return NotEnough(reason=f"{found}: about {more} more audits, if they go on so{spent}", more_audits=more, days=days)
