"""A licence: the part of an automation certificate that an acceptance looks at."""

from datetime import datetime
from typing import TypeAlias

import msgspec

from adjudge.core.calibration import Calibrator

ScopeName: TypeAlias = str
"""`certificate:claim.pay:north:3f2a…`: question type, slice, prefix of the plan."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a licence lets through: two certificates with the same terms accept the same."""

    scope: ScopeName
    threshold: float
    calibrator: Calibrator


class Licence(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage of a plan may accept in one slice. Never changed: another threshold is another certificate."""

    certificate: str
    """Its id."""
    scope: ScopeName
    threshold: float
    """Of the calibrated confidence: accepted at it and above."""
    calibrator: Calibrator
    calibration: str
    """Id of the snapshot in which the calibrator was published."""
    target: float
    confidence: float
    valid_until: datetime
    earlier: tuple[str, ...] = ()
    """Certificates of earlier stages with which it was tested."""
    behind: tuple[Terms, ...] = ()
    """Their terms: with others in force it says nothing; a renewed certificate of the same terms is none other."""

    @property
    def terms(self) -> Terms:
        return Terms(scope=self.scope, threshold=self.threshold, calibrator=self.calibrator)
