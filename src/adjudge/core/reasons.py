"""Why a belief was acted on or not, in words that people read."""

from collections.abc import Sequence

from adjudge.core.beliefs import Belief
from adjudge.core.counting import counted
from adjudge.core.events import Opinion
from adjudge.core.licences import Licence
from adjudge.core.money import Stake
from adjudge.core.plans import ByHand, Stage


def accepted(belief: Belief, accept: ByHand) -> str:
    """`claim-risk@1 is 0.99 sure, 0.95 is enough (set by hand, config/claims.yaml:10)`."""
    return f"{_sure(belief, belief.confidence)}, {accept.clause}"


def unsure(belief: Belief, accept: ByHand) -> str:
    """`0.61 is under 0.95 (set by hand, groups/eu.yaml:14)`."""
    threshold = accept.condition.threshold
    if threshold is None:
        return f"`{accept.condition.text}` does not hold (set by hand, {accept.origin})"
    return f"{shown(belief.confidence, below=threshold)} is under {threshold:g} (set by hand, {accept.origin})"


def certified(belief: Belief, licence: Licence, confidence: float) -> str:
    """`claim-risk@1 is 0.97 sure, 0.912 is licensed (certificate c-4f1a: at most 1% wrong)`."""
    return f"{_sure(belief, confidence)}, {licence.clause}"


def over(stake: Stake | None, licence: Licence) -> str:
    """`a stake of 900.00 USD is not one up to 500.00 USD (certificate c-4f1a)`."""
    said = f"a stake of {stake.decimal()} {stake.currency}" if stake is not None else "what is at stake, unsaid,"
    limit = f"{licence.money.decimal()} {licence.money.currency}" if licence.money is not None else "what is licensed"
    return f"{said} is not one up to {limit} (certificate {licence.certificate})"


def uncertified(licence: Licence, confidence: float) -> str:
    """`0.61 is under 0.912 (certificate c-4f1a)`."""
    below = shown(confidence, below=licence.threshold)
    return f"{below} is under {licence.threshold:.4g} (certificate {licence.certificate})"


def agreed(belief: Belief, stage: Stage) -> str:
    """`2 of 2 agree`, or of a learnt belief `claim-risk@1 and 1 vote are 0.98 sure`."""
    weighed = stage.combine.pool is not None
    why = _sure(belief, belief.confidence) if weighed else f"{belief.agreeing} of {belief.asked} agree"
    return why + learnt(stage)


def learnt(stage: Stage) -> str:
    """`, another vote is not worth its price (snapshot 7)`; of a stage without prices nothing."""
    if stage.votes.prices is None:
        return ""
    pool = stage.combine.pool
    if pool is None:
        return " (votes as configured: nothing is learnt here yet)"
    return f", another vote is not worth its price (snapshot {pool.snapshot})"


def shown(confidence: float, below: float | None = None) -> str:
    """Write a probability with two digits, or as many as it takes not to look like the threshold it misses."""
    if below is None:
        return f"{confidence:.2f}"
    for digits in range(2, 8):
        text = f"{confidence:.{digits}f}"
        if float(text) < below:
            return text
    return repr(confidence)


def _sure(belief: Belief, confidence: float) -> str:
    return f"{_who(belief.opinions)} {shown(confidence)} sure"


def _who(opinions: Sequence[Opinion]) -> str:
    """`claim-risk@1 is`, `claim-risk@1 and 2 votes are`."""
    if len(opinions) == 1 and opinions[0].source != "reviewer":
        return f"{opinions[0].by} is"
    models = [opinion.by for opinion in opinions if opinion.source != "reviewer"]
    votes = len(opinions) - len(models)
    who = [*dict.fromkeys(models), *([counted(votes, "vote")] if votes else ())]
    return f"{' and '.join(who)} {'is' if len(opinions) == 1 else 'are'}"
