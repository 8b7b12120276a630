"""`adjudge automation`: what is automated, on which evidence, what is missing, and how to take it away."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from adjudge.cli.connection import connected
from adjudge.cli.grouping import group
from adjudge.cli.output import NONE, Column, as_json, entries, plain, rough, table
from adjudge.cli.refusing import Refused
from adjudge.client.automation import Certificate, OpenAudit, Slice
from adjudge.core.licences import promised
from adjudge.core.money import Stake
from adjudge.core.plans import AgainstPeople

app = group("See what is automated, on which evidence, and take it away.")

SLICES = (
    Column("SCOPE"),
    Column("DECIDERS"),
    Column("STATE"),
    Column("TARGET", right=True),
    Column("FROM", right=True),
    Column("COVERAGE", right=True),
    Column("AUDITS", right=True),
    Column("CERTIFICATE"),
)
AUDITS = (
    Column("DECISION"),
    Column("TYPE"),
    Column("LOCATION"),
    Column("STATE"),
    Column("AGE", right=True),
    Column("SHOWN", right=True),
    Column("VOTES", right=True),
    Column("DECLINED", right=True),
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Named = Annotated[str, typer.Argument(help="The slice, as `automation ls` names it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is written into the journal.")]


@app.callback()
def automation() -> None:
    """See what is automated, on which evidence, and take it away."""


@app.command()
def ls(json_: Json = False) -> None:
    """List all slices that may earn automation, and how far each has come."""
    with connected() as adjudge:
        found = adjudge.automation.overview()
    if json_:
        print(as_json(found.slices))
        return
    print("\n".join(table(SLICES, map(_slice, found.slices))))
    if found.expected_false:
        print(f"of those tested at most {found.expected_false:.2g} may be certified falsely, on average")


@app.command()
def show(scope: Named, json_: Json = False) -> None:
    """Show a slice, or a certificate by its id: evidence, threshold, watch, days until a rise would show."""
    with connected() as adjudge:
        if scope.startswith("c-"):
            found = adjudge.automation.certificate(scope)
            print(as_json(found) if json_ else "\n".join(_certificate(found)))
            return
        one = _the(scope, adjudge.automation.list())
    print(as_json(one) if json_ else "\n".join(_shown(one)))


@app.command()
def why(location: str, question_type: Annotated[str, typer.Argument(metavar="TYPE")], json_: Json = False) -> None:
    """Say in a sentence why questions of a type are automated at a location, or not."""
    with connected() as adjudge:
        found = adjudge.automation.why(location, question_type)
    print(as_json(found) if json_ else plain(found.why))


@app.command()
def audits(
    decision: Annotated[str | None, typer.Argument(help="One whose truth is known: show its record.")] = None,
    *,
    question_type: Annotated[str | None, typer.Option("--type")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json_: Json = False,
) -> None:
    """List audits whose truth is not known yet, the oldest first."""
    with connected() as adjudge:
        if decision is not None:
            record = adjudge.automation.audit(decision)
            print(as_json(record) if json_ else "\n".join(_closed(record)))
            return
        found = adjudge.automation.audits(type=question_type, limit=limit)
    print(as_json(found) if json_ else "\n".join(table(AUDITS, map(_audit, found))))


@app.command()
def verify(certificate: Annotated[str, typer.Argument(help="Its id.")], json_: Json = False) -> None:
    """Compute a certificate's hash and licence again, here, from what the server has on record. Status 1: it fails.

    The server compares the audits behind it with what they were when it was issued.
    """
    from adjudge.engine import certificate_records as records  # numpy, which no other command needs
    from adjudge.engine import inheriting

    with connected() as adjudge:
        found = adjudge.automation.certificate(certificate)
        group = adjudge.automation.certificate(found.body["inherits"]) if "inherits" in found.body else None
    verified = (
        records.verify(found.id, found.body) if group is None else inheriting.verify(found.id, found.body, group.body)
    )
    changed = (found if group is None else group).changed
    otherwise = records.acts_otherwise(found.id, found.licence, found.body) if found.licence is not None else []
    if json_:
        print(as_json({**asdict(verified), "changed": changed, "acts_otherwise": otherwise}))
    else:
        print(f"hash      {'holds' if verified.hash_holds else 'does NOT hold'}: {found.id}")
        licensed = NONE if verified.threshold is None else f"{verified.threshold:.4g}"
        print(f"licence   {'holds' if verified.licence_holds else 'does NOT hold'}: from {licensed} on")
        print(f"inputs    {verified.audits} audits, {verified.lost} of them lost and counted as wrong")
        if otherwise:
            print(f"in force  does NOT hold: what processes act on has another {', '.join(otherwise)}")
        if changed:
            print(f"record    does NOT hold: {len(changed)} audits have been changed since, {changed[0]} among them")
    if changed or otherwise or not (verified.hash_holds and verified.licence_holds):
        raise typer.Exit(1)


@app.command()
def suspend(scope: Named, reason: Reason, json_: Json = False) -> None:
    """Take automation of a slice away at once. It may earn its way back, on audits drawn from now on."""
    with connected() as adjudge:
        found = adjudge.automation.suspend(_full(scope), reason)
    print(as_json(found) if json_ else f"suspended  {_short(found.scope)}: people decide")


@app.command()
def renew(scope: Named, reason: Reason, json_: Json = False) -> None:
    """Have the certificate of a slice that is in force computed again, with a new validity, by a keeper."""
    with connected() as adjudge:
        found = adjudge.automation.renew(_full(scope), reason)
    print(as_json(found) if json_ else f"to be renewed  {_short(found.scope)}")


def _full(scope: str) -> str:
    return scope if scope.startswith("certificate:") else f"certificate:{scope}"


def _short(scope: str) -> str:
    return plain(scope.removeprefix("certificate:"))


def _the(scope: str, slices: tuple[Slice, ...]) -> Slice:
    found = next((each for each in slices if each.scope == _full(scope)), None)
    if found is None:
        raise Refused(f"no slice {scope!r}; `adjudge automation ls` names them")
    return found


def _slice(each: Slice) -> tuple[str, ...]:
    standing = each.standing
    return (
        _short(each.scope),
        ", ".join(each.deciders),
        each.state,
        f"{each.target * 100:.3g}%" if each.people is None else _people(each.people),
        f"{standing['threshold']:.3g}" if "threshold" in standing else NONE,
        f"{standing['coverage']:.0%}" if "coverage" in standing else NONE,
        str(standing.get("audits", 0)),
        each.certificate or NONE,
    )


def _shown(each: Slice) -> list[str]:
    told = [
        ("slice", _short(each.scope)),
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
    return f"after about {found['audits']} audits" + (
        "" if days is None else f", {days:.0f} d" if days > 1 else ", within a day"
    )


def _rise(found: dict[str, Any]) -> str:
    if "times" in found:
        return f"×{found['times']:g}"
    return f"{found['worse_by'] * 100:g} points worse"


def _one_sided(counts: dict[str, Any]) -> str:
    return f"only the model or plan wrong in {counts['only_model_wrong']}, only people in {counts['only_people_wrong']}"


def _people(people: dict[str, Any]) -> str:
    """Return the target of a comparison with people, in a table."""
    return f"{people['votes']} people" + (f" +{people['margin'] * 100:.3g}" if people["margin"] else "")


def _drift(standing: dict[str, Any]) -> list[tuple[str, str]]:
    drift = standing.get("drift")
    if not drift:
        return []
    said = "scores have drifted" if drift["has_drifted"] else "none seen"
    evidence = f"evidence {drift['evidence']:.2g} of {drift['drifted_at']:.0f}"
    return [("drift", f"{said} in {drift['scores']} audits since the certificate; {evidence}")]


def _promise(body: dict[str, Any]) -> str:
    people = body.get("people")
    money = Stake(**body["money"]) if "money" in body else None
    return promised(body["target"], AgainstPeople(**people) if people is not None else None, money)


def _evidence(body: dict[str, Any]) -> str:
    if "inherits" in body:
        return f"that of {body['inherits']}, of its group {_short(body['from'])}, one of {body['siblings']} slices"
    if "errors" in body:
        return f"{body['errors']} of {body['audits']} audits wrong; at most {body['upper_bound']:.2%}"
    return f"of {body['audits']} audits {_one_sided(body)}; p = {body['p_value']:.3g}"


def _certificate(found: Certificate) -> list[str]:
    body = found.body
    told = [
        ("certificate", f"{found.id} ({'in force' if found.in_force else 'not in force'})"),
        ("slice", _short(found.scope)),
        ("promise", f"{_promise(body)}, with {body['confidence']:.0%} confidence"),
        ("licensed", f"from {body['threshold']:.4g} on" + _coverage(body)),
        ("evidence", _evidence(body)),
        *([] if "inherits" in body else _tested(body, found.epoch)),
        ("valid until", str(body["valid_until"])),
    ]
    return entries(told)


def _coverage(body: dict[str, Any]) -> str:
    return f": {body['coverage']:.0%} of the questions" if "coverage" in body else ""


def _tested(body: dict[str, Any], epoch: int) -> list[tuple[str, str]]:
    lost = sum(each["lost"] for each in body["inputs"])
    return [
        ("inputs", f"{len(body['inputs'])} audits, {lost} lost and counted as wrong"),
        ("started at", f"{body['start']['threshold']:.4g}, chosen by {body['start']['why']}"),
        ("spent", f"epoch {epoch}: {body['delta']:.3g} of {1 - body['confidence']:.3g}"),
    ]


def _closed(record: dict[str, Any]) -> list[str]:
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


def _audit(each: OpenAudit) -> tuple[str, ...]:
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
