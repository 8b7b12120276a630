"""What a prefix of a plan (its stages up to a certain one) would have answered in an audited decision, and how sure.

A stage's certificate covers everything that is answered up to and including that stage. So what earlier stages
accept counts at every threshold of the last one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from adjudge.core.accepting import NO_CERTIFICATE, Accepted, at_stake, judge
from adjudge.core.audits import Heard, ModelSaid
from adjudge.core.beliefs import Belief, Combined
from adjudge.core.calibration import Calibrator
from adjudge.core.combining import combine_models, combine_people
from adjudge.core.events import Asked, Fault, Opinion
from adjudge.core.history import Case, Tally
from adjudge.core.licences import Licence
from adjudge.core.plans import Certified, Plan, Stage

ANSWERED_BEFORE: Final = 2.0
"""Score of a decision that an earlier stage answers: above every threshold."""
NOT_ANSWERED: Final = -1.0
"""Score of a decision that no stage of the prefix can answer: below every threshold."""
_THEN: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scored:
    """One audited decision as a prefix sees it."""

    score: float
    answer: str | None
    is_missing: bool = False
    """An opinion that should be on record is not: it counts as wrong, and at every threshold."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """The stages of a plan up to and including one."""

    plan: Plan
    index: int
    """Of its last stage."""
    earlier: Mapping[int, Licence] = field(default_factory=dict)
    """Licences of the stages before that one."""

    @property
    def stage(self) -> Stage:
        """The last one."""
        return self.plan.stages[self.index]

    def scored(self, heard: Heard, case: Case, calibrator: Calibrator) -> Scored:
        """Return its answer and score in one decision."""
        rates = self.plan.rates
        for before, stage in enumerate(self.plan.stages[: self.index]):
            belief = _of_models(stage, heard.said)
            if belief is None:
                return Scored(ANSWERED_BEFORE, None, is_missing=True)
            licence = self.earlier.get(before, NO_CERTIFICATE)
            if isinstance(belief, Belief) and isinstance(judge(stage, belief, case, rates, licence), Accepted):
                return Scored(ANSWERED_BEFORE, belief.answer)
        belief = _of_models(self.stage, heard.said) if self.stage.pool is None else self._of_people(heard, case)
        if belief is None:
            return Scored(ANSWERED_BEFORE, None, is_missing=True)
        if not isinstance(belief, Belief) or not case.space.holds(belief.answer) or not self._may_accept(case):
            return Scored(NOT_ANSWERED, None)
        return Scored(calibrator.confidence(belief.confidence), belief.answer)

    def _may_accept(self, case: Case) -> bool:
        """Return whether the stake is one that the last stage accepts at all."""
        accept = self.stage.accept
        limit = accept.money if isinstance(accept, Certified) else None
        return limit is None or at_stake(case.stake, self.plan.rates, limit) is not None

    def _of_people(self, heard: Heard, case: Case) -> Combined:
        """Return what the stage's people came to, together with what models had said in the plan before them."""
        tally = _asked(self.stage)
        for vote in heard.voted:
            if vote.stage == self.index:
                opinion = Opinion(at=_THEN, stage=self.index, by=vote.reviewer, source="reviewer", answer=vote.answer)
                tally.opinions.setdefault(vote.reviewer, opinion)
        earlier = [
            _opinion(name, heard.said[name])
            for name in self.plan.models_before(self.index)
            if name in heard.said and not heard.said[name].aside and heard.said[name].answer is not None
        ]
        return combine_people(self.stage, tally, earlier, case.space.size())


def why_untold(plan: Plan, index: int) -> str | None:
    """Return why audits cannot show what the prefix ending with this stage would have answered; None if they can.

    Models can be asked about any audited decision afterwards; people cannot. So a stage of people can be judged only by
    the votes that it asked for itself, and only if it asks for the same votes whether it is certified or not.
    """
    stage = plan.stages[index]
    if any(before.pool is not None for before in plan.stages[:index]):
        return "people are asked before it"
    if stage.pool is None:
        return None
    if stage.votes.prices is not None:
        return "it buys votes by their price, so how many it asks depends on what was learnt"
    if stage.votes.minimum != stage.votes.maximum:
        asks = f"{stage.votes.minimum} to {stage.votes.maximum} people"
        return f"it asks {asks}: ask a fixed number, with `min` equal to `max`"
    if isinstance(stage.accept, Certified) and stage.accept.people is not None:
        return "people's answers are not compared with people: give it a `target`"
    return None


def _of_models(stage: Stage, said: Mapping[str, ModelSaid]) -> Combined | None:
    """Return what the stage's deciders would have come to; None where one of them is not on record."""
    if any(name not in said for name in stage.deciders):
        return None
    tally = _asked(stage)
    for name in [name for name in said if name in stage.deciders]:
        if said[name].fault is not None:
            tally.faults[name] = Fault(at=_THEN, stage=0, by=name, fault="error")
        else:
            tally.opinions[name] = _opinion(name, said[name])
    return combine_models(stage, tally)


def _asked(stage: Stage) -> Tally:
    return Tally(asked=Asked(at=_THEN, stage=0, deciders=stage.deciders, until=_THEN))


def _opinion(name: str, said: ModelSaid) -> Opinion:
    return Opinion(
        at=_THEN,
        stage=0,
        by=name,
        source="model",
        answer=said.answer,
        confidence=said.confidence,
        distribution=said.distribution,
    )
