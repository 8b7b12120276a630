"""People of known skill and a model, put through the plan itself: who votes what, and what the plan makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tests.builders import Life, a_plan, by_hand, models, people

from adjudge.automation.learning import Asking, Voted
from adjudge.core.advance import Ask, Settle
from adjudge.core.controls import Controls
from adjudge.core.plans import Plan
from adjudge.core.pools import Prices, Snapshot

LABELS = ("pay", "refuse")
MODEL = "claim-risk@1"
PRICES = Prices(wrong=100, vote=1, expert=20)
CROWD: Mapping[str, float] = {"anna": 0.95, "ben": 0.94, "cleo": 0.96, "dora": 0.93, "emil": 0.6}
"""How often each is right; one of them is poor."""


def priced_plan(most: int = 3, prices: Prices = PRICES) -> Plan:
    """A model, whose word alone is not enough, then people: a majority until something is learnt."""
    asked = people(least=1, most=most, rule="majority", prices=prices)
    return a_plan(models(accept=by_hand("confidence > 0.9999")), asked, people("experts"))


@dataclass(frozen=True)
class Item:
    """A question, its truth, and what would be said of it."""

    truth: str
    said: Mapping[str, float]
    votes: Sequence[tuple[str, str]]


def items(count: int, seed: int, *, skills: Mapping[str, float] = CROWD, votes: int = 3) -> list[Item]:
    """Questions, each with votes of different people in an order drawn."""
    chance = np.random.default_rng(seed)
    found = []
    for truth in chance.integers(0, 2, count):
        who = chance.permutation(list(skills))[:votes]
        given = [(str(name), LABELS[truth if chance.random() < skills[str(name)] else 1 - truth]) for name in who]
        sure = float(chance.uniform(0.55, 0.999))
        right = chance.random() < sure
        said = {LABELS[truth if right else 1 - truth]: sure, LABELS[1 - truth if right else truth]: 1 - sure}
        found.append(Item(LABELS[truth], said, given))
    return found


def audited(found: Sequence[Item]) -> list[Voted]:
    """The same as calibrate-audits whose truth an expert has said."""
    return [Voted(votes=tuple(item.votes), labels=LABELS, truth=item.truth, said={MODEL: item.said}) for item in found]


def stages(plan: Plan, index: int = 1) -> dict[str, Asking]:
    """The priced stage, as a keeper reads it of the plan."""
    prices = plan.stage(index).votes.prices
    assert prices is not None
    return {
        plan.learnt_as(index): Asking(
            deciders=plan.models_before(index), prices=prices, votes=plan.stage(index).votes.maximum
        )
    }


def life(plan: Plan, item: Item, snapshot: Snapshot | None) -> tuple[Life, int]:
    """Let people vote in their order for as long as the plan asks for it; return also how many votes it bought."""
    lived = Life(plan, controls=Controls(learnt={"claim.pay": snapshot} if snapshot else {}))
    answer = max(item.said, key=item.said.__getitem__)
    lived.then(lived.opinion(MODEL, answer, item.said[answer], distribution=dict(item.said)))
    bought = 0
    for name, vote in item.votes:
        if not isinstance(lived.step, Ask) or lived.step.stage != 1:
            break
        lived.votes(**{name: vote})
        bought += 1
    return lived, bought


def majority(item: Item) -> str:
    """What most of the votes say."""
    given = [answer for _, answer in item.votes]
    return max(LABELS, key=given.count)


def outcome(plan: Plan, item: Item, snapshot: Snapshot | None) -> tuple[str | None, int]:
    """Return what it was answered with, None where it went to the expert; and the votes bought."""
    lived, bought = life(plan, item, snapshot)
    return (lived.step.outcome.answer if isinstance(lived.step, Settle) else None), bought
