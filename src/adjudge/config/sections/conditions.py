"""`accept`: when a belief may be acted on without asking further."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from adjudge.config.documents.cursors import Cursor, Fields, described
from adjudge.config.documents.faults import nearest
from adjudge.config.documents.readers import choice, duration, number, percentage, share_up_to, stake, text, whole
from adjudge.config.sections.misnaming import fault_of_expression
from adjudge.config.sections.sense import Words, check_sense
from adjudge.core.expressions import VARIABLES, Expression, InvalidExpression, compile_condition
from adjudge.core.money import Stake
from adjudge.core.plans import Acceptance, AgainstPeople, ByHand, Certified, Drift

LEAST_TARGET: Final = 0.0001
MOST_TARGET: Final = 0.5
MOST_AUDITS: Final = 1_000_000
MOST_SLICES: Final = 10_000
MOST_PEOPLE: Final = 9
MOST_MARGIN: Final = 0.2

_compiled = lru_cache(maxsize=4096)(compile_condition)  # many plans share few conditions; compiling one takes a while


def read_acceptance(at: Cursor, rates: Mapping[str, float], words: Mapping[str, Words]) -> Acceptance | None:
    """Read `certified`, `{certified: …}` or `{by_hand: condition}`. None after a fault. `words`: of conditions."""
    if at.node.value == "certified":
        return Certified(at.node.origin)
    if at.has("certified"):
        with at.fields() as fields:
            certified = fields.get("certified")
            return None if certified is None else _certified(certified, rates)
    if not isinstance(at.node.value, dict):
        example = '{by_hand: "confidence >= 0.95"}'
        at.fault(f"{described(at.node)} is neither `certified` nor `{example}`", nearest(at.node.text, ["certified"]))
        return None
    with at.fields() as fields:
        condition = fields.need("by_hand", 'by_hand: "confidence >= 0.95"')
        return None if condition is None else _by_hand(condition, rates, words)


def _certified(at: Cursor, rates: Mapping[str, float]) -> Certified:
    usual = Certified(at.node.origin)
    with at.fields() as fields:
        target = fields.read("target", percentage, usual.target)
        confidence = fields.read("confidence", number(0.5, 1, "a probability above 0.5, below 1"), usual.confidence)
        watch = fields.read("watch", number(0, 0.5, "a probability above 0, below 0.5"), usual.watch)
        validity = fields.read("validity", duration, usual.validity)
        audits = fields.read("validity_audits", whole(1, MOST_AUDITS), usual.validity_audits)
        drift: Drift = fields.read("drift", choice("shown", "ends"), usual.drift)
        family = fields.read("family", whole(2, MOST_SLICES), usual.family)
        money = _money(fields, rates)
        people_at = fields.get("people")
        people = _against_people(people_at) if people_at is not None else None
        if people_at is not None and fields.given("target"):
            people_at.fault("a certificate has a `target`, or `people` with whom it is compared, not both")
        if people_at is not None and money is not None:
            people_at.fault("people are compared by answers, not by money: take `money` away")
    if not LEAST_TARGET <= target <= MOST_TARGET:
        at.fault(f"a target is from {LEAST_TARGET:.2%} to {MOST_TARGET:.0%} wrong answers, not {target:g}")
    return Certified(
        at.node.origin,
        target=target,
        confidence=confidence,
        watch=watch,
        validity=validity,
        validity_audits=audits,
        drift=drift,
        people=people,
        money=money,
        family=family,
    )


def _money(fields: Fields, rates: Mapping[str, float]) -> Stake | None:
    at = fields.get("money")
    if at is None:
        return None
    with at.fields() as inner:
        up_to = inner.need("up_to", "up_to: 500 USD")
        found = up_to.read(stake, None) if up_to is not None else None
    if up_to is not None and found is not None and found.currency not in rates:
        up_to.fault(f"organisation.rates has no rate for {found.currency}", nearest(found.currency, rates))
    return found


def _against_people(at: Cursor) -> AgainstPeople:
    usual = AgainstPeople()
    with at.fields() as fields:
        return AgainstPeople(
            votes=fields.read("votes", whole(1, MOST_PEOPLE), usual.votes),
            margin=fields.read("margin", share_up_to(MOST_MARGIN), usual.margin),
            over=fields.read("over", choice("automated", "plan"), usual.over),
        )


def _by_hand(at: Cursor, rates: Mapping[str, float], words: Mapping[str, Words]) -> ByHand | None:
    try:
        condition = _compiled(at.read(text, "true"))
    except InvalidExpression as error:
        fault_of_expression(at, error, VARIABLES)
        return None
    _check(at, condition, rates, words)
    return ByHand(condition, at.node.origin)


def _check(at: Cursor, condition: Expression, rates: Mapping[str, float], words: Mapping[str, Words]) -> None:
    if not condition.reads and not condition.holds({}):
        at.fault(f"`{condition.text}` never holds: this stage would accept nothing")
    elif condition.threshold is None:
        check_sense(at, condition, words)
    for currency in sorted(condition.currencies - rates.keys()):
        at.fault(f"organisation.rates has no rate for {currency}", nearest(currency, rates))
    if condition.threshold is not None and condition.threshold > 1:
        at.fault(f"confidence is at most 1: {condition.threshold:g} is never reached")
