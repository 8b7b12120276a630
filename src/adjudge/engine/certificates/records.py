"""What a certificate says, its inputs among it, and whether rightly: computed again from its record. No I/O."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

import msgspec

from adjudge.automation.against_people import NoWorse, Over
from adjudge.automation.betting import Epoch
from adjudge.automation.certifying import Licensed, Start, Unanimity
from adjudge.automation.paired import Paired
from adjudge.automation.samples import Audit, Beside, Role
from adjudge.automation.weighed import Weighed
from adjudge.core.answers import canonical
from adjudge.core.licences import Licence, Terms
from adjudge.engine.certificates.licensing import AnyState, Judged
from adjudge.store.automation.covers import Covers
from adjudge.store.automation.epochs import EpochRow

_ACTED_ON: Final = ("scope", "threshold", "calibrator", "calibration", "target", "confidence", "valid_until")
"""What a licence says that its certificate says, too."""


def body_of(
    row: EpochRow,
    state: AnyState,
    verdict: Licensed | NoWorse,
    unanimity: Unanimity | None,
    inputs: Sequence[Judged],
    *,
    seals: Mapping[str, str],
    issued_at: datetime,
) -> dict[str, Any]:
    """Return all that a certificate says, its inputs by id among it; `seals`: hashes of their records, by decision."""
    covers = row.covers
    body = {
        "scope": row.scope,
        "covers": covers,
        "epoch": row.number,
        "first_number": row.first_number,
        "look": state.looks,
        "target": covers.target,
        "confidence": covers.confidence,
        "delta": state.epoch.delta,
        "scale": "expert" if covers.has_expert else "consensus",
        "threshold": verdict.threshold,
        "coverage": verdict.coverage,
        "p_value": verdict.p_value,
        "audits": verdict.audits,
        **evidence_of(verdict),
        "start": {"threshold": verdict.start.threshold, "why": verdict.start.why},
        "grid": state.epoch.grid,
        "calibration": state.calibration,
        "calibrator": state.calibrator,
        "earlier": state.earlier,
        "unanimity": unanimity and {"checked": unanimity.checked, "wrong": unanimity.wrong},
        "issued_at": issued_at,
        "valid_until": _valid_until(covers, issued_at),
        "inputs": [_input(each, covers, seals.get(each.decision)) for each in inputs],
    }
    if covers.people is not None:
        body["people"] = covers.people
    if covers.money is not None:
        body |= {"money": covers.money, "largest": state.largest}
    return plain(body)


def licence_of(
    certificate: str, row: EpochRow, state: AnyState, threshold: float, behind: tuple[Terms, ...], issued_at: datetime
) -> Licence:
    """Return what processes act on under a certificate. `behind`: what earlier stages let through."""
    covers = row.covers
    return Licence(
        certificate=certificate,
        scope=row.scope,
        threshold=threshold,
        calibrator=state.calibrator,
        calibration=state.calibration,
        target=covers.target,
        confidence=covers.confidence,
        valid_until=_valid_until(covers, issued_at),
        earlier=state.earlier,
        behind=behind,
        people=covers.people,
        money=covers.money,
        by_consensus=not covers.has_expert,
    )


def _valid_until(covers: Covers, issued_at: datetime) -> datetime:
    return issued_at + timedelta(seconds=covers.validity_seconds)


def _input(each: Judged, covers: Covers, seal: str | None) -> dict[str, Any]:
    """Return what a certificate says of one audit. `seal`: hash of its record; None: it has none."""
    audit = each.audit
    said = {
        "decision": each.decision,
        "number": audit.number,
        "role": audit.role.value,
        "score": audit.score,
        "wrong": audit.wrong,
        "lost": audit.lost,
    }
    if audit.beside is not None and covers.people is not None:
        said |= {"rest_wrong": audit.beside.rest_wrong, "people_wrong": audit.beside.people_wrong}
    if covers.money is not None:
        said["weight"] = audit.weight
    if seal is not None:
        said["record"] = seal
    return said


def plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a certificate says as its record has it: in values of JSON."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    return found


def evidence_of(verdict: Licensed | NoWorse) -> dict[str, Any]:
    """Return the counts that a verdict rests on, as certificates and standings have them."""
    match verdict:
        case NoWorse(only_model_wrong=only_model, only_people_wrong=only_people):
            return {"only_model_wrong": only_model, "only_people_wrong": only_people}
        case Licensed(errors=errors, upper_bound=upper_bound):
            return {"errors": errors, "upper_bound": upper_bound}
        case _:
            assert_never(verdict)


def id_of(body: Mapping[str, Any]) -> str:
    """Return the certificate's id: a hash over everything that it says."""
    return "c-" + hashlib.sha256(canonical(dict(body)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a recomputation found."""

    hash_holds: bool
    licence_holds: bool
    threshold: float | None
    """The loosest that the inputs license; None: none."""
    audits: int
    lost: int


def verify(certificate: str, body: Mapping[str, Any]) -> Verified:
    """Compute hash and licence again from the record: every look that could have been, after every audit."""
    shown = _looked_at(body, [_given(each, "people" in body) for each in body["inputs"]])
    threshold = shown.threshold if shown is not None else None
    return Verified(
        hash_holds=id_of(body) == certificate,
        licence_holds=threshold is not None and threshold <= body["threshold"],
        threshold=threshold,
        audits=len(body["inputs"]),
        lost=sum(each["lost"] for each in body["inputs"]),
    )


def acts_otherwise(certificate: str, licence: Mapping[str, Any], body: Mapping[str, Any]) -> list[str]:
    """Return in what the licence that processes act on departs from the certificate that it is of, as JSON has both."""
    said = {name: body.get(name) for name in ("people", "money", *_ACTED_ON)}
    said |= {"certificate": certificate, "earlier": body.get("earlier", [])}
    if "inherits" in body:
        said["behind"] = body.get("behind", [])
    return sorted(name for name, value in said.items() if licence.get(name) != value)


def _given(each: Mapping[str, Any], is_beside: bool) -> Audit:
    return Audit(
        number=each["number"],
        score=each["score"],
        wrong=each["wrong"],
        role=Role(each["role"]),
        lost=each["lost"],
        beside=Beside(each["rest_wrong"], each["people_wrong"]) if is_beside else None,
        weight=each.get("weight", 1.0),
    )


def _looked_at(body: Mapping[str, Any], audits: Sequence[Audit]) -> Licensed | NoWorse | None:
    """Return what the evidence shows after all looks that could have been."""
    start = Start(threshold=body["start"]["threshold"], why=body["start"]["why"])
    delta, grid, people = body["delta"], body["grid"], body.get("people")
    if people is not None:  # no looks to repeat: the bet itself keeps the highest capital that it had
        over = Over(people["over"])
        paired = Paired.begin(margin=people["margin"], over=over, delta=delta, grid=grid, start=start)
        return paired.after(audits).of_now()
    if "money" in body:
        weighed = Weighed.begin(target=body["target"], delta=delta, grid=grid, start=start)
        return weighed.after(audits).of_now()
    unanimity = Unanimity(**body["unanimity"]) if body["unanimity"] else None
    epoch = Epoch.begin(target=body["target"], delta=delta, grid=grid, start=start)
    for audit in audits:
        epoch, _ = epoch.after([audit]).look(unanimity=unanimity)
    return epoch.of_now(unanimity=unanimity)
