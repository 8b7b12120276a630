"""What a look at a slice has found, as people and programs read it: words with numbers."""

from typing import Any

from adjudge.automation.against_people import NoWorse, Over
from adjudge.automation.certifying import Licence as Licensed
from adjudge.automation.certifying import Unanimity, Verdict
from adjudge.automation.paired import PairedWatch, paired_delays
from adjudge.automation.watching import Watch, delays
from adjudge.core.licences import promised
from adjudge.engine import licensing
from adjudge.engine.licensing import AnyState
from adjudge.store.audits import Counted
from adjudge.store.epochs import Covers


def collecting(counts: Counted, covers: Covers, delta: float, daily: float) -> dict[str, Any]:
    """Return how far a slice is from its design: nothing is tested yet."""
    more = (
        licensing.audits_to_design(counts, covers.target, delta)
        if covers.people is None
        else licensing.audits_to_compare(counts)
    )
    days = more / daily if daily else None
    about = f", about {days:.0f} days at {daily:.0f} a day" if days is not None and days >= 1 else ""
    return {
        "state": "collecting",
        "reason": f"{counts.closed} audits are closed; about {more} more before anything can be tested{about}",
        "audits": counts.closed,
        "more_audits": more,
        "days": days,
        "audits_per_day": daily,
    }


def standing(
    state: AnyState, verdict: Verdict | NoWorse, unanimity: Unanimity | None, covers: Covers, daily: float
) -> dict[str, Any]:
    """Return what a look at an epoch with a design has found."""
    watch = state.watch
    found: dict[str, Any] = {
        "state": "licensed" if state.certificate else "collecting",
        "audits": state.epoch.audits,
        "audits_per_day": daily,
        "scale": "expert" if covers.has_expert else "consensus",
        "unanimity": unanimity and {"checked": unanimity.checked, "wrong": unanimity.wrong},
    }
    if isinstance(verdict, Licensed | NoWorse):
        found |= {
            "threshold": verdict.threshold,
            "coverage": verdict.coverage,
            **licensing.evidence_of(verdict),
            "reason": shown(verdict),
        }
    else:
        found |= {"reason": verdict.reason, "more_audits": verdict.more_audits, "days": verdict.days}
    if watch is not None and state.certificate:
        found["watch"] = {
            "audits": watch.audits,
            **_counts(watch),
            "evidence": watch.capital,
            "suspended_at": watch.level,
            "boost": watch.boost,
            "detects": _detects(state, verdict, covers, daily),
        }
    if state.drift is not None and state.certificate:
        found["drift"] = {
            "scores": state.drift.scores,
            "evidence": state.drift.capital,
            "drifted_at": 1 / licensing.DRIFT_DELTA,
            "has_drifted": state.has_drifted,
        }
    return found


def shown(verdict: Licensed | NoWorse) -> str:
    """Say what a licence rests on."""
    if isinstance(verdict, NoWorse):
        who = "plan" if verdict.over is Over.PLAN else "model"
        only = f"only the {who} was wrong in {verdict.only_model_wrong}, only people in {verdict.only_people_wrong}"
        return f"of {verdict.audits} audits {only}, the model answering at {verdict.threshold:.4g} and above"
    return f"{verdict.errors} of {verdict.audits} audits were wrong at {verdict.threshold:.4g} and above"


def seen(watch: Watch | PairedWatch, covers: Covers) -> str:
    """Say what a watch has read."""
    if isinstance(watch, PairedWatch):
        what = "audited decisions" if covers.people and covers.people.over == "plan" else "audited automated decisions"
        return (
            f"of {watch.audits} {what} only the model or plan was wrong in {watch.only_model}, only people in "
            f"{watch.only_people}, and it was to be {promised(covers.target, covers.people)}"
        )
    share = watch.errors / max(1, watch.audits)
    return (
        f"{watch.errors} of {watch.audits} audited automated decisions were wrong ({share:.2%}), "
        f"the target is {covers.target:.2%}"
    )


def _counts(watch: Watch | PairedWatch) -> dict[str, int]:
    if isinstance(watch, PairedWatch):
        return {"only_model_wrong": watch.only_model, "only_people_wrong": watch.only_people}
    return {"errors": watch.errors}


def _detects(state: AnyState, verdict: Verdict | NoWorse, covers: Covers, daily: float) -> list[dict[str, Any]]:
    """Return how long a rise of the risk, or of the difference from people, would stay unseen at least."""
    automated = daily * state.coverage
    if covers.people is None:
        found = delays(target=covers.target, delta=covers.watch, audits_per_day=automated)
        return [{"times": d.times, "audits": round(d.audits), "days": d.days if automated else None} for d in found]
    a_day = daily if covers.people.over == "plan" else automated
    share = verdict.only_people_wrong / max(1, verdict.audits) if isinstance(verdict, NoWorse) else 0.0
    rises = paired_delays(margin=covers.people.margin, delta=covers.watch, one_sided=share, audits_per_day=a_day)
    return [{"worse_by": d.worse_by, "audits": round(d.audits), "days": d.days if a_day else None} for d in rises]
