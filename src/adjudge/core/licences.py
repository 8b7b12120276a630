"""A licence: the part of an automation certificate that an acceptance looks at."""

from datetime import datetime
from functools import cached_property
from typing import TypeAlias

import msgspec

from adjudge.core.calibration import Calibrator
from adjudge.core.counting import counted
from adjudge.core.money import Stake
from adjudge.core.plans import AgainstPeople

ScopeName: TypeAlias = str
"""`certificate:claim.pay:north:3f2a…`: question type, slice, prefix of the plan."""


def prefix_of(scope: ScopeName) -> str:
    """Return the prefix of a plan that a scope names: the same in every slice and group."""
    return scope.rpartition(":")[2]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a licence lets through. Two certificates with the same terms accept the same beliefs."""

    scope: ScopeName
    threshold: float
    calibrator: Calibrator


# `dict`: what follows from it alone is worked out once.
class Licence(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a stage of a plan may accept in one slice. It never changes: another threshold means another certificate."""

    certificate: str
    """Its id."""
    scope: ScopeName
    threshold: float
    """Beliefs whose calibrated confidence is this high or higher are accepted."""
    calibrator: Calibrator
    calibration: str
    """Id of the snapshot in which the calibrator was published."""
    target: float
    """The share of wrong answers that is promised; for a licence against people, the margin."""
    confidence: float
    valid_until: datetime
    earlier: tuple[str, ...] = ()
    """Certificates of earlier stages with which it was tested."""
    behind: tuple[Terms, ...] = ()
    """Terms of those earlier certificates. While others are in force, this licence says nothing; a renewed certificate
    with the same terms changes nothing."""
    people: AgainstPeople | None = None
    money: Stake | None = None
    by_consensus: bool = False
    """No expert said what is true of the audits: what is promised is that most people say the same."""

    @cached_property
    def terms(self) -> Terms:
        return Terms(scope=self.scope, threshold=self.threshold, calibrator=self.calibrator)

    @property
    def promise(self) -> str:
        return promised(self.target, self.people, self.money, by_consensus=self.by_consensus)

    @cached_property
    def clause(self) -> str:
        """What it licenses, in words: `0.912 is licensed (certificate c-4f1a: at most 1% wrong)`."""
        return f"{self.threshold:.4g} is licensed (certificate {self.certificate}: {self.promise})"


def promised(
    target: float, people: AgainstPeople | None, money: Stake | None = None, *, by_consensus: bool = False
) -> str:
    """Return what a certificate promises, in words: `at most 1% wrong`, `no worse than a majority of 3 people`."""
    if money is not None:
        return f"at most {target * 100:.3g}% of the stake wrong, of stakes up to {money.decimal()} {money.currency}"
    if people is None:
        return f"at most {target * 100:.3g}% {'disagreeing with the blind consensus' if by_consensus else 'wrong'}"
    points = people.margin * 100
    worse = f"at most {points:.3g} point{'s' * (points != 1)} worse" if people.margin else "no worse"
    whole = "the whole plan " if people.over == "plan" else ""
    return f"{whole}{worse} than a majority of {counted(people.votes, 'person', 'people')}"
