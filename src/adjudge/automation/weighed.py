"""Money in service: a betting e-process for each threshold on audits weighed by their stake, read audit by audit.

The bet is against "of the stake that is accepted, at least the target's share is on wrong answers". The state may be
looked at after every audit, and is JSON by value.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from adjudge.automation.betting import BETS, all_audits, audits_needed, in_order, sequence_from
from adjudge.automation.binomial import Floats
from adjudge.automation.capitals import Capitals, staked
from adjudge.automation.certifying import Aim, Licensed, Start, Unanimity, Verdict, checked, not_enough
from adjudge.automation.samples import Audit, Role, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed(Capitals):
    """An epoch whose target is of money: what is fixed before a certify-audit is read, and the evidence since."""

    target: float
    errors: tuple[int, ...]
    """Of each threshold the wrong ones among the audits that reach it; and what these and those weigh."""
    weight: tuple[float, ...]
    wrong_weight: tuple[float, ...]
    total_weight: float = 0.0

    @classmethod
    def begin(cls, *, target: float, delta: float, grid: Sequence[float] | Floats, start: Start) -> Self:
        """Start with nothing read. Raises ValueError for a target or a chance that is not between 0 and 1."""
        checked(target, delta)
        sequence = sequence_from(grid, start)
        number = len(sequence)
        return cls(
            target=target,
            delta=delta,
            start=start,
            grid=sequence,
            capitals=((0.0,) * len(BETS),) * number,
            highest=(0.0,) * number,
            reached=(0,) * number,
            errors=(0,) * number,
            weight=(0.0,) * number,
            wrong_weight=(0.0,) * number,
        )

    def after(self, audits: Iterable[Audit]) -> Self:
        """Read closed audits in intake order; those that calibrate are passed over, the lost are wrong.

        Raises ValueError for an audit that was read before or comes out of order, or weighs more than 1.
        """
        given = in_order(audits, self.last_number)
        for audit in given:
            if audit.weight > 1:
                raise ValueError(f"audit {audit.number} weighs {audit.weight}: a bet could lose more than there is")
        read = [audit for audit in given if audit.role is Role.CERTIFY]
        return replace(self._reading(Sample.of(read)), last_number=given[-1].number if given else self.last_number)

    def look(self, *, unanimity: Unanimity | None = None, audits_per_day: float | None = None) -> tuple[Self, Verdict]:
        """Return the verdict, as often as one likes. Truth is an expert's, so unanimity has no part in it."""
        assert unanimity is None, "what people who agree are worth is known by answers, not by money"
        if not self._licensed:
            return self, self._not_yet(audits_per_day)
        return self, self._licence(self._licensed - 1)

    def of_now(self, *, unanimity: Unanimity | None = None, least: float = -math.inf) -> Licensed | None:
        """Return the loosest licensed threshold from `least` on that the evidence still shows. None: nothing."""
        assert unanimity is None, "what people who agree are worth is known by answers, not by money"
        place = self._shown_now(least)
        return None if place is None else self._licence(place)

    def at(self, threshold: float, *, unanimity: Unanimity | None = None) -> Licensed | None:
        """Return what the evidence says by now of a threshold of the grid. None: there is no such."""
        assert unanimity is None, "what people who agree are worth is known by answers, not by money"
        return self._licence(self.grid.index(threshold)) if threshold in self.grid else None

    def _licence(self, place: int) -> Licensed:
        return Licensed(
            threshold=self.grid[place],
            coverage=self.weight[place] / self.total_weight if self.total_weight else 0.0,
            upper_bound=self.target,
            p_value=min(1.0, math.exp(-self.highest[place])),
            audits=self.reached[place],
            errors=self.errors[place],
            start=self.start,
        )

    def _not_yet(self, audits_per_day: float | None) -> Verdict:
        """Say what is lacking, by the count of audits that those of full weight would amount to."""
        weight, wrong = (self.weight[0], self.wrong_weight[0]) if self.grid else (0.0, 0.0)
        share = weight / self.reached[0] if self.grid and self.reached[0] else 1.0
        return not_enough(
            int(weight),
            round(wrong),
            max(1, round(all_audits(self.audits) * share)),
            Aim(self.target, self.delta, audits_per_day and audits_per_day * share),
            wanted=audits_needed(round(wrong), self.target, self.delta),
            found=self._found(),
        )

    def _found(self) -> str:
        if not self.grid or not self.reached[0]:
            return ""
        wrong, weight = self.wrong_weight[0], max(self.weight[0], 1e-12)
        return f"{self.errors[0]} of {self.reached[0]} audits were wrong, with {wrong / weight:.2%} of the money"

    def _reading(self, sample: Sample) -> Self:
        if not len(sample):
            return self
        weights, terms = sample.weights, sample.weights * (self.target - sample.wrong)
        capitals, highest, reached, errors, weight, wrong_weight = [], [], [], [], [], []
        for threshold, before in zip(self.grid, self.capitals, strict=True):
            takes = sample.scores >= threshold
            now, most = staked(np.asarray(before), terms[takes], 1 / (1 - self.target))
            capitals.append(tuple(now.tolist()))
            highest.append(most)
            reached.append(int(takes.sum()))
            errors.append(int(sample.wrong[takes].sum()))
            weight.append(float(weights[takes].sum()))
            wrong_weight.append(float(weights[takes & sample.wrong].sum()))
        return replace(
            self,
            capitals=tuple(capitals),
            highest=tuple(map(max, self.highest, highest)),
            reached=tuple(map(int.__add__, self.reached, reached)),
            errors=tuple(map(int.__add__, self.errors, errors)),
            weight=tuple(map(float.__add__, self.weight, weight)),
            wrong_weight=tuple(map(float.__add__, self.wrong_weight, wrong_weight)),
            audits=self.audits + len(sample),
            total_weight=self.total_weight + float(weights.sum()),
        )
