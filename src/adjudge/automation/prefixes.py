"""What a certificate of a later stage covers, and what makes it void (`statistics` 2.1).

A certificate covers a prefix of a plan: all that the plan has answered up to and including a stage. What
reaches stage 2 depends on what stage 1 has taken: "model and one person who agrees" is wrong in 0.4% of
all questions, and in 4.7% of those that a model which takes 95% leaves over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from adjudge.automation.binomial import Floats
from adjudge.automation.samples import Booleans, Sample

ANSWERED_BEFORE: Final = 2.0
"""The score of what an earlier stage has answered: above every threshold of the stage at issue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """The plan as far as a certificate goes."""

    deciders: tuple[str, ...]
    """With version and calibration, a stage each."""
    thresholds: tuple[float | None, ...]
    """Of the same stages; None: the stage accepts nothing, or is suspended."""


class Standing(StrEnum):
    """What a change of the plan makes of a certificate."""

    STANDS = "stands"
    RECOMPUTE = "recompute"
    """An earlier stage answers less than it did: valid again once the same audits pass the test at these thresholds."""
    VOID = "void"
    """Other deciders, or an earlier stage answers more: a new test, with a part of delta of its own."""


def standing(certified: Prefix, now: Prefix) -> Standing:
    """Return whether a certificate of the last stage of `certified` holds for the plan as it is `now`."""
    stages = len(certified.deciders)
    if now.deciders[:stages] != certified.deciders:
        return Standing.VOID
    pairs = list(zip(certified.thresholds, now.thresholds, strict=False))
    earlier, own = pairs[:-1], pairs[-1]
    if any(_is_looser(after, before) for before, after in pairs):
        return Standing.VOID
    if any(before != after for before, after in earlier):
        return Standing.RECOMPUTE
    return Standing.STANDS if own[1] is not None else Standing.RECOMPUTE


@dataclass(frozen=True, slots=True)
class StageColumns:
    """What one stage said of each audit, asked or not: every stage's opinion is obtained for audits."""

    scores: Floats
    wrong: Booleans


def prefix_sample(stages: Sequence[StageColumns], earlier: Sequence[float | None], certifies: Booleans) -> Sample:
    """Return the audits as the prefix that ends with the last stage sees them, `earlier` being the thresholds before.

    What earlier stages answer has the score `ANSWERED_BEFORE` and their error; so the test of any
    threshold of the last stage is one of everything answered up to and including it.
    """
    *before, last = stages
    scores, wrong = last.scores.copy(), last.wrong.copy()
    for stage, threshold in reversed(list(zip(before, earlier, strict=True))):
        if threshold is not None:
            takes = stage.scores >= threshold
            scores[takes], wrong[takes] = ANSWERED_BEFORE, stage.wrong[takes]
    return Sample.columns(scores, wrong, np.asarray(certifies, bool))


def _is_looser(after: float | None, before: float | None) -> bool:
    return after is not None and (before is None or after < before)
