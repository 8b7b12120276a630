"""Whether a belief may be acted on. In doubt it may not: the stage defers (promise 3)."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, assert_never

import msgspec

from adjudge.core import reasons
from adjudge.core.beliefs import Belief, Undecided
from adjudge.core.expressions import Expression
from adjudge.core.history import Case
from adjudge.core.licences import Licence
from adjudge.core.money import Stake
from adjudge.core.plans import ByHand, Certified, Stage

Rates: TypeAlias = Mapping[str, float]

NO_CERTIFICATE: Final = Undecided("no-certificate", "no certificate is in force here")


class Accepted(msgspec.Struct, frozen=True):
    """The belief may be acted on."""

    code: str
    reason: str
    licence: Licence | None = None
    """The licence that covers it, if it was accepted under a certificate; `confidence` is then the calibrated one."""
    confidence: float | None = None


def judge(
    stage: Stage, belief: Belief, case: Case, rates: Rates, licence: Licence | Undecided = NO_CERTIFICATE
) -> Accepted | Undecided:
    """Return whether the stage accepts its belief, and why. `licence`: the one in force now, for a certified stage."""
    if not case.space.holds(belief.answer):
        return Undecided("garbage", f"{belief.answer!r:.80} is not among the answers")
    match stage.accept:
        case ByHand() as by_hand:
            if _holds(by_hand.condition, belief, case, rates):
                return Accepted("by-hand", reasons.accepted(belief, by_hand) + reasons.learnt(stage))
            return Undecided("unsure", reasons.unsure(belief, by_hand))
        case Certified(money=limit):
            if isinstance(licence, Undecided):
                return licence
            if limit is not None and at_stake(case.stake, rates, limit) is None:
                return Undecided("unsure", reasons.over(case.stake, licence))
            return _certified(belief, licence)
        case None if stage.pool is not None:
            return Accepted("people", reasons.agreed(belief, stage))
        case None:
            return Undecided("not-accepted", "the stage accepts nothing by itself")
        case _:
            assert_never(stage.accept)


def _holds(condition: Expression, belief: Belief, case: Case, rates: Rates) -> bool:
    values = {}
    for name in condition.reads:
        values[name] = _READ[name](belief, case, rates)
    return condition.holds(values)


def _certified(belief: Belief, licence: Licence) -> Accepted | Undecided:
    confidence = licence.calibrator.confidence(belief.confidence)
    if confidence >= licence.threshold:
        return Accepted("certified", reasons.certified(belief, licence, confidence), licence, confidence)
    return Undecided("unsure", reasons.uncertified(licence, confidence))


def at_stake(stake: Stake | None, rates: Rates, limit: Stake) -> float | None:
    """Return a stake in the currency of the limit. None: it is above the limit, or cannot be converted."""
    found = stakes(stake, rates).get(limit.currency)
    return found if found is not None and found <= limit.major else None


def stake_in(currency: str | None, stake: Stake | None, rates: Rates) -> float:
    """Return the stake in a currency; None: in its own. Infinite where it is unknown, or cannot be converted."""
    if stake is None:
        return float("inf")
    return stake.major if currency is None else stakes(stake, rates).get(currency, float("inf"))


def stakes(stake: Stake | None, rates: Rates) -> dict[str, float]:
    """Return the stake in every currency it can be converted to. Without a stake it is infinite in each."""
    if stake is None:
        return dict.fromkeys(rates, float("inf"))
    own = {stake.currency: stake.major}
    if stake.currency not in rates:
        return own
    worth = stake.major * rates[stake.currency]
    return {currency: worth / rate for currency, rate in rates.items()} | own


_READ: Final[Mapping[str, Callable[[Belief, Case, Rates], Any]]] = {
    "confidence": lambda belief, case, rates: belief.confidence,
    "margin": lambda belief, case, rates: belief.margin,
    "answer": lambda belief, case, rates: belief.answer,
    "votes": lambda belief, case, rates: belief.votes,
    "agreeing": lambda belief, case, rates: belief.agreeing,
    "stake": lambda belief, case, rates: stake_in(case.currency, case.stake, rates),
    "stakes": lambda belief, case, rates: stakes(case.stake, rates),
    "question_type": lambda belief, case, rates: case.type,
    "location": lambda belief, case, rates: case.location,
    "attributes": lambda belief, case, rates: case.attributes,
    "opinions": lambda belief, case, rates: [
        {"by": opinion.by, "answer": opinion.answer or "", "confidence": opinion.confidence}
        for opinion in belief.opinions
    ],
}
"""How each of `expressions.VARIABLES` is read. Only those that a condition names are read."""
