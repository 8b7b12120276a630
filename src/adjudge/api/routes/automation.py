"""Automation as operators see it: slices, certificates, audits, and why something is not automated."""

from collections.abc import Container
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from adjudge.api.answers import as_json
from adjudge.api.authentication import Operator
from adjudge.api.filters import check_names
from adjudge.api.problems import Problem
from adjudge.api.services import Here, Services
from adjudge.api.shapes import PROBLEMS
from adjudge.api.shapes.automation import AuditRecord, CertificateView, LearntView, OpenAudits, Slice, Slices, Why
from adjudge.core.plans import Certified
from adjudge.core.pools import Snapshot
from adjudge.engine.certificates import explaining
from adjudge.store.automation import audit_records, audit_seals, certificates, epochs, learning, parameters
from adjudge.store.automation.epochs import EpochRow
from adjudge.store.review import reviewers
from adjudge.store.scope import Scope
from adjudge.telemetry import names

router = APIRouter(prefix="/v1/automation", tags=["automation"])


class ScopeBody(BaseModel):
    """Which slice, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"scope": "…", "reason": "the camera was moved"}]}
    )

    scope: str = Field(min_length=1, max_length=400)
    reason: str = Field(min_length=1, max_length=500)


@router.get("", response_model=Slices, responses=PROBLEMS)
async def list_slices(scope: Operator, here: Here) -> Response:
    """Read how far each slice is automated, and what it still lacks."""
    async with here.pool.acquire() as connection:
        seen = [row for row in await epochs.current(connection) if _sees(scope, row.covers.locations)]
        spent = await epochs.spent(connection)
    return as_json({"slices": await _slices(here, scope), "expected_false": explaining.expected_false(seen, spent)})


@router.get("/why", response_model=Why, responses=PROBLEMS)
async def why(
    scope: Operator,
    here: Here,
    location: Annotated[str, Query(max_length=200)],
    question_type: Annotated[str, Query(alias="type", max_length=200)],
) -> Response:
    """Read in a sentence why questions of a type are automated at a location, or not."""
    if not scope.sees(location):
        raise Problem("unknown-location", f"no location {location!r} is known to this key")
    configuration = here.revisions.current
    kind, plan = configuration.question_type(location, question_type), configuration.plan(location, question_type)
    slice_ = configuration.location(location).slice_by(kind.audits.slices) if kind.audits is not None else ""
    scopes = [
        plan.scope(index, question_type, slice_)
        for index, stage in enumerate(plan.stages)
        if isinstance(stage.accept, Certified)
    ]
    found = [each for each in await _slices(here, scope) if each["scope"] in scopes]
    return as_json({"why": explaining.sentence(plan, kind, found), "slices": found})


@router.get("/audits", response_model=OpenAudits, responses=PROBLEMS)
async def list_audits(
    scope: Operator,
    here: Here,
    question_type: Annotated[str | None, Query(alias="type", max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Read which audits are open, where each stands and how old it is; the oldest first."""
    await check_names(here, scope, question_type, None)
    async with here.pool.acquire() as connection:
        found = await audit_records.open_audits(connection, scope, question_type, limit)
    return as_json({"audits": found})


@router.get("/audits/{decision}", response_model=AuditRecord, responses=PROBLEMS)
async def read_audit(decision: UUID, scope: Operator, here: Here) -> Response:
    """Read the record of a closed audit: its truth and by whom, votes, what each model said."""
    async with here.pool.acquire() as connection:
        found = await audit_records.life(connection, scope, decision)
    if found is None:
        raise Problem("not-found", "no closed audit of this decision is known to this key")
    raw = {name: msgspec.Raw(str(found[name]).encode()) for name in ("votes", "opinions", "expert_coin", "facts")}
    return as_json({**{name: value for name, value in found.items() if name not in ("org", "prefixes")}, **raw})


@router.get("/learnt", response_model=LearntView, responses=PROBLEMS)
async def read_learnt(scope: Operator, here: Here) -> Response:
    """Read what is learnt of reviewers and of how votes weigh, by question type: the snapshots in force.

    A key bound to pools is told of their people.
    """
    async with here.pool.acquire() as connection:
        found = await learning.current(connection)
        seen = None if scope.pools is None else {each.name for each in await reviewers.listed(connection, scope)}
    return as_json({"learnt": [_learnt(*each, seen) for each in found]})


@router.get("/certificates/{certificate}", response_model=CertificateView, responses=PROBLEMS)
async def read_certificate(certificate: str, scope: Operator, here: Here) -> Response:
    """Read a certificate with its inputs by id, the lost ones too: enough to compute it again. And its calibration."""
    async with here.pool.acquire() as connection:
        found = await certificates.get(connection, certificate)
        if found is None or not _sees(scope, msgspec.json.decode(found.covers)["locations"]):
            raise Problem("not-found", "no such certificate is known to this key")
        force = await certificates.in_force(connection, [found.scope])
        ended = await epochs.ended(connection, found.scope, found.epoch)
        changed = await audit_seals.broken(connection, found.sealed)
        calibration = await parameters.named(connection, found.calibration)
    return as_json(
        {
            "id": found.id,
            "scope": found.scope,
            "epoch": found.epoch,
            "issued_at": found.issued_at,
            "in_force": force.get(found.scope, ("", 0))[0] == found.id,
            "ended": ended and {"at": ended[0], "why": ended[1]},
            "changed": changed,
            "body": msgspec.Raw(found.body.encode()),
            "licence": msgspec.Raw(found.licence.encode()),
            "calibration": msgspec.Raw(calibration.encode()) if calibration is not None else None,
        }
    )


@router.post("/suspend", response_model=Slice, responses=PROBLEMS)
async def suspend(body: ScopeBody, scope: Operator, here: Here) -> Response:
    """Take automation of a slice away at once: people take over, and it may earn its way back on new audits."""
    async with here.pool.acquire() as connection, connection.transaction():
        row = await _row(connection, scope, body.scope)
        if row.scope in await certificates.in_force(connection, [row.scope]):
            await epochs.suspend(connection, scope, row, "operator", body.reason)
            names.CERTIFICATES_SUSPENDED.labels(row.covers.type, "operator").inc()
        elif row.scope not in await epochs.suspended(connection):  # said again, it stays as it is
            raise Problem("nothing-in-force", "no certificate is in force here: people decide already")
    return as_json(await _slice(here, scope, row.scope))


@router.post("/renew", response_model=Slice, responses=PROBLEMS)
async def renew(body: ScopeBody, scope: Operator, here: Here) -> Response:
    """Have a slice's certificate computed again on what its epoch knows, with a new validity, within seconds.

    What has run out is not in force: audits drawn since bring it back, and nobody's word.
    """
    async with here.pool.acquire() as connection, connection.transaction():
        row = await _row(connection, scope, body.scope)
        if row.scope not in await certificates.in_force(connection, [row.scope]):
            gone = (await epochs.suspended(connection)).get(row.scope)
            lacks = explaining.slice_of(row, None, gone)["reason"]
            raise Problem("nothing-in-force", f"no certificate is in force here, and only audits can earn one: {lacks}")
        if row.inherited is not None:
            raise Problem("nothing-in-force", f"what is in force here is its group's: renew {row.covers.parent}")
        await epochs.ask_to_renew(connection, scope, row, body.reason)
    return as_json(await _slice(here, scope, row.scope))


async def _row(connection: Any, scope: Scope, name: str) -> EpochRow:
    found = await epochs.current(connection, name if name.startswith("certificate:") else f"certificate:{name}")
    if not found or not _sees(scope, found[0].covers.locations):
        raise Problem("not-found", f"no certified slice {name!r} is known to this key")
    if scope.locations is not None and not set(found[0].covers.locations) <= set(scope.locations):
        raise Problem("forbidden", "the slice covers locations that this key does not reach")
    return found[0]


async def _slice(here: Services, scope: Scope, name: str) -> dict[str, Any]:
    return next(each for each in await _slices(here, scope) if each["scope"] == name)


async def _slices(here: Services, scope: Scope) -> list[dict[str, Any]]:
    async with here.pool.acquire() as connection:
        rows = await epochs.current(connection)
        force = await certificates.in_force(connection)
        suspended = await epochs.suspended(connection)
    return [
        explaining.slice_of(row, force.get(row.scope), suspended.get(row.scope))
        for row in rows
        if _sees(scope, row.covers.locations)
    ]


def _learnt(question_type: str, snapshot: Snapshot, at: datetime, seen: Container[str] | None) -> dict[str, Any]:
    return {
        "type": question_type,
        "snapshot": snapshot.number,
        "published_at": at,
        "votes": snapshot.votes,
        "audits": snapshot.audits,
        "people": [
            {"reviewer": name, **msgspec.to_builtins(known)}
            for name, known in snapshot.people.items()
            if seen is None or name in seen
        ],
        "stages": [
            {
                "stage": name,
                "deciders": stage.deciders,
                "audits": stage.audits,
                "weights": stage.after,
                "accepted_risks": stage.stops.risks,
            }
            for name, stage in snapshot.stages.items()
        ],
    }


def _sees(scope: Scope, locations: Any) -> bool:
    return scope.locations is None or any(scope.sees(name) for name in locations)
