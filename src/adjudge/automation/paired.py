"""Against people in service: a betting e-process for each threshold, read audit by audit; and the watch behind it.

The bets are on the mean of (1{model or plan wrong} - 1{people wrong}), kept as a state that may be looked at after
every audit. The state is JSON by value.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from adjudge.automation.against_people import NoWorse, Over, Pairs, not_yet
from adjudge.automation.betting import BETS, all_audits, in_order, sequence_from
from adjudge.automation.binomial import Floats
from adjudge.automation.capitals import Capitals, staked
from adjudge.automation.certifying import NotEnough, Start, Unanimity
from adjudge.automation.samples import Audit, Role
from adjudge.automation.watching import AT_ONCE, MOST, Staking

LEANINGS: Final = (0.1, 0.2, 0.4, 0.8)
"""Bets of the watch, as shares of the largest that cannot lose more than there is."""
WORSE_BY: Final = (0.01, 0.02, 0.05)
"""Rises of which it is said how long they stay unseen."""


def pairs_of(audits: Iterable[Audit]) -> Pairs:
    """Return audits as columns. Each must have been compared with people."""
    known = [(audit, audit.beside) for audit in audits if audit.beside is not None]
    return Pairs.columns(
        [audit.score for audit, _ in known],
        model_wrong=[audit.wrong or audit.lost for audit, _ in known],
        rest_wrong=[beside.rest_wrong or audit.lost for audit, beside in known],
        people_wrong=[beside.people_wrong and not audit.lost for audit, beside in known],
        certifies=[audit.role is Role.CERTIFY for audit, _ in known],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired(Capitals):
    """An epoch that is compared with people: what is fixed before a certify-audit is read, and the evidence since."""

    margin: float
    over: Over
    compared: tuple[int, ...]
    """Of each threshold the audits compared, and those in which only one side was wrong."""
    only_model: tuple[int, ...]
    only_people: tuple[int, ...]

    @classmethod
    def begin(cls, *, margin: float, over: Over, delta: float, grid: Sequence[float] | Floats, start: Start) -> Self:
        """Start with nothing read. Raises ValueError for a margin or a chance that cannot be tested."""
        if not (0 <= margin < 1 and 0 < delta < 1):
            raise ValueError(f"a margin of {margin} at an error of {delta} cannot be tested")
        sequence = sequence_from(grid, start)
        nothing = (0,) * len(sequence)
        return cls(
            margin=margin,
            over=over,
            delta=delta,
            start=start,
            grid=sequence,
            capitals=((0.0,) * len(BETS),) * len(sequence),
            highest=(0.0,) * len(sequence),
            reached=nothing,
            compared=nothing,
            only_model=nothing,
            only_people=nothing,
        )

    def after(self, audits: Iterable[Audit]) -> Self:
        """Read closed audits in intake order; those that calibrate are passed over.

        Raises ValueError for an audit that was read before or comes out of order: an open one blocks.
        """
        given = in_order(audits, self.last_number)
        read = [audit for audit in given if audit.role is Role.CERTIFY and audit.beside is not None]
        return replace(self._reading(pairs_of(read)), last_number=given[-1].number if given else self.last_number)

    def look(
        self, *, unanimity: Unanimity | None = None, audits_per_day: float | None = None
    ) -> tuple[Self, NoWorse | NotEnough]:
        """Return the verdict, as often as one likes. Truth is an expert's, so unanimity has no part in it."""
        assert unanimity is None, "people are no truth about people"
        if not self._licensed:
            return self, not_yet(
                compared=self.compared[0] if self.grid else 0,
                only_model=self.only_model[0] if self.grid else 0,
                only_people=self.only_people[0] if self.grid else 0,
                audits=all_audits(self.audits),
                margin=self.margin,
                delta=self.delta,
                audits_per_day=audits_per_day,
            )
        return self, self._no_worse(self._licensed - 1)

    def of_now(self, *, unanimity: Unanimity | None = None, least: float = -math.inf) -> NoWorse | None:
        """Return the loosest licensed threshold from `least` on that the evidence still shows. None: nothing."""
        assert unanimity is None, "people are no truth about people"
        place = self._shown_now(least)
        return None if place is None else self._no_worse(place)

    def at(self, threshold: float, *, unanimity: Unanimity | None = None) -> NoWorse | None:
        """Return what the evidence says by now of a threshold of the grid. None: there is no such."""
        assert unanimity is None, "people are no truth about people"
        return self._no_worse(self.grid.index(threshold)) if threshold in self.grid else None

    def _no_worse(self, place: int) -> NoWorse:
        return NoWorse(
            threshold=self.grid[place],
            coverage=self.reached[place] / self.audits,
            over=self.over,
            margin=self.margin,
            p_value=min(1.0, math.exp(-self.highest[place])),
            audits=self.compared[place],
            only_model_wrong=self.only_model[place],
            only_people_wrong=self.only_people[place],
            start=self.start,
        )

    def _reading(self, pairs: Pairs) -> Self:
        if not len(pairs):
            return self
        capitals, highest, reached, compared, only_model, only_people = [], [], [], [], [], []
        for threshold, before in zip(self.grid, self.capitals, strict=True):
            differences = pairs.differences(threshold, self.over)
            now, most = staked(np.asarray(before), self.margin - differences, 1 / (1 - self.margin))
            capitals.append(tuple(now.tolist()))
            highest.append(most)
            reached.append(int((pairs.scores >= threshold).sum()))
            compared.append(len(differences))
            only_model.append(int((differences > 0).sum()))
            only_people.append(int((differences < 0).sum()))
        return replace(
            self,
            capitals=tuple(capitals),
            highest=tuple(map(max, self.highest, highest)),
            reached=_added(self.reached, reached),
            compared=_added(self.compared, compared),
            only_model=_added(self.only_model, only_model),
            only_people=_added(self.only_people, only_people),
            audits=self.audits + len(pairs),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedWatch(Staking):
    """The watch of a certificate against people after some audits.

    Null: given all before, on average only the model (or plan) is wrong at most `margin` more often than only people
    are. Capital is staked in parts over the validity, as in `watching.Watch`.
    """

    margin: float
    only_model: int = 0
    only_people: int = 0

    @classmethod
    def begin(cls, *, margin: float, delta: float = 0.05, validity: int = 5000) -> Self:
        """Start with nothing seen. Raises ValueError for what cannot be watched."""
        if not (0 <= margin < 1 and 0 < delta < 1 and validity > 0):
            raise ValueError(f"a margin of {margin} at {delta} over {validity} audits cannot be watched")
        return cls(margin=margin, delta=delta, validity=validity, stakes=(AT_ONCE / len(LEANINGS),) * len(LEANINGS))

    def after(self, difference: int) -> Self:
        """Read the next audit in intake order: 1: only the model wrong, or lost; -1: only people."""
        fresh = self.fresh
        term = (difference - self.margin) / (1 + self.margin)
        stakes = tuple(
            min(MOST, (stake + fresh) * (1 + leaning * term))
            for stake, leaning in zip(self.stakes, LEANINGS, strict=True)
        )
        now = replace(
            self,
            stakes=stakes,
            audits=self.audits + 1,
            only_model=self.only_model + (difference > 0),
            only_people=self.only_people + (difference < 0),
        )
        return replace(now, alarmed=True) if now.capital >= self.level else now

    def audits_until(self, worse_by: float, one_sided: float) -> float:
        """Return after about how many more audits it alarms, once people are right so much oftener than the margin.

        `one_sided`: the share of audits in which only people are wrong.
        """
        against = min(1.0, one_sided + self.margin + worse_by)
        return self.until_alarm([_growth(leaning, against, one_sided, self.margin) for leaning in LEANINGS])


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDelay:
    """How long it stays unseen that people would be right more often, by so much."""

    worse_by: float
    audits: float
    """On average, that a watch of this reliability needs at least."""
    days: float


def paired_delays(
    *, margin: float, delta: float, one_sided: float, audits_per_day: float, worse_by: tuple[float, ...] = WORSE_BY
) -> list[PairedDelay]:
    """Return the best possible delays by one bet: ln(1/delta) over its growth when the difference is margin + worse.

    `one_sided`: the share of audits in which only people were wrong, which is taken to stay.
    """
    found = []
    for rise in worse_by:
        against = min(1.0, one_sided + margin + rise)
        growth = max(_growth(leaning / 100, against, one_sided, margin) for leaning in range(1, 100))
        audits = math.log(1 / delta) / growth
        found.append(
            PairedDelay(worse_by=rise, audits=audits, days=audits / audits_per_day if audits_per_day else math.inf)
        )
    return found


def _growth(leaning: float, against: float, for_model: float, margin: float) -> float:
    """Return the average growth of a bet's logarithm with each audit."""
    same = max(0.0, 1 - against - for_model)
    terms = ((against, 1.0), (for_model, -1.0), (same, 0.0))
    return sum(share * math.log1p(leaning * (difference - margin) / (1 + margin)) for share, difference in terms)


def _added(before: Sequence[int], more: Sequence[int]) -> tuple[int, ...]:
    return tuple(one + other for one, other in zip(before, more, strict=True))
