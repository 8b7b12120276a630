"""Why a belief was acted on or not, in words that people read."""

from adjudge.core.combining import Belief
from adjudge.core.licences import Licence
from adjudge.core.money import Stake
from adjudge.core.plans import ByHand, Stage


def accepted(belief: Belief, accept: ByHand) -> str:
    """`claim-risk@1 is 0.99 sure, 0.95 is enough (set by hand, config/claims.yaml:10)`."""
    threshold = accept.condition.threshold
    enough = f"{threshold:g} is enough" if threshold is not None else f"`{accept.condition.text}` holds"
    return f"{_sure(belief)}, {enough} (set by hand, {accept.origin})"


def unsure(belief: Belief, accept: ByHand) -> str:
    """`0.61 is under 0.95 (set by hand, groups/eu.yaml:14)`."""
    threshold = accept.condition.threshold
    if threshold is None:
        return f"`{accept.condition.text}` does not hold (set by hand, {accept.origin})"
    return f"{shown(belief.confidence, below=threshold)} is under {threshold:g} (set by hand, {accept.origin})"


def certified(belief: Belief, licence: Licence, confidence: float) -> str:
    """`claim-risk@1 is 0.97 sure, 0.912 is licensed (certificate c-4f1a: at most 1% wrong)`."""
    who = _sure(belief, confidence)
    promise = f"(certificate {licence.certificate}: {licence.promise})"
    return f"{who}, {licence.threshold:.4g} is licensed {promise}"


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
    return (_sure(belief) if weighed else f"{belief.agreeing} of {belief.asked} agree") + learnt(stage)


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
    for digits in range(2, 8):
        text = f"{confidence:.{digits}f}"
        if below is None or float(text) < below:
            return text
    return repr(confidence)


def _sure(belief: Belief, confidence: float | None = None) -> str:
    models = [opinion.by for opinion in belief.opinions if opinion.source != "reviewer"]
    who = models if len(models) < 2 else [*dict.fromkeys(models)]
    votes = len(belief.opinions) - len(models)
    if votes:
        who.append(f"{votes} vote{'s' if votes > 1 else ''}")
    verb = "is" if len(belief.opinions) == 1 else "are"
    return f"{' and '.join(who)} {verb} {shown(belief.confidence if confidence is None else confidence)} sure"
