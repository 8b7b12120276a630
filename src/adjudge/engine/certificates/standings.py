"""What a look at a slice has found, as people and programs read it: words with numbers."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from adjudge.automation.against_people import NoWorse, Over
from adjudge.automation.certifying import Licensed, Unanimity, Verdict, in_days
from adjudge.automation.paired import PairedWatch, paired_delays
from adjudge.automation.watching import Watch, delays
from adjudge.core.counting import counted
from adjudge.core.licences import promised
from adjudge.engine.certificates import designing, licensing, records
from adjudge.engine.certificates.licensing import AnyState
from adjudge.store.automation.audited import Counted
from adjudge.store.automation.covers import Covers

WHY_LOST: Final = {
    "split": "people differed and no `expert` is asked",
    "declined": "everybody declined",
    "evidence-gone": "the evidence was gone",
}

AnyWatch: TypeAlias = Watch | PairedWatch


def never(covers: Covers) -> str | None:
    """Say why nothing will be certified here; None: it can be. No fault of configuration, but its check names it."""
    if not covers.is_audited:
        return "nobody audits decisions here"
    if not covers.has_one_truth:
        return f"its locations find out in different ways what is true of an audit: {covers.truth}"
    if not covers.is_told:
        return "audits cannot show what this stage would answer, so it accepts nothing: see `adjudge config check`"
    return None


def collecting(counts: Counted, covers: Covers, delta: float, daily: float) -> dict[str, Any]:
    """Return how far a slice is from its design: nothing is tested yet."""
    more = designing.audits_to_design(counts, covers, delta)
    days = more / daily if daily else None
    about = in_days(days, daily) if covers.rate else ", and no coin draws any: give `audits` a `rate` above 0"
    return {
        "state": "collecting",
        "reason": f"{counted(counts.closed, 'audit')} closed; about {more} more before anything can be tested{about}",
        "audits": counts.closed,
        "more_audits": more,
        "days": days,
        "audits_per_day": daily,
    }


def standing(
    state: AnyState,
    verdict: Verdict | NoWorse,
    unanimity: Unanimity | None,
    covers: Covers,
    daily: float,
    lost: Mapping[str, int],
) -> dict[str, Any]:
    """Return what a look at an epoch with a design has found. `lost`: by why, audits that count as wrong."""
    watch = state.watch
    found: dict[str, Any] = {
        "state": "licensed" if state.certificate else "collecting",
        "audits": state.epoch.audits,
        "audits_per_day": daily,
        "scale": "expert" if covers.has_expert else "consensus",
        "done": state.epoch.is_done,
        "unanimity": unanimity and {"checked": unanimity.checked, "wrong": unanimity.wrong},
    }
    if isinstance(verdict, Licensed | NoWorse):
        found |= {
            "threshold": verdict.threshold,
            "coverage": verdict.coverage,
            **records.evidence_of(verdict),
            "reason": shown(verdict),
        }
    else:
        reason = verdict.reason + _lowered(state, unanimity, covers) + _lost(lost)
        found |= {"reason": reason, "more_audits": verdict.more_audits, "days": verdict.days}
    if state.expired and not state.certificate:
        reason = str(found["reason"]) + _faded(verdict, covers)
        found |= _expired(state, reason, isinstance(verdict, Licensed | NoWorse), daily)
    if watch is not None and state.certificate:
        one_sided = verdict.only_people_wrong / max(1, verdict.audits) if isinstance(verdict, NoWorse) else 0.0
        found["watch"] = _watch(watch, covers, daily, _answered(state, verdict, covers), one_sided)
    if state.drift is not None and state.certificate:
        found["drift"] = {
            "scores": state.drift.scores,
            "evidence": state.drift.capital,
            "drifted_at": 1 / licensing.DRIFT_DELTA,
            "has_drifted": state.has_drifted,
        }
    return found


def _answered(state: AnyState, verdict: Verdict | NoWorse, covers: Covers) -> float:
    """Return the share of audits that models answer: of money, coverage is a share of the stake."""
    if covers.money is not None and isinstance(verdict, Licensed):
        return verdict.audits / max(1, int(state.epoch.audits))
    return state.coverage


def _lowered(state: AnyState, unanimity: Unanimity | None, covers: Covers) -> str:
    """Say by how much unanimity's own error lowers the target, and what experts have looked at."""
    if unanimity is None:
        return ""
    tested = state.epoch.tested(unanimity)[0]
    if tested <= 0:  # then that is what is said
        return ""
    return (
        f"; {covers.target:.2%} are tested at {tested:.2%}, as up to {covers.target - tested:.2%} of unanimous answers "
        f"may be wrong (experts found {unanimity.wrong} of {unanimity.checked} so): more answers of experts raise it"
    )


def _lost(lost: Mapping[str, int]) -> str:
    said = [f"{count} as {WHY_LOST.get(why, 'nobody knows')}" for why, count in sorted(lost.items())]
    return f"; counted as wrong for want of a truth: {', '.join(said)}" if said else ""


def group_gone(reason: str, why: str) -> str:
    """Say of a slice without a certificate of its own that its group has lost the one that it had from it."""
    return f"the certificate of its group is suspended ({why}); {reason}"


def _faded(verdict: Verdict | NoWorse, covers: Covers) -> str:
    """Say why what was shown once is not shown today, where fewer are wrong than the target allows."""
    if not isinstance(verdict, Licensed) or verdict.upper_bound <= covers.target:
        return ""
    return f", so up to {verdict.upper_bound:.2%} may be, and the target is {covers.target:.2%}"


def _expired(state: AnyState, reason: str, is_shown: bool, daily: float) -> dict[str, Any]:
    """Return what is said of a slice whose certificate is over, and how many audits another one waits for."""
    more = state.held_until - state.epoch.audits
    if not is_shown or more <= 0:
        return {"reason": f"{state.expired}; {reason}"}
    days = more / daily if daily else None
    wanted = f"another one wants about {more} more audits{in_days(days, daily)}"
    return {"reason": f"{state.expired}; {reason}: {wanted}", "more_audits": more, "days": days}


def inherited(watch: AnyWatch, covers: Covers, own: Mapping[str, Any], coverage: float, group: str) -> dict[str, Any]:
    """Return what is said of a slice that inherits this certificate of its group. `own`: what was found of itself."""
    return {
        "state": "licensed",
        "inherits": group,
        "coverage": coverage,
        "reason": f"inherits {group} from its group until it has its own: {own['reason']}",
        "watch": _watch(watch, covers, own["audits_per_day"], coverage, 0.0),
    }


def shown(verdict: Licensed | NoWorse) -> str:
    """Say what a licence rests on."""
    if isinstance(verdict, NoWorse):
        who = "plan" if verdict.over is Over.PLAN else "model"
        only = f"only the {who} was wrong in {verdict.only_model_wrong}, only people in {verdict.only_people_wrong}"
        return f"of {verdict.audits} audits {only}, the model answering at {verdict.threshold:.4g} and above"
    return f"{verdict.errors} of {verdict.audits} audits were wrong at {verdict.threshold:.4g} and above"


def alarm(watch: AnyWatch, covers: Covers) -> str:
    """Say why a watch takes a certificate away; good days before may leave the share of all below the target."""
    if isinstance(watch, PairedWatch):
        what = "audited decisions" if covers.people and covers.people.over == "plan" else "audited automated decisions"
        worse = (watch.only_model - watch.only_people) / max(1, watch.read)
        found = (
            f"of {watch.read} {what} only the model or plan was wrong in {watch.only_model}, only people in "
            f"{watch.only_people}, and it was to be {promised(covers.target, covers.people)}"
        )
    else:
        worse = watch.errors / max(1, watch.read)
        found = (
            f"{watch.errors} of {watch.read} audited automated decisions were wrong ({worse:.2%}), "
            f"the target is {covers.target:.2%}"
        )
    lost = f"; {watch.lost} of all read have no truth, and count as wrong" if watch.lost else ""
    lately = ", by the latest of them" if worse < covers.target and covers.money is None else ""
    return f"{found}{lost}; evidence {watch.capital:.1f} of {watch.level:.0f}{lately}"


def _counts(watch: AnyWatch) -> dict[str, int]:
    if isinstance(watch, PairedWatch):
        return {"only_model_wrong": watch.only_model, "only_people_wrong": watch.only_people}
    return {"errors": watch.errors}


def _watch(watch: AnyWatch, covers: Covers, daily: float, coverage: float, one_sided: float) -> dict[str, Any]:
    """Return where a watch stands, and after how many audits a rise of the risk would be found."""
    is_of_plan = covers.people is not None and covers.people.over == "plan"
    a_day = daily if is_of_plan else daily * coverage
    return {
        "audits": watch.read,
        **_counts(watch),
        "evidence": watch.capital,
        "suspended_at": watch.level,
        "boost": watch.boost,
        "detects": [
            {
                **rise,
                "audits": round(audits) if math.isfinite(audits) else None,
                "at_least": round(best),
                "days": audits / a_day if a_day and math.isfinite(audits) else None,
            }
            for rise, audits, best in _rises(watch, one_sided)
        ],
    }


def _rises(watch: AnyWatch, one_sided: float) -> Iterator[tuple[dict[str, float], float, float]]:
    """Yield what rises are looked for, after how many audits this watch finds each, and how few any watch needs."""
    if isinstance(watch, PairedWatch):
        for later in paired_delays(margin=watch.margin, delta=watch.delta, one_sided=one_sided, audits_per_day=0):
            yield {"worse_by": later.worse_by}, watch.audits_until(later.worse_by, one_sided), later.audits
        return
    for delay in delays(target=watch.target, delta=watch.delta, audits_per_day=0, weights=watch.weights):
        yield {"times": delay.times}, watch.audits_until(delay.times), delay.audits
