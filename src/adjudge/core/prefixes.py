"""What a prefix of a plan would have done with an audited decision: how sure it was, and what it would have said.

Everything that the plan has answered up to and including a stage is covered by that stage's certificate; so what
earlier stages take counts at every threshold of the last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from adjudge.core.accepting import NO_CERTIFICATE, Accepted, at_stake, judge
from adjudge.core.audits import ModelSaid
from adjudge.core.beliefs import Belief, Combined
from adjudge.core.calibration import Calibrator
from adjudge.core.combining import combine_models
from adjudge.core.events import Asked, Fault, Opinion
from adjudge.core.history import Case, Tally
from adjudge.core.licences import Licence
from adjudge.core.plans import Certified, Plan, Stage

ANSWERED_BEFORE: Final = 2.0
"""The score of what an earlier stage has answered: above every threshold."""
NOT_ANSWERED: Final = -1.0
"""The score of what no stage of the prefix has an answer to: below every threshold."""
_THEN: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scored:
    """One audited decision as a prefix sees it."""

    score: float
    answer: str | None
    is_missing: bool = False
    """An opinion that should be on record is not: it counts as wrong, and at every threshold."""


def scored(
    plan: Plan,
    index: int,
    said: Mapping[str, ModelSaid],
    case: Case,
    calibrator: Calibrator,
    earlier: Mapping[int, Licence],
) -> Scored:
    """Return score and answer of the prefix that ends with stage `index`. `earlier`: licences of stages before it."""
    for before in range(index):
        stage = plan.stages[before]
        belief = _belief(stage, said)
        if belief is None:
            return Scored(ANSWERED_BEFORE, None, is_missing=True)
        licence = earlier.get(before, NO_CERTIFICATE)
        if isinstance(belief, Belief) and isinstance(judge(stage, belief, case, plan.rates, licence), Accepted):
            return Scored(ANSWERED_BEFORE, belief.answer)
    belief = _belief(plan.stages[index], said)
    if belief is None:
        return Scored(ANSWERED_BEFORE, None, is_missing=True)
    if not isinstance(belief, Belief) or not case.space.holds(belief.answer) or not _may_accept(plan, index, case):
        return Scored(NOT_ANSWERED, None)
    return Scored(calibrator.confidence(belief.confidence), belief.answer)


def _may_accept(plan: Plan, index: int, case: Case) -> bool:
    """Return whether the stake is one that the stage accepts at all."""
    accept = plan.stages[index].accept
    limit = accept.money if isinstance(accept, Certified) else None
    return limit is None or at_stake(case.stake, plan.rates, limit) is not None


def is_of_models(plan: Plan, index: int) -> bool:
    """Return whether all stages up to this one are of models: of others no audit could tell what they would say."""
    return all(stage.pool is None for stage in plan.stages[: index + 1])


def _belief(stage: Stage, said: Mapping[str, ModelSaid]) -> Combined | None:
    """Return what the stage's deciders would have come to; None where one of them is not on record."""
    if any(name not in said for name in stage.deciders):
        return None
    tally = Tally(asked=Asked(at=_THEN, stage=0, deciders=stage.deciders, until=_THEN))
    for name in [name for name in said if name in stage.deciders]:
        one = said[name]
        if one.fault is not None:
            tally.faults[name] = Fault(at=_THEN, stage=0, by=name, fault="error")
        else:
            tally.opinions[name] = Opinion(
                at=_THEN,
                stage=0,
                by=name,
                source="model",
                answer=one.answer,
                confidence=one.confidence,
                distribution=one.distribution,
            )
    return combine_models(stage, tally)
