"""Watching a certificate in service: a betting e-process whose capital is staked over its validity.

Null: given all before, each audited automated decision is wrong with probability at most the target. A
stake on a higher risk q is multiplied by the likelihood ratio of q; its expectation cannot rise, so the
whole capital, 1 at first, ever reaches 1/δ with probability at most δ (Ville 1939), however often one
looks. A stake placed on the first day is eaten up by good days; so a part is staked afresh with every
audit, and a late change is found as fast as an early one (Shiryaev and Roberts, on a budget).

Plain Python, a few microseconds an audit; the state is JSON by value.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from adjudge.automation.binomial import divergence

FACTORS: Final = (1.5, 2.0, 3.0, 5.0, 10.0)
"""Odds bet on, as multiples of the target's, in equal parts."""
AT_ONCE: Final = 0.2
"""Share of the capital staked at the beginning; the rest in equal parts over the validity."""
BOOST_FROM: Final = 1 / 3
"""Share of the alarm's level from which the slice is audited more."""
BOOST: Final = 10.0
"""So much more, at most every decision. The rate is known before the next coin, so all stays valid."""
FOUND: Final = (2, 5, 10)
ALIKE: Final = (1.0,)
"""What audits weigh where answers are counted."""
MOST_AUDITS: Final = 1_000_000
"""What takes longer is never found."""
_LARGEST: Final = 300.0
_ODDS: Final = tuple(1.1**power for power in range(1, 100))
"""Bets among which the best is looked for: up to twelve thousandfold."""
MOST: Final = 1e12
"""A stake grows no further: far beyond every alarm, and always a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staking:
    """Capital that is staked over the validity of a certificate, after some audits."""

    delta: float
    """Chance of a false alarm over the whole validity, apart from the licence's."""
    validity: int
    """Audits after which the certificate expires."""
    stakes: tuple[float, ...]
    """What the stakes on each bet have become."""
    audits: int = 0
    """Read since the certificate was issued, or last renewed."""
    earlier: int = 0
    """Read before that, under those that it renewed."""
    alarmed: bool = False
    """Once at the level, always: the certificate is suspended."""
    lost: int = 0
    """Of all read, those without a truth, which speak against the certificate."""

    def renewed(self, *, delta: float, validity: int) -> Self:
        """Return the watch over a renewed certificate: what it has seen goes on to speak, as no renewal changes it.

        A renewal puts in the capital that is staked over its own validity, so false alarms
        stay at `delta` for each certificate.
        """
        return replace(self, delta=delta, validity=validity, audits=0, earlier=self.read)

    @property
    def read(self) -> int:
        """All audits read, under this certificate and those that it renewed."""
        return self.earlier + self.audits

    @property
    def capital(self) -> float:
        """Evidence against the null, 1 at first; what is not staked yet included."""
        return sum(self.stakes) + (1 - AT_ONCE) * max(0.0, 1 - self.audits / self.validity)

    @property
    def level(self) -> float:
        """The alarm."""
        return 1 / self.delta

    @property
    def boost(self) -> float:
        """By what the audit rate is multiplied for the next decisions."""
        return BOOST if self.capital >= BOOST_FROM * self.level else 1.0

    @property
    def expired(self) -> bool:
        return self.audits >= self.validity

    @property
    def fresh(self) -> float:
        """What is staked on each bet with the next audit."""
        return (1 - AT_ONCE) / self.validity / len(self.stakes) if self.audits < self.validity else 0.0

    def until_alarm(self, growths: Sequence[float]) -> float:
        """Return about how many audits there are to the alarm, from now, where stakes grow by these logarithms each.

        They never grow so evenly, and luck is on the side of the alarm: as a median it takes somewhat fewer.
        """
        low, high = 0, 1
        while self._grown(high, growths) < self.level:
            low, high = high, 2 * high
            if high > MOST_AUDITS:
                return math.inf
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._grown(middle, growths) >= self.level else (middle, high)
        return high

    def _grown(self, audits: int, growths: Sequence[float]) -> float:
        """Return the capital after so many audits, each of which has all stakes grow as they do on average."""
        stakes, capital = self.stakes, (1 - AT_ONCE) * max(0.0, 1 - (self.audits + audits) / self.validity)
        fresh = min(audits, max(0, self.validity - self.audits))
        for stake, growth in zip(stakes, growths, strict=True):
            capital += stake * _power(growth, audits) + self.fresh * _series(growth, fresh) * _power(
                growth, audits - fresh
            )
        return capital


def _power(growth: float, audits: int) -> float:
    return math.exp(min(growth * audits, _LARGEST))


def _series(growth: float, audits: int) -> float:
    """Return what one unit staked afresh with each of so many audits has become."""
    if abs(growth) < 1e-12:
        return float(audits)
    return math.exp(growth) * (_power(growth, audits) - 1) / math.expm1(growth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch(Staking):
    """The watch of one certificate after some audited automated decisions; bets on `FACTORS`."""

    target: float
    errors: int = 0
    weights: tuple[float, ...] = ALIKE
    """What audits weigh, as far as the certificate's did: by these it is said how long a rise stays unseen."""

    @classmethod
    def begin(cls, *, target: float, delta: float = 0.05, validity: int = 5000) -> Self:
        """Start with nothing seen. Raises ValueError for a target or a chance that is not between 0 and 1."""
        if not (0 < target < 1 and 0 < delta < 1 and validity > 0):
            raise ValueError(f"a target of {target} at {delta} over {validity} audits cannot be watched")
        return cls(target=target, delta=delta, validity=validity, stakes=(AT_ONCE / len(FACTORS),) * len(FACTORS))

    def after(self, wrong: bool, weight: float = 1.0) -> Self:
        """Read the next audited automated decision, in intake order. A lost one is wrong.

        `weight`: of its money, at most 1: the null is then that the expected money on wrong answers is no more than
        the target's share.
        """
        fresh = self.fresh
        stakes = tuple(
            min(MOST, (stake + fresh) * self._times(factor if wrong else 1.0, factor, weight))
            for stake, factor in zip(self.stakes, FACTORS, strict=True)
        )
        now = replace(self, stakes=stakes, audits=self.audits + 1, errors=self.errors + wrong)
        return replace(now, alarmed=True) if now.capital >= self.level else now

    def audits_until(self, times: float) -> float:
        """Return after about how many more audits it alarms, once the risk is so many times the target."""
        risk = min(1.0, times * self.target)
        return self.until_alarm([_growth(factor, risk, self.target, self.weights) for factor in FACTORS])

    def _times(self, odds: float, factor: float, weight: float) -> float:
        return _multiplied(odds, factor, self.target, weight)


def _multiplied(odds: float, factor: float, target: float, weight: float) -> float:
    """Return the factor of a stake; for part of an audit's weight, that part of the way from 1."""
    whole = odds / (1 + target * (factor - 1))
    return whole if weight == 1.0 else 1 + weight * (whole - 1)


def _growth(factor: float, risk: float, target: float, weights: Sequence[float]) -> float:
    """Return the average growth of a stake's logarithm with each audit, which is wrong with probability `risk`."""
    logs = [
        risk * math.log(_multiplied(factor, factor, target, weight))
        + (1 - risk) * math.log(_multiplied(1.0, factor, target, weight))
        for weight in weights
    ]
    return math.fsum(logs) / len(logs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """How long a rise of the risk to a multiple of the target stays unseen."""

    times: float
    audits: float
    """Audited automated decisions, on average, that any watch of this reliability needs at least."""
    days: float
    """The same at the present rate."""


def delays(
    *,
    target: float,
    delta: float,
    audits_per_day: float,
    times: tuple[float, ...] = FOUND,
    weights: Sequence[float] = ALIKE,
) -> list[Delay]:
    """Return the best possible delays, ln(1/delta) over the divergence of the two rates (Lorden 1971).

    Where audits weigh less than 1: over what the best of our bets gains with each.
    Ours: `Watch.audits_until`; tested: median within twice the best and 60 audits, at any age.
    `audits_per_day`: audited automated decisions.
    """
    found = []
    for factor in times:
        risk = min(1.0, factor * target)
        gain = divergence(risk, target) if weights == ALIKE else _best_growth(risk, target, weights)
        audits = math.log(1 / delta) / gain
        found.append(Delay(times=factor, audits=audits, days=audits / audits_per_day if audits_per_day else math.inf))
    return found


def _best_growth(risk: float, target: float, weights: Sequence[float]) -> float:
    return max(_growth(odds, risk, target, weights) for odds in _ODDS)
