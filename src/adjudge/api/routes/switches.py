"""Switches: deciders, and all automation of a type, a location or a group, off and on at once."""

from datetime import timedelta
from typing import Any, Literal

import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from adjudge.api.answers import as_json
from adjudge.api.authentication import Operator
from adjudge.api.problems import Problem
from adjudge.api.services import Here, Services
from adjudge.api.shapes import PROBLEMS
from adjudge.api.shapes.configuration import Switches, SwitchView
from adjudge.core.controls import EVERYWHERE
from adjudge.engine.configuration.lookout import CHANGED
from adjudge.store import controls
from adjudge.store.controls import Switch
from adjudge.store.scope import Scope

router = APIRouter(prefix="/v1/controls", tags=["controls"])

LONGEST_SECONDS = 90 * 86_400


class ControlBody(BaseModel):
    """What to switch. Off: people are asked, or the fallback answers; what was accepted and not settled defers."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"kind": "group", "name": "eu", "on": False, "reason": "new shelves", "for_seconds": 7200}]
        },
    )

    kind: Literal["decider", "type", "location", "group", "everywhere"]
    name: str = Field("", max_length=200, description="of the decider, type, location or group")
    at: str | None = Field(None, max_length=100, description="of a type: at this location alone")
    on: bool
    reason: str = Field(min_length=1, max_length=500)
    for_seconds: float | None = Field(
        None, gt=0, le=LONGEST_SECONDS, description="after which it is on again by itself; unset: when you say so"
    )


@router.get("", response_model=Switches, responses=PROBLEMS)
async def list_controls(scope: Operator, here: Here, all: bool = False) -> Response:
    """List what is switched off, and what was until its time was over; `all`: also what was switched on again."""
    async with here.pool.acquire() as connection:
        found = await controls.listed(connection, scope, all_=all)
    return as_json({"switches": [_view(each) for each in found if _sees(scope, each.scope)]})


@router.post("", response_model=SwitchView, responses=PROBLEMS)
async def switch(body: ControlBody, scope: Operator, here: Here) -> Response:
    """Switch off or on, in every process within a second, and exactly where outcomes are written.

    A key that is bound to locations switches these, and types at these.
    """
    name, location = _named(body), body.at if body.kind == "type" else body.name if body.kind == "location" else None
    if scope.locations is not None and (location is None or not scope.sees(location)):
        raise Problem("forbidden", "your key is bound to some locations, and this switch reaches beyond them")
    _check_known(here, body)
    lasting = None if body.for_seconds is None else timedelta(seconds=body.for_seconds)
    async with here.pool.acquire() as connection:
        switched = await controls.switch(
            connection, scope, name, on=body.on, reason=body.reason, lasting=lasting, location=location
        )
    here.lookout.wake()
    await here.streams.hint(CHANGED, b"")
    return as_json(_view(switched))


def _named(body: ControlBody) -> str:
    if body.kind == "everywhere":
        return EVERYWHERE
    if body.at is not None and body.kind != "type":
        raise Problem("invalid-body", "only a type is switched at a location", pointer="#/at")
    return f"{body.kind}:{body.name}" + (f"@{body.at}" if body.at is not None else "")


def _check_known(here: Services, body: ControlBody) -> None:
    """Refuse what no revision that is held has: a slip of the pen would switch nothing off. Raises Problem."""
    held = here.revisions.held
    known: set[str] = set()
    match body.kind:
        case "decider":
            known = {name for each in held for name in each.deciders}
        case "type":
            known = {name for each in held for site in each.sites.values() for name in site.types}
        case "location":
            known = {name for each in held for name in each.sites}
        case "group":
            known = {name for each in held for site in each.sites.values() for name in site.location.groups}
        case "everywhere":
            known = {body.name}
    if body.name not in known:
        raise Problem("not-found", f"there is no {body.kind} {body.name[:100]!r}", pointer="#/name")
    if body.at is not None and not any(body.at in each.sites for each in held):
        raise Problem("not-found", f"there is no location {body.at!r}", pointer="#/at")


def _sees(scope: Scope, name: str) -> bool:
    """Return whether a key may know of a switch: a bound one of its own locations, and of what holds for all."""
    _, at, place = name.partition("@")
    if name.startswith("location:"):
        return scope.sees(name.removeprefix("location:"))
    return not (name.startswith("type:") and at) or scope.sees(place)


def _view(switched: Switch) -> dict[str, Any]:
    kind, _, rest = switched.scope.partition(":")
    name, _, at = rest.partition("@") if kind == "type" else (rest, "", "")
    return {**msgspec.to_builtins(switched), "kind": kind, "name": name, "at": at or None}
