"""`adjudge automation`: what is automated, on which evidence, what is missing, and how to take it away."""

from dataclasses import asdict
from typing import Annotated

import typer

from adjudge.cli.automation_in_words import (
    AUDITS,
    SLICES,
    audit_lines,
    audit_row,
    certificate_lines,
    short,
    slice_lines,
    slice_row,
)
from adjudge.cli.connection import connected
from adjudge.cli.grouping import group
from adjudge.cli.output import NONE, as_json, plain, table
from adjudge.cli.refusing import Refused
from adjudge.client.automation import Slice
from adjudge.core.counting import counted

app = group("See what is automated, on which evidence, and take it away.")

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
    print("\n".join(table(SLICES, map(slice_row, found.slices))))
    if found.expected_false:
        print(f"of those tested at most {found.expected_false:.2g} may be certified falsely, on average")


@app.command()
def show(scope: Named, json_: Json = False) -> None:
    """Show a slice, or a certificate by its id: evidence, threshold, watch, days until a rise would show."""
    with connected() as adjudge:
        if scope.startswith("c-"):
            found = adjudge.automation.certificate(scope)
            print(as_json(found) if json_ else "\n".join(certificate_lines(found)))
            return
        one = _the(scope, adjudge.automation.list())
    print(as_json(one) if json_ else "\n".join(slice_lines(one)))


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
            print(as_json(record) if json_ else "\n".join(audit_lines(record)))
            return
        found = adjudge.automation.audits(type=question_type, limit=limit)
    print(as_json(found) if json_ else "\n".join(table(AUDITS, map(audit_row, found))))


@app.command()
def verify(certificate: Annotated[str, typer.Argument(help="Its id.")], json_: Json = False) -> None:
    """Compute a certificate's hash and licence again, here, from what the server has on record. Status 1: it fails.

    The server compares the audits behind it with what they were when it was issued.
    """
    from adjudge.engine.certificates import inheriting, records  # numpy, which no other command needs

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
        print(f"inputs    {counted(verified.audits, 'audit')}, {verified.lost} of them lost and counted as wrong")
        if otherwise:
            print(f"in force  does NOT hold: what processes act on has another {', '.join(otherwise)}")
        if changed:
            print(f"record    does NOT hold: {counted(len(changed), 'audit')} changed since, as {changed[0]}")
    if changed or otherwise or not (verified.hash_holds and verified.licence_holds):
        raise typer.Exit(1)


@app.command()
def suspend(scope: Named, reason: Reason, json_: Json = False) -> None:
    """Take automation of a slice away at once. It may earn its way back, on audits drawn from now on."""
    with connected() as adjudge:
        found = adjudge.automation.suspend(_full(scope), reason)
    print(as_json(found) if json_ else f"suspended  {short(found.scope)}: people decide")


@app.command()
def renew(scope: Named, reason: Reason, json_: Json = False) -> None:
    """Have the certificate of a slice that is in force computed again, with a new validity, by a keeper."""
    with connected() as adjudge:
        found = adjudge.automation.renew(_full(scope), reason)
    print(as_json(found) if json_ else f"to be renewed  {short(found.scope)}")


def _full(scope: str) -> str:
    return scope if scope.startswith("certificate:") else f"certificate:{scope}"


def _the(scope: str, slices: tuple[Slice, ...]) -> Slice:
    found = next((each for each in slices if each.scope == _full(scope)), None)
    if found is None:
        raise Refused(f"no slice {scope!r}; `adjudge automation ls` names them")
    return found
