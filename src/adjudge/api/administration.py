"""Keys, reviewers, deciders, configuration: what operators look at and admins hand out."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from adjudge.api.authentication import caller, require
from adjudge.api.decisions import PROBLEMS, Here
from adjudge.api.problems import Problem
from adjudge.api.views import encode
from adjudge.store import controls, deciders, keys, reviewers
from adjudge.store.scope import Scope

router = APIRouter(prefix="/v1", tags=["administration"])

Caller = Annotated[Scope, Depends(caller)]

NAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$"


class KeyBody(BaseModel):
    """A key to be made. Bound to locations (client) or pools; unset: all."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "till", "role": "client"}]})

    name: str = Field(pattern=NAME)
    role: Literal["client", "operator", "admin"]
    locations: list[str] | None = None
    pools: list[str] | None = None


class ReviewerBody(BaseModel):
    """A person to be added. The key is the person."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "anna", "pools": ["agents"]}]})

    name: str = Field(pattern=NAME)
    pools: list[str] = Field(min_length=1)


class SwitchBody(BaseModel):
    """Switch a decider off or on, at once and in every process."""

    model_config = ConfigDict(extra="forbid")

    on: bool
    reason: str = Field(max_length=500, min_length=1)


@router.post("/keys", status_code=201, responses=PROBLEMS)
async def create_key(body: KeyBody, scope: Caller, here: Here) -> Response:
    """Make a key. It is shown this once."""
    require(scope, "admin")
    for name in body.locations or ():
        here.revisions.current.location(name)
    secret = keys.new_secret()
    async with here.pool.acquire() as connection:
        key = await keys.create(
            connection,
            id=keys.new_key_id(),
            name=body.name,
            role=body.role,
            secret=secret,
            created_by=scope.principal,
            locations=body.locations,
            pools=body.pools,
        )
    return _json({**_key(key), "key": secret}, 201)


@router.get("/keys", responses=PROBLEMS)
async def list_keys(scope: Caller, here: Here) -> Response:
    """List keys; never the secrets."""
    require(scope, "admin")
    async with here.pool.acquire() as connection:
        return _json({"keys": [_key(key) for key in await keys.listed(connection, scope)]})


@router.delete("/keys/{key}", status_code=204, responses=PROBLEMS)
async def revoke_key(key: str, scope: Caller, here: Here) -> Response:
    """End a key. Replicas may take it for three more seconds."""
    require(scope, "admin")
    async with here.pool.acquire() as connection:
        if not await keys.revoke(connection, scope, key):
            raise Problem("not-found", f"there is no key {key!r} in use")
    return Response(status_code=204)


@router.post("/reviewers", status_code=201, responses=PROBLEMS)
async def add_reviewer(body: ReviewerBody, scope: Caller, here: Here) -> Response:
    """Add a person and make their key, shown this once."""
    require(scope, "admin")
    for name in body.pools:
        here.revisions.current.pool(name)
    secret = keys.new_secret()
    async with here.pool.acquire() as connection, connection.transaction():
        person = await reviewers.add(connection, scope, body.name, body.pools)
        if person is None:
            raise Problem("already-exists", f"there is a reviewer {body.name!r} already", pointer="#/name")
        await keys.create(
            connection,
            id=keys.new_key_id(),
            name=body.name,
            role="reviewer",
            secret=secret,
            created_by=scope.principal,
            pools=body.pools,
            reviewer=body.name,
        )
    return _json({**msgspec.to_builtins(person), "key": secret}, 201)


@router.get("/reviewers", responses=PROBLEMS)
async def list_reviewers(scope: Caller, here: Here) -> Response:
    """List the people and their pools."""
    require(scope, "operator")
    async with here.pool.acquire() as connection:
        return _json({"reviewers": await reviewers.listed(connection, scope)})


@router.get("/deciders", responses=PROBLEMS)
async def list_deciders(scope: Caller, here: Here) -> Response:
    """Read the state of every decider: breakers with reason, since and until, in each worker; switches."""
    require(scope, "operator")
    async with here.pool.acquire() as connection:
        states = await deciders.states(connection)
        in_force = await controls.read(connection)
    return _json(
        {
            "deciders": [
                {
                    "id": name,
                    "kind": "python",
                    "switched_off": name in in_force.switched_off,
                    "timeout_seconds": spec.timeout.total_seconds(),
                    "breaker": _worst([body for _, decider, body in states if decider == name]),
                    "workers": [{"process": process, **body} for process, decider, body in states if decider == name],
                }
                for name, spec in here.revisions.current.deciders.items()
            ]
        }
    )


@router.post("/deciders/{decider}/switch", responses=PROBLEMS)
async def switch_decider(decider: str, body: SwitchBody, scope: Caller, here: Here) -> Response:
    """Switch a decider off: what it has accepted but not settled is refused, and defers."""
    require(scope, "operator")
    if decider not in here.revisions.current.deciders:
        raise Problem("not-found", f"there is no decider {decider!r}")
    async with here.pool.acquire() as connection:
        generation = await controls.switch(connection, scope, decider, on=body.on, reason=body.reason)
    return _json({"decider": decider, "on": body.on, "generation": generation})


@router.get("/config", responses=PROBLEMS)
async def read_config(scope: Caller, here: Here) -> Response:
    """Read what this replica runs: revision, types, locations, thresholds set by hand."""
    require(scope, "operator")
    configuration = here.revisions.current
    return _json(
        {
            "revision": configuration.revision,
            "hash": configuration.hash,
            "types": sorted(configuration.types),
            "deciders": sorted(configuration.deciders),
            "pools": sorted(configuration.pools),
            "locations": sorted(configuration.locations),
            "set_by_hand": [
                {
                    "layer": threshold.layer,
                    "type": threshold.type,
                    "plan": threshold.plan,
                    "condition": threshold.condition,
                    "origin": str(threshold.origin),
                }
                for threshold in configuration.by_hand()
            ],
        }
    )


def _worst(states: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the breaker that is furthest from closed among the workers; None: no worker has reported."""
    order = {"open": 0, "probing": 1, "closed": 2}
    breakers = sorted(states, key=lambda body: order.get(str(body.get("breaker")), 3))
    if not breakers:
        return None
    return {
        "state": breakers[0].get("breaker"),
        **{name: breakers[0].get(name) for name in ("reason", "since", "until")},
    }


def _key(key: keys.Key) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(key)
    return found


def _json(value: object, status: int = 200) -> Response:
    return Response(encode(value), status_code=status, media_type="application/json")
