"""From opinions to a belief: `first`, `agree`, `majority`, `bayes`."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile

from adjudge.core.beliefs import Belief, Combined, Pending, Undecided
from adjudge.core.counting import counted
from adjudge.core.events import Opinion
from adjudge.core.history import Tally
from adjudge.core.plans import Stage
from adjudge.core.posteriors import answered, posterior


def combine_models(stage: Stage, tally: Tally) -> Combined:
    """Combine the answers of deciders asked side by side. Their order does not matter but for `first`."""
    given = answers_of(stage, tally)
    if stage.combine.rule == "first":
        return _first_model(given, tally)
    short = len(given) < len(stage.deciders) and not tally.silent()
    if stage.combine.rule in ("agree", "bayes"):
        if short or any(opinion.answer is None for opinion in tally.opinions.values()) or tally.faults:
            return _failed(tally) if tally.faults else Undecided("abstained", "a decider abstained")
        if stage.combine.rule == "agree":
            return _models_agree(given, tally)
        return Pending() if tally.silent() else posterior(given, stage.combine, None)
    return _models_majority(stage, given, tally)


def combine_people(stage: Stage, tally: Tally, earlier: Sequence[Opinion], space_size: int | None) -> Combined:
    """Combine votes in the order recorded. `earlier`: model opinions of earlier stages, for `bayes`.

    Bought are at least `minimum` votes. Without a belief the stage is undecided after `maximum`, and before that as
    soon as no votes still to come could choose an answer.
    """
    votes = tally.votes[: stage.votes.maximum]
    if len(votes) >= stage.votes.minimum:
        belief = _people_belief(stage, votes, earlier, space_size)
        if belief is not None:
            return belief
        if len(votes) < stage.votes.maximum and not _may_be_chosen(stage, votes):
            bought = f"{len(votes)} of {stage.votes.maximum} votes"
            return Undecided("tie", f"{bought}, and those left cannot agree: {_tallied(votes)}")
    if len(votes) >= stage.votes.maximum:
        return Undecided("tie", f"{counted(len(votes), 'vote')}, none agreed on: {_tallied(votes)}")
    return Pending(seats=seats_wanted(stage, tally))


def seats_wanted(stage: Stage, tally: Tally) -> int:
    """Return how many more people to ask now: `together` at a time, none while seats are unanswered."""
    asked = tally.asked.seats if tally.asked else 0
    if asked > len(tally.votes):
        return 0
    return min(stage.votes.together, stage.votes.maximum - asked)


def more_people(stage: Stage, tally: Tally, verdict: Undecided) -> Pending | Undecided:
    """Return what follows a belief that is not acted on: of unsure people one more vote, while there are any."""
    if stage.pool is None or verdict.code != "unsure" or len(tally.votes) >= stage.votes.maximum:
        return verdict
    return Pending(seats=seats_wanted(stage, tally))


def best_answer(opinions: Iterable[Opinion]) -> str | None:
    """Return the answer with most votes, among equals the one of the surest model; None without opinions."""
    votes: Counter[str] = Counter()
    surest: dict[str, float] = {}
    for opinion in opinions:
        if opinion.answer is not None:
            votes[opinion.answer] += opinion.source == "reviewer"
            surest[opinion.answer] = max(surest.get(opinion.answer, 0.0), opinion.confidence)
    return max(sorted(surest), key=lambda answer: (votes[answer], surest[answer]), default=None)


def answers_of(stage: Stage, tally: Tally) -> list[Opinion]:
    """Return the answers of the stage's own deciders: for `first` as they came, else in the plan's order."""
    names: Iterable[str] = tally.opinions if stage.combine.rule == "first" else stage.deciders
    return [
        opinion
        for name in names
        if (opinion := tally.opinions.get(name)) is not None
        and opinion.answer is not None
        and opinion.source != "reviewer"
        and name in stage.deciders
    ]


def _people_belief(
    stage: Stage, votes: list[Opinion], earlier: Sequence[Opinion], space_size: int | None
) -> Belief | Undecided | None:
    if not answered(votes):
        return None
    if stage.combine.rule == "bayes":
        belief = posterior([*earlier, *votes], stage.combine, space_size)
        return _bought(stage, belief, len(votes))
    answer = _chosen(stage, votes)
    return None if answer is None else posterior(votes, stage.combine, space_size, answer)


def _bought(stage: Stage, belief: Belief | Undecided, votes: int) -> Belief | Undecided | None:
    """Return None where the next vote is worth its price; where an expert is, no belief."""
    pool = stage.combine.pool
    if pool is None or isinstance(belief, Undecided):
        return belief
    match pool.stops.step(votes, 1 - belief.confidence):
        case "accept":
            return belief
        case "ask":
            return None if votes < stage.votes.maximum else _for_an_expert(belief, votes)
        case "expert":
            return _for_an_expert(belief, votes)


def _for_an_expert(belief: Belief, votes: int) -> Undecided:
    after = f"after {counted(votes, 'vote')}"
    return Undecided("unsure", f"{after} {1 - belief.confidence:.1%} risk is left: for an expert")


def _chosen(stage: Stage, votes: list[Opinion]) -> str | None:
    answers = answered(votes)
    match stage.combine.rule:
        case "first":
            return answers[0] if answers else None
        case "agree":
            run = answers[-stage.votes.minimum :]
            return run[-1] if len(run) == stage.votes.minimum and len(set(run)) == 1 else None
        case _:
            counts = Counter(answers).items()
            return next((answer for answer, count in counts if count * 2 > stage.votes.maximum), None)


def _may_be_chosen(stage: Stage, votes: list[Opinion]) -> bool:
    """Return whether the votes that can still be bought could choose an answer."""
    left, answers = stage.votes.maximum - len(votes), answered(votes)
    match stage.combine.rule:
        case "agree":
            running = sum(1 for _ in takewhile(lambda answer: answer == answers[-1], reversed(answers)))
            return running + left >= stage.votes.minimum
        case "majority":
            return (max(Counter(answers).values(), default=0) + left) * 2 > stage.votes.maximum
        case _:
            return True


def _first_model(given: list[Opinion], tally: Tally) -> Combined:
    if given:
        return _of_models(given[:1], str(given[0].answer), given[0].confidence)
    if tally.silent():
        return Pending()
    return _failed(tally) if tally.faults else Undecided("abstained", "no decider had an answer")


def _models_agree(given: list[Opinion], tally: Tally) -> Combined:
    if len({opinion.answer for opinion in given}) > 1:
        return Undecided("disagree", f"deciders disagree: {_tallied(given)}")
    if tally.silent():
        return Pending()
    return _of_models(given, str(given[0].answer), min(opinion.confidence for opinion in given))


def _models_majority(stage: Stage, given: list[Opinion], tally: Tally) -> Combined:
    """More than half of all that were asked; confidence is the mean of those that agree, in any order."""
    counts = Counter(answered(given))
    for answer, count in counts.items():
        if count * 2 > len(stage.deciders):
            agreeing = [opinion.confidence for opinion in given if opinion.answer == answer]
            return _of_models(given, answer, math.fsum(agreeing) / count) if not tally.silent() else Pending()
    if tally.silent():
        return Pending()
    return _failed(tally) if tally.faults else Undecided("disagree", f"no majority: {_tallied(given)}")


def _failed(tally: Tally) -> Undecided:
    fault = min(tally.faults.values(), key=lambda fault: fault.by)
    detail = f": {fault.detail}" if fault.detail else ""
    return Undecided(fault.fault, f"{fault.by} {_FAULTS[fault.fault]}{detail}")


_FAULTS = {
    "error": "failed",
    "timeout": "did not answer in time",
    "garbage": "gave a malformed answer",
    "refused": "refused",
    "quota": "has no quota left",
    "breaker": "was not asked, its breaker is open",
    "dead-letter": "could not be asked",
    "no-evidence": "could not use the evidence",
}


def _of_models(opinions: Sequence[Opinion], answer: str, confidence: float) -> Belief:
    others, agreeing = 0.0, 0
    for opinion in opinions:
        agreeing += opinion.answer == answer
        for key, probability in (opinion.distribution or {}).items():
            if probability > others and key != answer:
                others = probability
    return Belief(answer, confidence, confidence - others, tuple(opinions), agreeing, len(opinions))


def _tallied(opinions: Iterable[Opinion]) -> str:
    counts = Counter(answered(opinions))
    return ", ".join(f"{answer} {count}" for answer, count in sorted(counts.items()))
