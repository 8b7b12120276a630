"""What `adjudge automation` prints of slices, certificates and audits: rows of tables, and entries."""

from typing import Any, Final

from adjudge.cli.output import NONE, Column, entries, plain, rough
from adjudge.client.automation import Calibration, Certificate, OpenAudit, Slice
from adjudge.core.counting import counted
from adjudge.core.licences import promised
from adjudge.core.money import Stake
from adjudge.core.plans import AgainstPeople

SLICES: Final = (
    Column("SCOPE"),
    Column("DECIDERS"),
    Column("STATE"),
    Column("TARGET", right=True),
    Column("FROM", right=True),
    Column("COVERAGE", right=True),
    Column("AUDITS", right=True),
    Column("CERTIFICATE"),
)
AUDITS: Final = (
    Column("DECISION"),
    Column("TYPE"),
    Column("LOCATION"),
    Column("STATE"),
    Column("AGE", right=True),
    Column("SHOWN", right=True),
    Column("VOTES", right=True),
    Column("DECLINED", right=True),
)


ENDED: Final = {
    "watch": "suspended by its watch",
    "siblings": "suspended by a look at all members of its group",
    "operator": "suspended by an operator",
    "replaced": "configuration has changed",
    "earlier-stage": "an earlier stage accepts otherwise",
}
"""Why a certificate has ended, by why its epoch has."""


def short(scope: str) -> str:
    """Return a slice's name as people type it."""
    return plain(scope.removeprefix("certificate:"))


def slice_row(each: Slice) -> tuple[str, ...]:
    """Return the row of a slice: the columns are `SLICES`."""
    standing = each.standing
    return (
        short(each.scope),
        ", ".join(each.deciders),
        each.state,
        f"{each.target * 100:.3g}%" if each.people is None else _people(each.people),
        f"{standing['threshold']:.3g}" if "threshold" in standing else NONE,
        f"{standing['coverage']:.0%}" if "coverage" in standing else NONE,
        str(standing.get("audits", 0)),
        each.certificate or NONE,
    )


def slice_lines(each: Slice) -> list[str]:
    """Return all that is said of a slice."""
    told = [
        ("slice", short(each.scope)),
        ("deciders", ", ".join(each.deciders)),
        ("locations", ", ".join(each.locations[:8]) + (" …" if len(each.locations) > 8 else "")),
        (
            "promise",
            f"{each.promise or f'at most {each.target * 100:.3g}% wrong'}, with {each.confidence:.0%} confidence",
        ),
        ("state", f"{each.state} (epoch {each.epoch})"),
        ("why", each.reason),
        *([("certificate", each.certificate)] if each.certificate else []),
        *_watch(each.standing),
        *_drift(each.standing),
    ]
    return entries(told)


def _watch(standing: dict[str, Any]) -> list[tuple[str, str]]:
    watch = standing.get("watch")
    if not watch:
        return []
    seen = (
        f"{watch['errors']} of {watch['audits']} audited automated decisions wrong"
        if "errors" in watch
        else f"of {watch['audits']} audited decisions {_one_sided(watch)}"
    )
    evidence = f"evidence {watch['evidence']:.2g} of {watch['suspended_at']:.0f}"
    detects = [f"{_rise(found)} {_after(found)}" for found in watch["detects"]]
    return [("watch", f"{seen}; {evidence}"), ("rise shows", "; ".join(detects))]


def _after(found: dict[str, Any]) -> str:
    """Say after about how many audits and days a rise is found; a server of before knows only the fewest."""
    if found["audits"] is None:
        return "never"
    days = found["days"]
    return f"after about {counted(found['audits'], 'audit')}" + (
        "" if days is None else f", {days:.0f} d" if days > 1 else ", within a day"
    )


def _rise(found: dict[str, Any]) -> str:
    if "times" in found:
        return f"×{found['times']:g}"
    return f"{(points := found['worse_by'] * 100):g} point{'s' * (points != 1)} worse"


def _one_sided(counts: dict[str, Any]) -> str:
    return f"only the model or plan wrong in {counts['only_model_wrong']}, only people in {counts['only_people_wrong']}"


def _people(people: dict[str, Any]) -> str:
    """Return the target of a comparison with people, in a table."""
    return counted(people["votes"], "person", "people") + (
        f" +{people['margin'] * 100:.3g}" if people["margin"] else ""
    )


def _drift(standing: dict[str, Any]) -> list[tuple[str, str]]:
    drift = standing.get("drift")
    if not drift:
        return []
    said = "scores have drifted" if drift["has_drifted"] else "none seen"
    evidence = f"evidence {drift['evidence']:.2g} of {drift['drifted_at']:.0f}"
    return [("drift", f"{said} in {counted(drift['scores'], 'audit')} since the certificate; {evidence}")]


def _promise(body: dict[str, Any]) -> str:
    people = body.get("people")
    money = Stake(**body["money"]) if "money" in body else None
    against = AgainstPeople(**people) if people is not None else None
    return promised(body["target"], against, money, by_consensus=body.get("scale") == "consensus")


def _evidence(body: dict[str, Any]) -> str:
    if "inherits" in body:
        siblings = counted(body["siblings"], "slice")
        return f"that of {body['inherits']}, of its group {short(body['from'])}, one of {siblings}"
    if "errors" in body:
        return f"{body['errors']} of {counted(body['audits'], 'audit')} wrong; at most {body['upper_bound']:.2%}"
    return f"of {counted(body['audits'], 'audit')} {_one_sided(body)}; p = {body['p_value']:.3g}"


def _force(found: Certificate) -> str:
    if found.in_force or found.ended is None:
        return "in force" if found.in_force else "not in force"
    return f"not in force: {ENDED.get(found.ended['why'], found.ended['why'])}, {found.ended['at']}"


def certificate_lines(found: Certificate) -> list[str]:
    """Return all that is said of a certificate."""
    body = found.body
    told = [
        ("certificate", f"{found.id} ({_force(found)})"),
        ("slice", short(found.scope)),
        ("promise", f"{_promise(body)}, with {body['confidence']:.0%} confidence"),
        ("licensed", f"from {body['threshold']:.4g} on" + _coverage(body)),
        ("evidence", _evidence(body)),
        *([] if "inherits" in body else _tested(body, found.epoch)),
        ("valid until", str(body["valid_until"])),
        *([] if found.calibration is None else _calibrated(found.calibration)),
    ]
    return entries(told)


def _coverage(body: dict[str, Any]) -> str:
    return f": {body['coverage']:.0%} of the questions" if "coverage" in body else ""


def _tested(body: dict[str, Any], epoch: int) -> list[tuple[str, str]]:
    lost = sum(each["lost"] for each in body["inputs"])
    return [
        ("inputs", f"{counted(len(body['inputs']), 'audit')}, {lost} lost and counted as wrong"),
        ("started at", f"{body['start']['threshold']:.4g}, chosen by {body['start']['why']}"),
        ("spent", f"epoch {epoch}: {body['delta']:.3g} of {1 - body['confidence']:.3g}"),
    ]


def _calibrated(found: Calibration) -> list[tuple[str, str]]:
    """Say what a confidence means: by which calibrator, and how often those who said so much were right."""
    kind = found.calibrator["kind"]
    losses = ", ".join(f"{name} {loss:.3f}" for name, loss in found.log_losses.items())
    return [
        ("calibrated", f"{kind}, by {counted(found.examples, 'audit')}; log loss of those held out: {losses}"),
        ("reliability", f"off by {found.error:.3f} on average:"),
        *(("", f"{each.confidence:.3f} is right in {each.accuracy:.3f} of {each.examples}") for each in found.curve),
    ]


def audit_lines(record: dict[str, Any]) -> list[str]:
    """Return the record of a closed audit."""
    why = f" ({record['why']})" if record["why"] else ""
    said = {
        name: str(opinion.get("answer") or opinion.get("fault") or NONE) for name, opinion in record["opinions"].items()
    }
    told = [
        ("decision", record["decision_id"]),
        ("type", f"{record['type']} at {record['location']}, slice {record['slice']}"),
        ("truth", "never known: counted as wrong" if record["truth"] is None else record["truth"]),
        ("by", f"{record['truth_by']}{why}"),
        ("votes", ", ".join(f"{vote['answer']} ({vote['purpose']})" for vote in record["votes"]) or NONE),
        *said.items(),
        ("drawn", f"at {record['rate']:.3g}, to {record['role']}"),
        ("asked", str(record["asked_at"])),
        ("closed", str(record["closed_at"])),
    ]
    return entries(told)


def audit_row(each: OpenAudit) -> tuple[str, ...]:
    """Return the row of an open audit: the columns are `AUDITS`."""
    state = f"{each.state} ({each.why_expert})" if each.why_expert else each.state
    return (
        each.decision,
        each.type,
        each.location,
        state,
        rough(each.age_seconds),
        str(each.shown),
        str(each.votes),
        str(each.declined),
    )
