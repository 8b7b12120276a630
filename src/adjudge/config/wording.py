"""Plans in words: `agents (1 vote, 10 min), else held 24 h, then refuse`."""

from collections.abc import Sequence
from typing import assert_never

from adjudge.config.documents.durations import show_duration
from adjudge.core.counting import counted
from adjudge.core.plans import Answer, Escalate, FallbackStep, Hold, Plan, Provisional, SafeSide, Stage


def asked_and_after(plan: Plan, stage: int, safe_side: str | None) -> str:
    """Say who is asked in a stage, and what happens if nothing comes of it. `safe_side`: of this question."""
    if stage >= len(plan.stages):
        chain = next(chain for chain in plan.chains() if Escalate(stage) in chain)
        return steps_in_words(plan, chain[chain.index(Escalate(stage)) :], safe_side)
    stages = [stage_in_words(each) for each in plan.stages[stage:]]
    return ", else ".join([*stages, steps_in_words(plan, plan.fallback, safe_side)])


def stage_in_words(stage: Stage) -> str:
    """Say who is asked."""
    if stage.pool is None:
        return " and ".join(stage.deciders)
    least, most = stage.votes.minimum, stage.votes.maximum
    votes = counted(least, "vote") if least == most else f"{least} to {most} votes"
    return f"{stage.pool} ({votes}, {show_duration(stage.timeout)})"


def steps_in_words(plan: Plan, steps: Sequence[FallbackStep], safe_side: str | None) -> str:
    """Say what a fallback does, from its first step to the answer that ends it."""
    first, *rest = steps
    here = _step_in_words(plan, first, safe_side)
    if not rest:
        return here
    return f"{here}, {'else' if isinstance(first, Escalate) else 'then'} {steps_in_words(plan, rest, safe_side)}"


def _step_in_words(plan: Plan, step: FallbackStep, safe_side: str | None) -> str:
    match step:
        case Answer(answer):
            return answer
        case SafeSide():
            return safe_side or "the safe side"
        case Provisional(answer):
            return f"{answer or 'the best answer so far'}, provisionally"
        case Hold(duration):
            return f"held {show_duration(duration)}"
        case Escalate(stage):
            return stage_in_words(plan.stage(stage))
        case _:
            assert_never(step)
