"""How far a slice is automated and why, in words and numbers. It reads what keepers found and computes nothing anew."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from adjudge.core.licences import promised
from adjudge.core.plans import ByHand, Certified, Plan
from adjudge.core.specifications import QuestionType
from adjudge.store.automation.epochs import EpochRow

_AFTER: Final = {
    "earlier-stage": "begun anew, as an earlier stage accepts otherwise: ",
    "given-up": "begun anew, as from where it began it would have taken far more audits than from elsewhere: ",
    "replaced": "begun anew, as configuration has changed: ",
}
"""What is said of an epoch by why the one before ended, where no alarm says it."""


def slice_of(row: EpochRow, in_force: tuple[str, int] | None, suspended: str | None) -> dict[str, Any]:
    """Return a slice as people are shown it. `suspended`: why, where it has not earned another certificate since."""
    standing: dict[str, Any] = msgspec.json.decode(row.standing) if row.standing else {}
    state = standing.get("state", "collecting")
    reason = standing.get("reason", "no keeper has looked at it yet")
    if in_force is None and suspended is not None:
        state, reason = "suspended", f"suspended: {suspended}; since then {reason}"
    elif in_force is None:
        state = "collecting" if state == "licensed" else state
        reason = _AFTER.get(row.after or "", "") + reason
    covers = row.covers
    return {
        "scope": row.scope,
        "type": covers.type,
        "slice": covers.slice,
        "plan": covers.plan,
        "stage": covers.stage,
        "deciders": covers.deciders,
        "votes": covers.votes,
        "locations": covers.locations,
        "target": covers.target,
        "people": covers.people,
        "promise": promised(covers.target, covers.people, covers.money, by_consensus=not covers.has_expert),
        "confidence": covers.confidence,
        "state": state,
        "reason": reason,
        "epoch": row.number,
        "certificate": in_force[0] if in_force is not None else None,
        "standing": standing,
    }


def expected_false(rows: Sequence[EpochRow], spent: Mapping[str, float]) -> float:
    """Return the most certificates to expect that are false, of all slices that were tested, licensed or not.

    A slice that inherits was not tested for it; a family has one error budget.
    """
    total = 0.0
    budgets: dict[tuple[str, int, int], float] = {}
    for row in rows:
        covers, found = row.covers, spent.get(row.scope, 0.0)
        if covers.family:
            family = covers.type, covers.stage, covers.family
            budgets[family] = min(1 - covers.confidence, budgets.get(family, 0.0) + found)
        else:
            total += found
    return total + sum(budgets.values())


def sentence(plan: Plan, kind: QuestionType, slices: Sequence[Mapping[str, Any]]) -> str:
    """Return in one sentence why questions of this type are automated here, or not."""
    if not any(isinstance(stage.accept, Certified) for stage in plan.stages):
        by_hand = [stage.accept for stage in plan.stages if isinstance(stage.accept, ByHand)]
        if by_hand:
            return (
                f"Plan {plan.name} automates by a threshold set by hand ({by_hand[0].origin}), which nobody has "
                "certified; `accept: certified` would have it earned."
            )
        return f"Plan {plan.name} has no stage that a certificate could automate: none says `accept: certified`."
    if kind.audits is None:
        return f"Not automated: nobody audits {kind.name} here, so nothing can be shown; configure `audits`."
    if not slices:
        return "Not automated: no keeper has looked at this plan yet."
    return " ".join(_of(each) for each in slices)


def _of(each: Mapping[str, Any]) -> str:
    standing, who = each["standing"], _who(each["deciders"], each["votes"])
    promise = f"{each['promise']} with {each['confidence']:.0%} confidence"
    if each["certificate"] is not None:
        decides = f"Certified: {who} settle it" if each["votes"] else f"Automated: {who} decides alone"
        return (
            f"{decides} from {standing.get('threshold', 0):.3g} on, "
            f"{standing.get('coverage', 0):.0%} of the questions, under {each['certificate']} "
            f"({promise}); {each['reason']}."
        )
    must = (
        "the whole plan must be shown to be" if promise.startswith("the whole plan") else f"{who} must be shown to be"
    )
    not_yet = "Not certified" if each["votes"] else "Not automated"
    return f"{not_yet}: {must} {promise.removeprefix('the whole plan ')}; {each['reason']}."


def _who(deciders: Sequence[str], votes: int) -> str:
    """`claim-risk@1`, `claim-risk@1 and 2 of agents`."""
    if not votes:
        return ", ".join(deciders)
    *models, pool = deciders
    return " and ".join([*([", ".join(models)] if models else []), f"{votes} of {pool}"])
